import { useEffect, useRef } from 'react'

/** How many of a product: a button to add it, then less and more. */
export function Stepper({
  label,
  quantity,
  change,
}: {
  readonly label: string
  readonly quantity: number
  readonly change: (by: number) => void
}) {
  const none = quantity === 0
  const [place, press] = useFocusKept(none, change)
  if (none) {
    return (
      <button
        ref={place}
        type="button"
        className="button small"
        onClick={() => press(1)}
        aria-label={`Add ${label}`}
        data-testid="add-product"
      >
        Add
      </button>
    )
  }
  return (
    <span className="stepper">
      <button
        type="button"
        className="button small"
        onClick={() => press(-1)}
        aria-label={`One less of ${label}`}
      >
        −
      </button>
      <output>{quantity}</output>
      <button
        ref={place}
        type="button"
        className="button small"
        onClick={() => press(1)}
        aria-label={`One more of ${label}`}
      >
        +
      </button>
    </span>
  )
}

/** The button that was pressed may go with its press: the focus goes on in the one that takes its place. */
function useFocusKept(
  none: boolean,
  change: (by: number) => void,
): readonly [React.RefObject<HTMLButtonElement | null>, (by: number) => void] {
  const place = useRef<HTMLButtonElement>(null)
  const pressed = useRef(false)
  const before = useRef(none)
  useEffect(() => {
    if (before.current !== none && pressed.current) place.current?.focus({ preventScroll: true })
    before.current = none
    pressed.current = false
  })
  const press = (by: number): void => {
    pressed.current = true
    change(by)
  }
  return [place, press]
}
