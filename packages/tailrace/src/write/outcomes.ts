import type { LogIdentity } from '../ports/event-log.ts'
import type { CommandRecord } from '../ports/write-store.ts'
import { encodeToken } from '../read/token.ts'
import type { CommandOutcome } from '../run/engine.ts'
import type { Decision } from './decide-command.ts'
import type { PendingCommand } from './pending-command.ts'

/** The answer to a decided command. `xid`: the transaction that committed it; undefined when nothing had to be. */
export function outcomeOf(
  pending: PendingCommand,
  decision: Decision,
  xid: string | undefined,
  identity: LogIdentity,
): CommandOutcome {
  switch (decision.kind) {
    case 'refused':
      return decision.outcome
    case 'stored':
      return storedOutcome(pending, decision.record, identity)
    case 'rejected': {
      const { code, kind, detail } = decision.rejection
      return {
        kind: 'rejected',
        commandId: pending.commandId,
        code,
        rejection: kind,
        detail,
        replayed: false,
      }
    }
    case 'emitted':
      return {
        kind: 'committed',
        commandId: pending.commandId,
        aggregateId: pending.id,
        version: decision.version,
        token: tokenOf(xid!, decision.slots, identity),
        replayed: false,
      }
  }
}

/**
 * The answer of an earlier run, from its record. Without a key, that is a run of the same call, lost at commit. With one it may
 * be another call's, made at another process meanwhile, and committed before what its caller has seen since: a repetition,
 * as which clients do not take it for their latest write.
 */
export function storedOutcome(
  pending: PendingCommand,
  record: CommandRecord,
  identity: LogIdentity,
): CommandOutcome {
  const { commandId } = pending
  if (record.fingerprint !== pending.fingerprint) return keyReused(commandId)
  const replayed = pending.fingerprint !== '' || pending.uncertainSince === undefined
  if (record.rejection !== undefined) {
    const { code, kind, detail } = record.rejection
    return { kind: 'rejected', commandId, code, rejection: kind, detail, replayed }
  }
  return {
    kind: 'committed',
    commandId,
    aggregateId: record.aggregateId,
    version: record.version,
    token: tokenOf(record.xid, record.slots, identity),
    replayed,
  }
}

export function keyReused(commandId: string): CommandOutcome {
  return {
    kind: 'refused',
    code: 'IDEMPOTENCY_KEY_REUSED',
    message:
      'expected the idempotency key to come with the input of its first use, got another one; use a new key for a new intent',
    commandId,
  }
}

function tokenOf(xid: string, slots: readonly number[], { systemId, epoch }: LogIdentity): string {
  return encodeToken({ kind: 'xid', value: BigInt(xid), slots, systemId, epoch })
}
