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
  let values: Values<O>
  try {
    values = parseArgs({ options: { ...options, help: { type: 'boolean' } } }).values as Values<O>
  } catch (error) {
    console.error(`${(error as Error).message.split('. ')[0]}; it is called so:\n${usage}`)
    process.exit(2)
  }
  if (!('help' in values)) return values
  console.log(usage)
  process.exit(0)
}
