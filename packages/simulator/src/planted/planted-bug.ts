/** A small wrong edit of the product: what the simulator must catch. */
export interface PlantedBug {
  readonly id: string
  /** The invariant that it breaks. */
  readonly invariant: string
  /** From the root of the repository. */
  readonly file: string
  /** Occurs in the file exactly once. */
  readonly find: string
  readonly replace: string
}
