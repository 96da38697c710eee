import { useState } from 'react'
import type { OrderData } from '../api.ts'
import { stepsFor, type Step } from '../order-steps.ts'
import { useSend } from '../send.ts'
import { useSession } from '../session.ts'

interface Message {
  readonly tone: 'good' | 'bad'
  readonly text: string
}

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
  const [busy, setBusy] = useState<Step['name']>()
  const run = async (step: Step): Promise<void> => {
    setBusy(step.name)
    setMessage(undefined)
    try {
      const refusal = await step.act(send)
      setMessage(
        refusal === undefined ? { tone: 'good', text: step.done } : { tone: 'bad', text: refusal },
      )
    } catch (error) {
      setMessage({ tone: 'bad', text: (error as Error).message })
    } finally {
      setBusy(undefined)
      refetch()
    }
  }
  const steps = stepsFor(order, viewer)
  if (steps.length === 0 && message === undefined) return null
  return (
    <section className="card" aria-label="Actions">
      <div className="card-body stack tight">
        {steps.map((step) => (
          <button
            key={step.name}
            type="button"
            className={`button ${step.tone}`}
            disabled={busy !== undefined}
            onClick={() => void run(step)}
            data-testid={`action-${step.name}`}
          >
            {busy === step.name ? 'Sending…' : step.label}
          </button>
        ))}
        {message === undefined ? null : (
          <div className={`notice ${message.tone}`} role="status" data-testid="action-message">
            {message.text}
          </div>
        )}
      </div>
    </section>
  )
}
