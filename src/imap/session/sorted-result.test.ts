import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { columnOf } from '#mail/column.ts'
import { Arrangements } from '#mail/arrange/arrangements.ts'
import { MailboxView } from '#mail/mailbox-view.ts'
import { type Piece, type Sort, SortedResult } from './sorted-result.ts'

/** A mailbox with all UIDs below this: nothing of it but those is asked for. */
function mailboxOf(count: number): MailboxView {
  const uids = columnOf(Uint32Array.from({ length: count }, (_, i) => i + 1))
  return new MailboxView({} as never, { uids } as never, {} as never, new WeakMap(), new Arrangements())
}

/** Keys of messages by their UIDs, many of them the same. */
const keyOf = (uid: number): number => (uid * 7919) % 101

let compared = 0
const sort: Sort = async (_now, indexes) => {
  compared += indexes.length
  const places = Uint32Array.from(indexes, (_, place) => place)
  return places.sort((a, b) => keyOf(indexes[a]! + 1) - keyOf(indexes[b]! + 1) || a - b)
}

const ordered = (uids: Iterable<number>): number[] => [...uids].sort((a, b) => keyOf(a) - keyOf(b) || a - b)

function apply(result: number[], pieces: readonly Piece[], how: 'join' | 'leave'): void {
  for (const { at, uids } of pieces)
    if (how === 'join') result.splice(at - 1, 0, ...uids)
    else assert.deepEqual(result.splice(at - 1, uids.length), uids)
}

test('whoever follows the pieces has the sorted result', async () => {
  const uid = fc.integer({ min: 1, max: 900 })
  const uids = fc.uniqueArray(uid, { maxLength: 40 })
  const run = async (start: number[], steps: number[][]): Promise<void> => {
    const known = new Set(start)
    const result = ordered(start)
    const sorted = new SortedResult(sort, Uint32Array.from(result))
    for (const [i, some] of steps.entries()) {
      const ascending = some.toSorted((a, b) => a - b)
      if (i % 2 === 0) {
        const left = ascending.filter((one) => known.delete(one))
        apply(result, sorted.remove(left), 'leave')
      } else {
        const joined = ascending.filter((one) => !known.has(one))
        for (const one of joined) known.add(one)
        apply(result, await sorted.add(mailboxOf(1000), joined), 'join')
      }
      assert.deepEqual(result, ordered(known))
    }
  }
  const start = fc.uniqueArray(uid, { minLength: 200, maxLength: 600, size: 'max' })
  await fc.assert(fc.asyncProperty(start, fc.array(uids, { maxLength: 6 }), run), { numRuns: 50 })
})

test('what joins a long result is compared with little of it', async () => {
  const count = 100_000
  const sorted = new SortedResult(
    sort,
    Uint32Array.from(ordered(Array.from({ length: count }, (_, i) => i + 1))),
  )
  const now = mailboxOf(count + 1)
  compared = 0
  const [piece] = await sorted.add(now, [count + 1])
  assert.ok(compared < 300, `${compared}`)
  assert.deepEqual(piece!.uids, [count + 1])
})
