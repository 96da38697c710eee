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
  if (quantity === 0) {
    return (
      <button
        type="button"
        className="button small"
        onClick={() => change(1)}
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
        onClick={() => change(-1)}
        aria-label={`One less of ${label}`}
      >
        −
      </button>
      <output>{quantity}</output>
      <button
        type="button"
        className="button small"
        // The button that was pressed is gone: the focus goes on in the one in its place.
        autoFocus={quantity === 1}
        onClick={() => change(1)}
        aria-label={`One more of ${label}`}
      >
        +
      </button>
    </span>
  )
}
