/** The seeds of a command line, `a..b` or one: undefined when it names none. */
export function seedRange(
  text: string,
): { readonly from: number; readonly to: number } | undefined {
  const [, first, last = first] = /^(\d+)(?:\.\.(\d+))?$/.exec(text) ?? []
  const [from, to] = [Number(first), Number(last)]
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && from <= to
    ? { from, to }
    : undefined
}
