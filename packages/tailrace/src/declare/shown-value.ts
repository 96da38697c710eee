import { isStrayPromise } from './stray-promise.ts'

/** What a function of the application gave instead of what it must, in words, for messages: never its content. */
export function shownValue(value: unknown): string {
  if (isStrayPromise(value)) return 'a promise'
  if (value === null || value === undefined || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value !== 'object') return `a ${typeof value}`
  const { name } = (value.constructor as { readonly name?: string } | undefined) ?? {}
  return name === undefined || name === '' || name === 'Object' ? 'an object' : `a ${name}`
}
