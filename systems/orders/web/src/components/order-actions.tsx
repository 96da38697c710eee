import { useEffect, useRef, useState } from 'react'
import type { OrderData } from '../api.ts'
import { stepsFor, type Step } from '../order-steps.ts'
import { notSentText, useSend } from '../send.ts'
import { useSession } from '../session.ts'

interface Message {
  readonly tone: 'good' | 'bad'
  readonly text: string
}

/** What was clicked, with the buttons as they stood then. */
interface Running {
  readonly step: Step
  readonly steps: readonly Step[]
}

const unknownText =
  'It may have been saved all the same: the page shows it as soon as that is known.'

// The second click of a double click must not hit the button that takes the first one's place.
const restMs = 600

/** What the viewer may do with an order now. Effects show at once and are confirmed by the read model, or taken back. */
export function OrderActions({
  order,
  refetch,
}: {
  readonly order: OrderData
  readonly refetch: () => void
}) {
  const viewer = useSession()
  const send = useSend()
  const [message, setMessage] = useState<Message>()
  const [running, setRunning] = useState<Running>()
  const offered = stepsFor(order, viewer)
  const steps = running?.steps ?? offered
  const run = async (step: Step): Promise<void> => {
    if (running !== undefined) return
    setRunning({ step, steps })
    setMessage(undefined)
    const rest = new Promise((resolve) => setTimeout(resolve, restMs))
    setMessage(await messageOf(step, send))
    refetch()
    await rest
    setRunning(undefined)
  }
  const card = useFocusKept(running === undefined)
  if (steps.length === 0 && message === undefined) return null
  return (
    <section className="card" aria-label="Actions" ref={card} tabIndex={-1}>
      <div className="card-body stack tight">
        {steps.map((step) => (
          <button
            key={step.name}
            type="button"
            className={`button ${step.tone}`}
            aria-disabled={running !== undefined}
            onClick={({ detail }) => detail <= 1 && void run(step)}
            data-testid={`action-${step.name}`}
          >
            {running?.step.name === step.name && message === undefined ? 'Sending…' : step.label}
          </button>
        ))}
        <div role="status" data-testid="action-message">
          {message === undefined ? null : (
            <div className={`notice ${message.tone}`}>{message.text}</div>
          )}
        </div>
      </div>
    </section>
  )
}

async function messageOf(step: Step, send: ReturnType<typeof useSend>): Promise<Message> {
  try {
    const refusal = await step.act(send)
    return refusal === undefined
      ? { tone: 'good', text: step.done }
      : { tone: 'bad', text: refusal }
  } catch (error) {
    return { tone: 'bad', text: notSentText(error as Error, unknownText) }
  }
}

/** When the button that had the focus is gone, the focus stays in its card: a keyboard goes on from there. */
function useFocusKept(settled: boolean): React.RefObject<HTMLElement | null> {
  const card = useRef<HTMLElement>(null)
  const within = useRef(false)
  useEffect(() => {
    if (!settled) within.current = card.current?.contains(document.activeElement) === true
    else if (within.current && document.activeElement === document.body) card.current?.focus()
  }, [settled])
  return card
}
