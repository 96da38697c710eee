import { parseArgs, type ParseArgsConfig } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>
type Values<O extends Options> = ReturnType<
  typeof parseArgs<{ options: O & { help: { type: 'boolean' } } }>
>['values']

/**
 * The options of a command, of which `usage` says in some lines what they are. With `--help` it prints that and ends the
 * process; an option that it does not have ends it with status 2 and says so.
 */
export function commandLine<const O extends Options>(usage: string, options: O): Values<O> {
  return parsed(usage, options, false).values
}

/** As `commandLine`, of a command that takes words besides. */
export function commandLineWithWords<const O extends Options>(
  usage: string,
  options: O,
): { readonly values: Values<O>; readonly words: readonly string[] } {
  return parsed(usage, options, true)
}

function parsed<const O extends Options>(
  usage: string,
  options: O,
  allowPositionals: boolean,
): { readonly values: Values<O>; readonly words: readonly string[] } {
  let values: Values<O>
  let words: readonly string[]
  try {
    const found = parseArgs({
      options: { ...options, help: { type: 'boolean' } },
      allowPositionals,
    })
    values = found.values as Values<O>
    words = found.positionals
  } catch (error) {
    refuse(`${(error as Error).message.split('. ')[0]}; it is called so:\n${usage}`)
  }
  if (!('help' in values)) return { values, words }
  console.log(usage)
  process.exit(0)
}

/** Ends a command that was called wrongly: "expected X, got Y", without a stack, and status 2. */
export function refuse(text: string): never {
  console.error(text)
  process.exit(2)
}
