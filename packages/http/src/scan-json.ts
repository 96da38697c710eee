import type { PointedError } from './problem.ts'

/**
 * What is wrong with a JSON text: `malformed` is not JSON that means one thing (syntax, duplicate keys, too deep);
 * `unacceptable` is JSON that some part behind us could not keep exactly (U+0000, lone surrogates, numbers that a
 * double cannot hold, keys that reach a prototype).
 */
export interface JsonFault extends PointedError {
  readonly kind: 'malformed' | 'unacceptable'
}

/** Judges a JSON text before anything parses it; undefined: `JSON.parse` accepts it and it is safe. Linear time. */
export function scanJson(text: string, maxDepth: number): JsonFault | undefined {
  try {
    new Scanner(text, maxDepth).document()
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error.fault
    throw error
  }
}

class Fault extends Error {
  readonly fault: JsonFault

  constructor(fault: JsonFault) {
    super(fault.message)
    this.fault = fault
  }
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])
const quote = 0x22
const backslash = 0x5c
const comma = 0x2c

class Scanner {
  readonly #text: string
  readonly #maxDepth: number
  readonly #path: (string | number)[] = []
  #at = 0

  constructor(text: string, maxDepth: number) {
    this.#text = text
    this.#maxDepth = maxDepth
  }

  document(): void {
    this.#value()
    this.#blank()
    if (this.#at < this.#text.length) this.#malformed('expected the end after the value')
  }

  #value(): void {
    this.#blank()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return void this.#string()
      case 't':
        return this.#word('true')
      case 'f':
        return this.#word('false')
      case 'n':
        return this.#word('null')
      default:
        return this.#number()
    }
  }

  #object(): void {
    const seen = new Set<string>()
    this.#enter()
    if (this.#closes('}')) return
    do {
      this.#blank()
      if (this.#code() !== quote) this.#malformed('expected a key in double quotes')
      const key = this.#string()
      this.#path.push(key)
      if (seen.has(key))
        this.#fail(
          'malformed',
          'duplicate_key',
          `expected each key once, got ${JSON.stringify(key)} twice`,
        )
      if (forbiddenKeys.has(key))
        this.#fail('unacceptable', 'forbidden_key', `expected no key ${JSON.stringify(key)}`)
      seen.add(key)
      this.#blank()
      if (this.#text[this.#at++] !== ':') this.#malformed('expected ":" after the key')
      this.#value()
      this.#path.pop()
    } while (this.#more('}'))
  }

  #array(): void {
    this.#enter()
    if (this.#closes(']')) return
    let index = 0
    do {
      this.#path.push(index++)
      this.#value()
      this.#path.pop()
    } while (this.#more(']'))
  }

  #enter(): void {
    this.#at++
    // Objects and arrays on the path: the path has one entry for each level above this one.
    if (this.#path.length >= this.#maxDepth) {
      this.#fail('malformed', 'too_deep', `expected at most ${this.#maxDepth} levels of nesting`)
    }
  }

  #closes(end: string): boolean {
    this.#blank()
    if (this.#text[this.#at] !== end) return false
    this.#at++
    return true
  }

  #more(end: string): boolean {
    this.#blank()
    const next = this.#text.charCodeAt(this.#at++)
    if (next === comma) return true
    if (next === end.charCodeAt(0)) return false
    this.#at--
    return this.#malformed(`expected "," or "${end}"`)
  }

  /** Walks over a string and returns it decoded. */
  #string(): string {
    const start = this.#at++
    let escaped = false
    let high = false
    for (;;) {
      let code = this.#code()
      if (code === quote) break
      if (Number.isNaN(code)) this.#malformed('expected the end of the string')
      if (code < 0x20) this.#malformed('expected control characters in strings to be escaped')
      if (code === backslash) {
        escaped = true
        code = this.#escape()
      } else this.#at++
      if (high !== isLow(code)) this.#loneSurrogate()
      high = isHigh(code)
    }
    if (high) this.#loneSurrogate()
    this.#at++
    return escaped
      ? (JSON.parse(this.#text.slice(start, this.#at)) as string)
      : this.#text.slice(start + 1, this.#at - 1)
  }

  /** Walks over an escape sequence and returns its code unit (or any other unit that is no surrogate). */
  #escape(): number {
    const kind = this.#text[this.#at + 1]
    if (kind !== 'u') {
      if (kind === undefined || !'"\\/bfnrt'.includes(kind))
        this.#malformed('expected a known escape after "\\"')
      this.#at += 2
      return 0x20
    }
    const hex = this.#text.slice(this.#at + 2, this.#at + 6)
    if (!/^[0-9a-fA-F]{4}$/.test(hex))
      this.#malformed('expected four hexadecimal digits after "\\u"')
    this.#at += 6
    const code = Number.parseInt(hex, 16)
    if (code === 0) this.#fail('unacceptable', 'nul_character', 'expected no U+0000 in text')
    return code
  }

  #number(): void {
    number.lastIndex = this.#at
    const digits = number.exec(this.#text)?.[0]
    if (digits === undefined) return this.#malformed('expected a value')
    this.#at += digits.length
    const value = Number(digits)
    const lost =
      !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))
    if (lost)
      this.#fail(
        'unacceptable',
        'number_too_large',
        `expected a number that is exact below 2^53, got ${short(digits)}`,
      )
    if (value === 0 && /^-?[0.]*[1-9]/.test(digits)) {
      this.#fail(
        'unacceptable',
        'number_too_small',
        `expected a number that a double can hold, got ${short(digits)}`,
      )
    }
  }

  #word(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) this.#malformed('expected a value')
    this.#at += word.length
  }

  #blank(): void {
    for (;;) {
      const code = this.#code()
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at)
  }

  #loneSurrogate(): never {
    return this.#fail(
      'unacceptable',
      'lone_surrogate',
      'expected whole characters, got half of a surrogate pair',
    )
  }

  #malformed(expectation: string): never {
    const got = this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : 'the end'
    return this.#fail('malformed', 'syntax', `${expectation}, got ${got} at character ${this.#at}`)
  }

  #fail(kind: JsonFault['kind'], code: string, message: string): never {
    throw new Fault({ kind, code, message, pointer: pointerOf(this.#path) })
  }
}

/** A JSON Pointer (RFC 6901) that is itself safe to send: cut at 512 characters, lone surrogates replaced. */
export function pointerOf(path: readonly (string | number)[]): string {
  const text = path
    .map((part) => '/' + String(part).replaceAll('~', '~0').replaceAll('/', '~1'))
    .join('')
  return text.toWellFormed().slice(0, 512)
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}

function short(digits: string): string {
  return digits.length > 40 ? digits.slice(0, 40) + '…' : digits
}
