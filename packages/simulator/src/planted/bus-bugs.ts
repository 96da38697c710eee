import type { PlantedBug } from './planted-bug.ts'

const bus = 'packages/tailrace/src/bus'

/** Bugs of the relay. */
const relayBugs: readonly PlantedBug[] = [
  {
    id: 'a failed send is passed over',
    invariant: 'I2',
    file: `${bus}/relay.ts`,
    find: 'if (failed !== undefined) throw failed.reason',
    replace: 'if (failed !== undefined) this.#failures++',
  },
  {
    id: 'the relay ends with its first failure',
    invariant: 'I19',
    file: `${bus}/relay.ts`,
    find: '        if (this.#stopping) break\n        this.#failed(error)',
    replace: '        this.#failed(error)\n        break',
  },
  {
    id: 'every relay publishes',
    invariant: 'I9',
    file: `${bus}/relay.ts`,
    find: '    return lease !== undefined\n',
    replace: '    return true\n',
  },
  {
    id: 'a topic made anew is not noticed',
    invariant: 'I2',
    file: `${bus}/relay.ts`,
    find: '      now.incarnation === layout.incarnation &&\n',
    replace: '',
  },
  {
    id: 'added partitions are not noticed',
    invariant: 'I6',
    file: `${bus}/relay.ts`,
    find: '      now.partitions === layout.partitions &&\n',
    replace: '',
  },
  {
    id: 'a send is for the topic that was seen last',
    invariant: 'I2',
    file: 'packages/simulator/src/bus/sim-bus.ts',
    find: '    if (incarnation !== this.#incarnation) {',
    replace:
      '    incarnation = this.#incarnation ?? incarnation\n    if (incarnation === undefined) {',
  },
  {
    id: 'a restore is noticed with the next look',
    invariant: 'I3',
    file: `${bus}/relay.ts`,
    find: '(due || jumps(plan, page))',
    replace: 'due',
  },
  {
    id: 'the log is read for the fastest partition',
    invariant: 'I2',
    file: `${bus}/relay-plan.ts`,
    find: 'published < a ? published : a',
    replace: 'published > a ? published : a',
  },
  {
    id: 'an empty partition is taken for full',
    invariant: 'I2',
    file: `${bus}/relay-plan.ts`,
    find: 'const proven = before(highest, relaySpread, epochs)',
    replace: 'const proven = before(highest, 0n, epochs)',
  },
  {
    id: 'what a message is after is where the page began',
    invariant: 'I2',
    file: `${bus}/relay-plan.ts`,
    find: 'const chain = { prevPosition, slots',
    replace: 'const chain = { prevPosition: plan.position, slots',
  },
  {
    id: 'a message speaks for all slots',
    invariant: 'I2',
    file: `${bus}/relay-plan.ts`,
    find: 'const chain = { prevPosition, slots, history',
    replace: 'const chain = { prevPosition, slots: { from: 0, to: 255 }, history',
  },
  {
    id: 'a partition gets what it has',
    invariant: 'I6',
    file: `${bus}/relay-plan.ts`,
    find: '    if (event.position <= prevPosition) continue\n',
    replace: '',
  },
  {
    id: 'sends of a partition are under way at the same time',
    invariant: 'I2',
    file: `${bus}/relay.ts`,
    find: '        await this.#options.bus.publish(',
    replace: '        void this.#options.bus.publish(',
  },
  {
    id: 'the end of a page is not sent',
    invariant: 'I2',
    file: `${bus}/relay-plan.ts`,
    find: '  return sends\n',
    replace: '  return sends.length > 1 ? sends.slice(0, -1) : sends\n',
  },
]

/** Bugs of the source that heals itself. */
const sourceBugs: readonly PlantedBug[] = [
  {
    id: 'a message is believed for slots that are not its own',
    invariant: 'I2',
    file: `${bus}/bus-window.ts`,
    find: '(ofAllSlots(message) && prevPosition <= end)',
    replace: 'prevPosition <= end',
  },
  {
    id: 'whatever comes is the next',
    invariant: 'I2',
    file: `${bus}/bus-window.ts`,
    find: 'if (position === end + 1n ||',
    replace: 'if (position > end ||',
  },
  {
    id: 'a gap is closed without what was in it',
    invariant: 'I2',
    file: `${bus}/bus-window.ts`,
    find: 'this.#window.extend(page.events, page.through)',
    replace: "this.#window.extend(why === 'behind' ? page.events : [], page.through)",
  },
  {
    id: 'the log heals half of the slots',
    invariant: 'I2',
    file: `${bus}/bus-tail.ts`,
    find: 'const slots = [{ from: 0, to: slotCount - 1 }]',
    replace: 'const slots = [{ from: 0, to: slotCount / 2 }]',
  },
  {
    id: 'an event too large for the bus is nothing',
    invariant: 'I2',
    file: `${bus}/bus-window.ts`,
    find: '    if (event === undefined) {\n      this.#lost = true\n',
    replace: '    if (event === undefined) {\n      this.#window.extend([], position)\n',
  },
  {
    id: 'what waits is taken in the order of arrival',
    invariant: 'I2',
    file: `${bus}/bus-window.ts`,
    find: '    for (; this.#waiting.has(end + 1n); end++) {\n      const event = this.#waiting.get(end + 1n)',
    replace:
      '    for (const [at, event] of this.#waiting) {\n      if (at > end + 1n) end = at - 1n\n      end++',
  },
  {
    id: 'damaged messages are read',
    invariant: 'I1',
    file: `${bus}/message-headers.ts`,
    find: 'if (found !== sum)',
    replace: 'if (found.length !== sum.length)',
  },
  {
    id: 'the past of a log is read as its present',
    invariant: 'I3',
    file: `${bus}/bus-tail.ts`,
    find: '      if (message.history !== this.#history) {',
    replace: "      if (message.history === '' && this.#history === '') {",
  },
  {
    id: 'a silent bus is trusted for ever',
    invariant: 'I19',
    file: `${bus}/bus-window.ts`,
    find: "nowMs - this.#provenAtMs >= silentMs ? 'silent' : undefined",
    replace: 'undefined',
  },
  {
    id: 'a subscription that ended is not missed',
    invariant: 'I19',
    file: `${bus}/bus-tail.ts`,
    find: '        this.#signal.wake()\n      })',
    replace: '        ended = undefined\n      })',
  },
  {
    id: 'partitions are read that were there in the beginning',
    invariant: 'I19',
    file: `${bus}/bus-tail.ts`,
    find: "      if (now.partitions !== layout.partitions) return 'the topic was partitioned otherwise'\n",
    replace: '',
  },
  {
    id: 'subscriptions are left behind',
    invariant: 'I26',
    file: `${bus}/bus-tail.ts`,
    find: 'await Promise.all(subscriptions.map((one) => one.close()))\n  }\n\n  /** Wakes of',
    replace: 'await Promise.all(subscriptions)\n  }\n\n  /** Wakes of',
  },
  {
    id: 'the bus stays open',
    invariant: 'I26',
    file: 'packages/tailrace/src/run/start.ts',
    find: '    await this.#options.bus?.close()\n',
    replace: '',
  },
  {
    id: 'messages of another history are not counted',
    invariant: 'I2',
    file: `${bus}/bus-tail.ts`,
    find: '        this.#messages.refused++\n        continue',
    replace: '        continue',
  },
  {
    id: 'a body is read with another version',
    invariant: 'I6',
    file: `${bus}/decode-message.ts`,
    find: '    version: body.streamversion,',
    replace: '    version: body.schemaversion,',
  },
]

/** Bugs of the bus's way: what the relay publishes, and what the workers make of it. */
export const busBugs: readonly PlantedBug[] = [...relayBugs, ...sourceBugs]
