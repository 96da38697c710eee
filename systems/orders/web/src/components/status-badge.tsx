const tones: Record<string, string> = {
  placed: 'info',
  paid: 'info',
  'partially-shipped': 'warn',
  shipped: 'good',
  delivered: 'good',
  cancelled: 'bad',
  expired: 'bad',
  live: 'good',
  'catching-up': 'info',
  rebuilding: 'info',
  'not-started': '',
  paused: 'warn',
  parked: 'warn',
  'refund-due': 'warn',
  unowned: 'bad',
  failed: 'bad',
}

/** A state as a coloured label; the word is always there, colour only helps. */
export function StatusBadge({ status }: { readonly status: string }) {
  return <span className={`badge ${tones[status] ?? ''}`}>{status.replaceAll('-', ' ')}</span>
}
