import { describe, expect, test } from 'vitest'
import { timelineMax, withEntry } from './timeline.ts'

type Timeline = Parameters<typeof withEntry>[0]

const empty: Timeline = { timeline: [], timelineLeftOut: 0 }

/** Entries of one type, a second after each other. */
function entries(type: string, from: number, count: number): Timeline['timeline'] {
  return Array.from({ length: count }, (_, i) => ({
    at: new Date(Date.UTC(2026, 10, 26) + (from + i) * 1_000).toISOString(),
    type,
    text: `${type} ${from + i}`,
  }))
}

function told(...parts: readonly Timeline['timeline'][]): Timeline {
  return parts.flat().reduce(withEntry, empty)
}

function texts({ timeline }: Timeline): string[] {
  return timeline.map(({ text }) => text)
}

test('keeps every entry as long as there is room', () => {
  const all = entries('Shipped', 0, timelineMax)
  expect(told(all)).toEqual({ timeline: all, timelineLeftOut: 0 })
})

describe('a story that does not end', () => {
  test('keeps its beginning, its end, and an entry that says how many are left out', () => {
    const long = told(entries('Shipped', 0, 1_000))
    expect(long.timeline).toHaveLength(timelineMax)
    expect(long.timelineLeftOut).toBe(1_000 - (timelineMax - 1))
    expect(long.timeline[50]).toMatchObject({ text: '801 earlier entries are left out' })
    expect(texts(long).slice(0, 50)).toEqual(entries('Shipped', 0, 50).map(({ text }) => text))
    expect(texts(long).slice(51)).toEqual(entries('Shipped', 851, 149).map(({ text }) => text))
  })

  test('leaves out requests to cancel before anything else', () => {
    const long = told(
      entries('OrderPlaced', 0, 1),
      entries('CancellationRequested', 1, 300),
      entries('PaymentRegistered', 301, 1),
      entries('CancellationRequested', 302, 300),
      entries('ItemsShipped', 602, 1),
    )
    expect(long.timeline).toHaveLength(timelineMax)
    expect(texts(long)).toEqual([
      'OrderPlaced 0',
      'PaymentRegistered 301',
      '404 earlier entries are left out',
      ...entries('CancellationRequested', 406, 196).map(({ text }) => text),
      'ItemsShipped 602',
    ])
  })

  test('stays in the order of what happened, and counts right at every length', () => {
    let story = empty
    const kinds = ['CancellationRequested', 'Shipped', 'CancellationRequested', 'Returned']
    for (let i = 0; i < 900; i++) {
      const [next] = entries(i > 600 ? 'Shipped' : kinds[i % 4]!, i, 1)
      story = withEntry(story, next!)
      const shown = story.timeline.filter(({ type }) => type !== 'EntriesLeftOut')
      expect(shown.length + story.timelineLeftOut).toBe(i + 1)
      expect(story.timeline.length).toBe(Math.min(i + 1, timelineMax))
      expect(story.timeline.map(({ at }) => at)).toEqual(
        story.timeline.map(({ at }) => at).toSorted(),
      )
    }
    expect(story.timeline.filter(({ type }) => type === 'EntriesLeftOut')).toHaveLength(1)
  })
})
