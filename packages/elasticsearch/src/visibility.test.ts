import { beforeEach, expect, test } from 'vitest'
import type { StateDocument, StateIndex } from './state-index.ts'
import { Visibility } from './visibility.ts'

// What a restored snapshot does to the small documents of a version; what searches see is tested on the engines.

let documents: Map<string, StateDocument>
let visibility: Visibility

beforeEach(() => {
  documents = new Map()
  const state: Pick<StateIndex, 'get' | 'put'> = {
    get: async (ids) =>
      new Map(
        ids.flatMap((id) => {
          const found = documents.get(id)
          return found === undefined ? [] : [[id, found] as const]
        }),
      ),
    put: async (id, { body }) => {
      const document = { body, seqNo: 1, term: 1 }
      documents.set(id, document)
      return document
    },
  }
  visibility = new Visibility({
    state: state as StateIndex,
    refresh: async () => undefined,
    everyMs: 3_600_000,
    isClosed: () => false,
  })
})

function checkpointAt(position: number): void {
  const ranges = {
    0: { position: String(position), fence: '1', history: 'h/1', updatedAtMs: 0 },
  }
  documents.set('checkpoints', { body: { generation: 'g', ranges }, seqNo: 1, term: 1 })
}

async function visible(): Promise<bigint | undefined> {
  return (await visibility.checkpoints()).get(0)?.visible
}

test.each([
  ['that it has looked at', true],
  ['that others have written to before it looks', false],
])(
  'after the engine was set back to an older copy %s, nothing is visible before a refresh',
  async (_, looks) => {
    checkpointAt(100)
    await visibility.show()
    const copy = new Map(documents)
    checkpointAt(200)
    await visibility.show()
    documents = copy
    if (looks) expect(await visible()).toBe(100n)
    checkpointAt(150)
    expect(await visible()).toBe(100n)
    checkpointAt(250)
    expect(await visible()).toBe(100n)
    await visibility.show()
    expect(await visible()).toBe(250n)
  },
)
