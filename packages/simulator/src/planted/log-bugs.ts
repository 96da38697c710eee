import type { PlantedBug } from './planted-bug.ts'

/** Bugs of the sequencer, timers and reactors. */
export const logBugs: readonly PlantedBug[] = [
  {
    id: 'the sequencer ends with its first failure',
    invariant: 'I19',
    file: 'packages/tailrace/src/log/sequencer-state.ts',
    find: "action: { kind: 'pause', ms: most * (0.5 + random / 2), doorbell: false }",
    replace: "action: { kind: 'end' }",
  },
  {
    id: 'the sequencer forgets a backlog',
    invariant: 'I19',
    file: 'packages/tailrace/src/log/sequencer-loop.ts',
    find: "return { kind: 'stepped', step }",
    replace:
      "return { kind: 'stepped', step: { ...step, cursor: { ...step.cursor, hi: undefined, afterId: 0n } } }",
  },
  {
    id: 'a timer is done before its command',
    invariant: 'I2',
    file: 'packages/tailrace/src/log/timer-role.ts',
    find: '      let held = timer\n',
    replace: '      await this.timers.done(timer, undefined)\n      let held = timer\n',
  },
  {
    id: 'all settings of a timer have one key',
    invariant: 'I2',
    file: 'packages/tailrace/src/log/timer-role.ts',
    find: '${encodeURIComponent(stream)}/${id}`',
    replace: '${encodeURIComponent(stream)}`',
  },
  {
    id: 'a reactor records before it acts',
    invariant: 'I2',
    file: 'packages/tailrace/src/log/reactor-range.ts',
    find: '    const result = await handler.handle(event, signal, onFailedAttempt)\n',
    replace:
      "    await ledger.record(reactor, eventId(event), { outcome: 'done', commandIds: [] })\n    const result = await handler.handle(event, signal, onFailedAttempt)\n",
  },
  {
    id: 'a reactor acts without a key',
    invariant: 'I11',
    file: 'packages/tailrace/src/log/reactor-handler.ts',
    find: '      idempotencyKey: reactorKey(this.reactor.name, event.id, call.command, n),\n',
    replace: '',
  },
  {
    id: 'a reactor has one key for a command',
    invariant: 'I2',
    file: 'packages/tailrace/src/log/reactor-handler.ts',
    find: '/${eventId}/${encodeURIComponent(command)}/${n}`',
    replace: '/${encodeURIComponent(command)}/${n}`',
  },
  {
    id: 'a reactor passes events that its ledger lacks',
    invariant: 'I2',
    file: 'packages/tailrace/src/log/reactor-range.ts',
    find: 'const handled = page.events.map(eventId)',
    replace: 'const handled: string[] = []',
  },
  {
    id: 'a success of a reactor is noted without its commands',
    invariant: 'I2',
    file: 'packages/tailrace/src/log/reactor-handler.ts',
    find: 'async (call, n) => void commandIds.push(await this.send(envelope, call, n ?? 0)),',
    replace: 'async (call, n) => void (await this.send(envelope, call, n ?? 0)),',
  },
  {
    id: 'a repetition counts as done before it acts',
    invariant: 'I2',
    file: 'packages/tailrace/src/log/reactor-range.ts',
    find: '  const events = await options.log.readAt(due.map(({ position }) => position))\n',
    replace:
      "  const events = await options.log.readAt(due.map(({ position }) => position))\n  for (const id of repeats.keys()) await options.ledger.record(options.reactor, id, { outcome: 'done', commandIds: [] })\n",
  },
  {
    id: 'a repetition is not noted',
    invariant: 'I19',
    file: 'packages/tailrace/src/log/reactor-range.ts',
    find: '    const repeat = repeats?.get(eventId(event))\n',
    replace: '    const repeat = 0\n    if (repeats !== undefined) continue\n',
  },
]
