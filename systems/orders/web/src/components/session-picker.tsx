import { useId, useRef, useState } from 'react'
import { setSession, useSession, type Role } from '../session.ts'

/** Chooses the demo identity: a customer sees their own orders, a seller their own lines, support everything. */
export function SessionPicker() {
  const current = useSession()
  const dialog = useRef<HTMLDialogElement>(null)
  const [role, setRole] = useState<Role>(current.role)
  const [id, setId] = useState(current.id)
  const label = useId()
  const save = (): void => {
    setSession({ role, id: id.trim() === '' ? 'anyone' : id.trim() })
    dialog.current?.close()
  }
  return (
    <>
      <button
        type="button"
        className="button small"
        onClick={() => dialog.current?.showModal()}
        aria-haspopup="dialog"
      >
        <span className="muted">as</span> {current.role} · {current.id}
      </button>
      <dialog ref={dialog} className="card dialog" aria-labelledby={label}>
        <form
          method="dialog"
          className="card-body stack"
          onSubmit={(event) => {
            event.preventDefault()
            save()
          }}
        >
          <h2 id={label}>Who is looking?</h2>
          <p className="muted">
            The demo trusts what you choose here, on this machine only. Access rules are part of
            every query.
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
            {role === 'seller' ? 'Seller id' : role === 'customer' ? 'Customer id' : 'Name'}
            <input
              className="input"
              value={id}
              maxLength={64}
              onChange={(event) => setId(event.target.value)}
            />
          </label>
          <div className="actions">
            <button type="button" className="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" className="button primary">
              Continue
            </button>
          </div>
        </form>
      </dialog>
    </>
  )
}
