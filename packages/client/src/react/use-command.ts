import { useCallback, useEffect, useRef, useState } from 'react'

export interface CommandState<R> {
  /** True from the first `send` until the last one is answered. */
  readonly sending: boolean
  /** The last answer: a result or a rejection. */
  readonly result: R | undefined
  /** Why the last one got no answer. */
  readonly error: Error | undefined
}

/**
 * A command for a form: `const [place, { sending, result }] = useCommand(client.commands.placeOrder)`. `send` resolves as
 * the command does, and also tells by the state; answers that arrive after a later `send` are not shown.
 */
export function useCommand<Arguments extends readonly unknown[], R>(
  command: (...args: Arguments) => Promise<R>,
): readonly [(...args: Arguments) => Promise<R>, CommandState<R>] {
  const [state, setState] = useState<CommandState<R>>({
    sending: false,
    result: undefined,
    error: undefined,
  })
  const last = useRef(0)
  const mounted = useRef(false)
  useEffect(() => {
    mounted.current = true
    return () => void (mounted.current = false)
  }, [])
  const send = useCallback(
    async (...args: Arguments): Promise<R> => {
      const mine = ++last.current
      const show = (next: CommandState<R>): void => {
        if (mounted.current && mine === last.current) setState(next)
      }
      show({ sending: true, result: undefined, error: undefined })
      try {
        const result = await command(...args)
        show({ sending: false, result, error: undefined })
        return result
      } catch (error) {
        show({ sending: false, result: undefined, error: error as Error })
        throw error
      }
    },
    [command],
  )
  return [send, state]
}
