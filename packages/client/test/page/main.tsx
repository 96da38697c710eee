import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createClient } from '@tailrace/client'
import { Freshness, useCommand, useLag, useQuery } from '@tailrace/client/react'
import type { ticketApp } from '../../../../test/support/ticket-app.ts'

// One ticket, with everything that the React bindings offer.

const client = createClient<typeof ticketApp>({ token: () => 'demo:customer:ann' })
const ticketId = new URLSearchParams(location.search).get('ticket')!

function Ticket() {
  const view = client.views.ticket({ ticketId })
  const state = useQuery(view)
  const lag = useLag(client, 'tickets')
  const [add, { sending, result, error }] = useCommand(client.commands.addComment)
  const [text, setText] = useState('')
  const comments = state.data?.comments ?? []
  const send = (): void => {
    const patch = view.patch(
      (ticket) => ticket && { ...ticket, comments: [...ticket.comments, text] },
    )
    void add({ ticketId, text }, { optimistic: [patch] }).catch(() => undefined)
  }
  return (
    <main>
      <h1>
        {state.loading && state.data === undefined ? 'loading' : (state.data?.title ?? 'no ticket')}
      </h1>
      <ul>
        {comments.map((comment, index) => (
          <li key={index}>{comment}</li>
        ))}
      </ul>
      <input aria-label="text" value={text} onChange={(event) => setText(event.target.value)} />
      <button onClick={send}>Add</button>
      <output id="command">
        {sending
          ? 'sending'
          : error
            ? `error ${error.message}`
            : result && !result.ok
              ? `rejected ${result.code}`
              : result
                ? 'done'
                : ''}
      </output>
      <Freshness of={state} after={1_000} />
      <output id="pending">{state.pending}</output>
      <output id="lag">{lag && `${lag.position} ${lag.state}`}</output>
    </main>
  )
}

function Page() {
  const [shown, setShown] = useState(true)
  useEffect(() => {
    const live = client.live({ queries: ['ticket'] })
    return () => live.close()
  }, [])
  return (
    <>
      <button onClick={() => setShown(!shown)}>Toggle</button>
      {shown && <Ticket />}
    </>
  )
}

// Strict mode mounts everything twice: subscriptions must survive that.
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
