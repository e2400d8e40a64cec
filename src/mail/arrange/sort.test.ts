import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sortInTurns } from '../in-turns.ts'
import { type SortCriterion, sortMessages } from './sort.ts'
import type { SortKey } from './arrangements.ts'
import type { Selection } from './stored-structures.ts'
import { account, createdAt, inbox, openTestAccount, type TestAccount } from '../test-account.ts'
import { AccountViews } from '../view.ts'

interface Letter {
  readonly subject: string
  readonly mailbox: string
  readonly minute: number | undefined
}

const letters = fc.array(
  fc.record({
    subject: fc.constantFrom('a', 'B', 'b', 'Á', 'ab', '', '漢', '😀', '\ue000'),
    mailbox: fc.constantFrom('x', 'X', 'y', ''),
    minute: fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }),
  }),
  { maxLength: 12 },
)
const criteria = fc.array(
  fc.record({
    key: fc.constantFrom<SortKey>('subject', 'from', 'to', 'date', 'arrival', 'displayfrom'),
    isReversed: fc.boolean(),
  }),
  { minLength: 1, maxLength: 3 },
)

const now = createdAt + 1000

async function selectionOf(box: TestAccount, from: number): Promise<Selection> {
  const view = (await (
    await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  ).load(inbox))!
  const indexes = Array.from({ length: view.count - from }, (_, i) => from + i)
  return { db: box.db, account, view, indexes }
}

/** What a criterion compares, as bytes or a number, said once more and simply. */
function valueOf(key: SortKey, { subject, mailbox, minute }: Letter): Buffer | number {
  const folded = (text: string): Buffer => Buffer.from(text.toUpperCase().normalize('NFKD'))
  if (key === 'subject') return folded(subject)
  if (key === 'from') return folded(mailbox)
  if (key === 'to') return folded('')
  if (key === 'displayfrom') return folded(mailbox === '' ? '' : `${mailbox}@example.org`)
  return key === 'date' && minute !== undefined ? Math.floor(now / 60_000 + minute) * 60_000 : now
}

function naively(list: readonly Letter[], by: readonly (SortCriterion & { key: SortKey })[]): number[] {
  const places = list.map((_, i) => i)
  return places.sort((a, b) => {
    for (const { key, isReversed } of by) {
      const [x, y] = [valueOf(key, list[a]!), valueOf(key, list[b]!)]
      const order = typeof x === 'number' ? x - (y as number) : Buffer.compare(x, y as Buffer)
      if (order !== 0) return isReversed ? -order : order
    }
    return a - b
  })
}

test('messages are sorted as a naive sort does it', async () => {
  const box = await openTestAccount()
  await fc.assert(
    fc.asyncProperty(letters, criteria, async (list, by) => {
      const before = (await selectionOf(box, 0)).view.count
      for (const { subject, mailbox, minute } of list) {
        const date =
          minute === undefined
            ? ''
            : `Date: ${new Date(Math.floor(now / 60_000 + minute) * 60_000).toUTCString().replace('GMT', '+0000')}\n`
        const from = mailbox === '' ? '' : `From: ${mailbox}@example.org\n`
        await box.append(`${date}${from}Subject: Re: ${subject}\n\nx\n`)
      }
      const order = await sortMessages(await selectionOf(box, before), by)
      assert.deepEqual([...order], naively(list, by))
    }),
    { numRuns: 60 },
  )
})

test('lists that take more than a turn are sorted in order, and equals stay as they were', async () => {
  for (const count of [0, 1, 8191, 8192, 8193, 30_000]) {
    const values = Array.from({ length: count }, (_, i) => (i * 7919) % 1000)
    const order = await sortInTurns(count, (a, b) => values[a]! - values[b]!)
    const expected = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]! || a - b)
    assert.deepEqual([...order], expected)
  }
})

test('a sort ends when nobody waits for it any more', async () => {
  const stop = new AbortController()
  const sorting = sortInTurns(30_000, (a, b) => b - a, stop.signal)
  stop.abort(new Error('gone'))
  await assert.rejects(sorting, /gone/)
})

test('what is gone meanwhile counts as without fields', async () => {
  const box = await openTestAccount()
  await box.append('Subject: b\n\nx\n')
  const selection = await selectionOf(box, 0)
  await box.append('Subject: a\n\nx\n')
  const both = await selectionOf(box, 0)
  const unread = await selectionOf(box, 0)
  const engine = await openTestAccount()
  const subject = [{ key: 'subject', isReversed: false }] as const
  assert.deepEqual([...(await sortMessages(both, subject))], [1, 0])
  assert.deepEqual([...(await sortMessages({ ...unread, db: engine.db }, subject))], [0, 1])
  assert.deepEqual([...(await sortMessages(selection, subject))], [0])
})
