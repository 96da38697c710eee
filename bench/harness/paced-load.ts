/** What became of calls that were sent at a fixed rate, whether or not earlier ones were answered. */
export interface PacedLoad {
  readonly sent: number
  /** Milliseconds from the moment at which a call was due to its answer, sorted. */
  readonly latencies: Float64Array

  readonly seconds: number
}

/** Sends calls at `perSecond` for `seconds` and waits for their answers. A call that throws ends the run with its error. */
export async function pacedLoad(
  perSecond: number,
  seconds: number,
  call: (n: number) => Promise<unknown>,
): Promise<PacedLoad> {
  const start = performance.now()
  const total = Math.round(perSecond * seconds)
  const latencies = new Float64Array(total)
  const underWay = new Set<Promise<void>>()
  let sent = 0
  let failure: { readonly error: unknown } | undefined
  const send = (n: number): void => {
    const due = start + (n * 1_000) / perSecond
    const running = call(n)
      .then(() => void (latencies[n] = performance.now() - due))
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => underWay.delete(running))
    underWay.add(running)
  }
  while (sent < total && failure === undefined) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1_000) + 1)
    while (sent < due) send(sent++)
    const next = start + (sent * 1_000) / perSecond
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, next - performance.now())))
  }
  await Promise.all(underWay)
  if (failure !== undefined) throw failure.error
  return { sent, latencies: latencies.toSorted(), seconds: (performance.now() - start) / 1_000 }
}
