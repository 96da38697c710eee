import * as fc from 'fast-check'
import { nastyValues } from './nasty-bodies.ts'

type Path = readonly (string | number)[]

/**
 * Texts made of an input that works by putting something nasty in the place of one of its parts, beside its fields, or
 * instead of nothing: what reaches the rules and stores behind the schema, not only the schema.
 */
export function mutatedInputs(input: unknown): fc.Arbitrary<string> {
  const places = placesOf(input, [])
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...nastyValues.filter((text) => text.length < 2_000)) },
    { weight: 1, arbitrary: fc.json({ depthSize: 'small' }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)) },
    { weight: 1, arbitrary: fc.integer().map(String) },
  )
  const replaced = fc
    .tuple(fc.constantFrom(...places), value)
    .map(([path, text]) => write(input, path, text))
  const without = fc.constantFrom(...places).map((path) => write(input, path, undefined))
  const beside = fc
    .tuple(fc.string(), value)
    .map(([key, text]) => `${JSON.stringify(input).slice(0, -1)},${JSON.stringify(key)}:${text}}`)
  return fc.oneof(
    { weight: 6, arbitrary: replaced },
    { weight: 2, arbitrary: without },
    { weight: 1, arbitrary: beside },
  )
}

function placesOf(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [
    path,
    ...Object.entries(value).flatMap(([key, part]) =>
      placesOf(part, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ]
}

/** The JSON of a value with another text at a path; undefined leaves the part out. */
function write(value: unknown, path: Path, text: string | undefined): string {
  const [first, ...rest] = path
  if (first === undefined) return text ?? ''
  const part = (key: string | number, of: unknown): string =>
    key === first ? write(of, rest, text) : JSON.stringify(of)
  if (Array.isArray(value))
    return `[${value
      .map((of, index) => part(index, of))
      .filter((one) => one !== '')
      .join(',')}]`
  const fields = Object.entries(value as object).map(([key, of]) => [key, part(key, of)] as const)
  return `{${fields
    .filter(([, one]) => one !== '')
    .map(([key, one]) => `${JSON.stringify(key)}:${one}`)
    .join(',')}}`
}
