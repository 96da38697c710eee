import { closeSync, openSync, writeSync } from 'node:fs'
import type { Actor, QueryDef } from 'tailrace'

/** What is kept of an answer to support, who may see everything. */
export interface AuditEntry {
  /** The database's time of the question. */
  readonly at: string
  readonly actor: Actor
  readonly query: string
  readonly input: unknown
}

/** Keeps entries. An answer is given only after `record` has returned: what cannot be audited is not answered. */
export interface Audit {
  record(entry: AuditEntry): void
}

export const noAudit: Audit = { record: () => undefined }

/**
 * Appends entries to a file, a line of JSON each. The file lies beside the process, away from both databases: reading must
 * not write to the write model, nor depend on it.
 */
export function auditFile(path: string): Audit & { close(): void } {
  const file = openSync(path, 'a', 0o600)
  return {
    record: (entry) => {
      writeSync(file, `${JSON.stringify(entry)}\n`)
    },
    close: () => closeSync(file),
  }
}

/** The same queries, with every answer to support recorded first. */
// oxlint-disable-next-line typescript/no-explicit-any
export function audited<Q extends Readonly<Record<string, QueryDef<any, any, any>>>>(
  queries: Q,
  audit: Audit,
): Q {
  const entries = Object.entries(queries).map(([name, declared]) => {
    const run: typeof declared.run = (readers, input, context) => {
      const { actor } = context
      if (actor?.role === 'support') audit.record({ at: context.now, actor, query: name, input })
      return declared.run(readers, input, context)
    }
    return [name, { ...declared, run }]
  })
  return Object.fromEntries(entries) as Q
}
