import { useId, useRef, useState } from 'react'
import { sessionIdPattern, setSession, useSession, type Role } from '../session.ts'

/** Chooses the demo identity: a customer sees their own orders, a seller their own lines, support everything. */
export function SessionPicker() {
  const { role, id } = useSession()
  const dialog = useRef<HTMLDialogElement>(null)
  const [opened, setOpened] = useState(0)
  const label = useId()
  const open = (): void => {
    // What was typed and given up is not there the next time.
    setOpened(opened + 1)
    dialog.current?.showModal()
  }
  return (
    <>
      <button
        type="button"
        className="button small identity"
        onClick={open}
        aria-haspopup="dialog"
        title={`${role} · ${id}`}
      >
        <span className="muted">as</span>{' '}
        <span className="clip">
          {role} · {id}
        </span>
      </button>
      <dialog ref={dialog} className="card dialog" aria-labelledby={label}>
        <IdentityForm key={opened} label={label} close={() => dialog.current?.close()} />
      </dialog>
    </>
  )
}

const idNames: Readonly<Record<Role, string>> = {
  customer: 'Customer id',
  seller: 'Seller id',
  support: 'Name',
}

function IdentityForm({ label, close }: { readonly label: string; readonly close: () => void }) {
  const current = useSession()
  const [role, setRole] = useState<Role>(current.role)
  const [id, setId] = useState(current.id)
  return (
    <form
      method="dialog"
      className="card-body stack"
      onSubmit={(event) => {
        event.preventDefault()
        setSession({ role, id: id.trim() })
        close()
      }}
    >
      <h2 id={label}>Who is looking?</h2>
      <p className="muted">
        The demo trusts what you choose here, on this machine only. Access rules are part of every
        query.
      </p>
      <label className="field">
        Role
        <select
          className="select"
          value={role}
          onChange={(event) => setRole(event.target.value as Role)}
        >
          <option value="support">Support: sees everything</option>
          <option value="customer">Customer: own orders</option>
          <option value="seller">Seller: own lines</option>
        </select>
      </label>
      <label className="field">
        {idNames[role]}
        <input
          className="input"
          value={id}
          required
          maxLength={64}
          pattern={sessionIdPattern}
          title="Letters, digits and signs without accents or spaces"
          onChange={(event) => setId(event.target.value)}
        />
      </label>
      <div className="actions">
        <button type="button" className="button" onClick={close}>
          Cancel
        </button>
        <button type="submit" className="button primary">
          Continue
        </button>
      </div>
    </form>
  )
}
