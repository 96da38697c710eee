import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scanJson } from './scan-json.ts'

const fault = (text: string, maxDepth = 64): string | undefined => {
  const found = scanJson(text, maxDepth)
  return found && `${found.code} at "${found.pointer}"`
}

describe('the scanner', () => {
  test.each([
    ['{"a":[1,{"b":"\\u0000"}]}', 'nul_character at "/a/1/b"'],
    ['{"a/b":{"c~d":9007199254740993}}', 'number_too_large at "/a~1b/c~0d"'],
    ['[1e400]', 'number_too_large at "/0"'],
    ['[1e-400]', 'number_too_small at "/0"'],
    ['{"a":{"b":1,"b":2}}', 'duplicate_key at "/a/b"'],
    ['{"a":1,"\\u0061":2}', 'duplicate_key at "/a"'],
    ['{"x":{"__proto__":1}}', 'forbidden_key at "/x/__proto__"'],
    ['["\\ud800"]', 'lone_surrogate at "/0"'],
    ['["\\ude00\\ud83d"]', 'lone_surrogate at "/0"'],
    ['{"a":[1,]}', 'syntax at "/a/1"'],
    ['{"a":1', 'syntax at ""'],
    ['', 'syntax at ""'],
    ['{} {}', 'syntax at ""'],
    ['[[[]]]', undefined],
    ['"\\ud83d\\ude00"', undefined],
    ['[0, -0, 0e5, 1.5, -9007199254740991]', undefined],
  ])('says of %s: %s', (text, expected) => {
    expect(fault(text)).toBe(expected)
  })

  test('counts levels of nesting', () => {
    expect(fault('[[[1]]]', 3)).toBeUndefined()
    expect(fault('[[{"a":[1]}]]', 3)).toBe('too_deep at "/0/0/a"')
  })

  test('accepts every document that JSON can write of plain data', () => {
    const plain = fc.json({ depthSize: 'small', noUnicodeString: false })
    fc.assert(
      fc.property(plain, (text) => {
        const found = scanJson(text, 64)
        // Random data meets the limits of numbers and keys now and then; it is never malformed.
        expect(found?.kind).not.toBe('malformed')
      }),
      { numRuns: 2_000 },
    )
  })

  test('finds a syntax error exactly where JSON.parse finds one', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '"\\n"',
      '"\\x"',
      '"',
      '1',
      '-',
      '0',
      '1.5',
      '1e5',
      'e',
      'true',
      'nul',
      'null',
      ' ',
      '\n',
      '\t',
      '\\',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (list) => {
        const text = list.join('')
        let parses = true
        try {
          JSON.parse(text)
        } catch {
          parses = false
        }
        const found = scanJson(text, 64)
        // Something else that is refused may stand before the error.
        if (found === undefined || found.code === 'syntax')
          expect(found !== undefined).toBe(!parses)
      }),
      { numRuns: 20_000 },
    )
  })

  test('takes time in proportion to the length, not to the nesting', () => {
    expect(fault('['.repeat(1_000_000))).toBe(`too_deep at "${'/0'.repeat(64)}"`)
    expect(fault(`"${'\\u0041'.repeat(100_000)}"`)).toBeUndefined()
    expect(fault(`[${'"'.repeat(100_001)}`)).toBe('syntax at ""')
  })
})
