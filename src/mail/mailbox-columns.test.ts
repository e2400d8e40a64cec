/**
 * Columns against a plain list: random changes, after each of which the new view shows the list as it is, and
 * every view that was taken before still shows what it showed then.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { sharedChunks } from './column.ts'
import { FlagSets } from './flag-set.ts'
import { emptyInbox } from './mailbox-fixture.test.ts'
import { MailboxColumns, type ViewEntry } from './mailbox-columns.ts'
import type { MailboxView } from './mailbox-view.ts'

function testSets(): { sets: FlagSets; numbers: readonly number[] } {
  const sets = new FlagSets()
  return {
    sets,
    numbers: [['$seen'], [], ['$flagged', '$seen']].map((keywords) => sets.numberOf(keywords, false)),
  }
}

const entryOf = (uid: number, modseq: number, flagSet: number): ViewEntry => ({
  uid: uid as Uid,
  id: (uid + 1) as MessageId,
  thread: (uid + 2) as ThreadId,
  modseq: modseq as Modseq,
  flagSet,
  sizeBytes: uid + 3,
  receivedAt: uid + 4,
  savedAt: uid + 5,
})

function entriesOf(view: MailboxView): readonly ViewEntry[] {
  return Array.from({ length: view.count }, (_, i) => ({
    uid: view.uids.at(i) as Uid,
    id: view.ids.at(i) as MessageId,
    thread: view.threads.at(i) as ThreadId,
    modseq: view.modseqs.at(i) as Modseq,
    flagSet: view.flagSets.at(i),
    sizeBytes: view.sizes.at(i),
    receivedAt: view.receivedAt.at(i),
    savedAt: view.savedAt.at(i),
  }))
}

/** What a change does, in shares of the mailbox. */
const changeArbitrary = fc.record({
  add: fc.oneof(fc.nat(3), fc.nat(700)),
  flag: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(2)), { maxLength: 4 }),
  expunge: fc.record({
    from: fc.double({ min: 0, max: 0.999, noNaN: true }),
    count: fc.oneof(fc.nat(2), fc.nat(900)),
    every: fc.integer({ min: 1, max: 3 }),
  }),
})

test('each view shows the entries of its time, whatever happens after', () => {
  fc.assert(
    fc.property(fc.nat(1500), fc.array(changeArbitrary, { maxLength: 25 }), (expected, changes) => {
      const { sets, numbers } = testSets()
      const columns = new MailboxColumns(expected)
      let model: ViewEntry[] = []
      let modseq = 1
      let lastUid = 0
      const held: { view: MailboxView; entries: readonly ViewEntry[] }[] = []
      for (const { add, flag, expunge } of changes) {
        modseq++
        const changed = new Map<number, ViewEntry>()
        for (const [share, set] of model.length === 0 ? [] : flag) {
          const { uid } = model[Math.floor(share * model.length)]!
          changed.set(uid, entryOf(uid, modseq, numbers[set]!))
        }
        const start = Math.floor(expunge.from * model.length)
        const gone = model
          .slice(start, start + expunge.count)
          .filter((_, i) => i % expunge.every === 0)
          .map(({ uid }) => uid as number)
        const fresh = Array.from({ length: add }, () => entryOf(++lastUid, modseq, numbers[lastUid % 3]!))
        columns.update([...fresh.toReversed(), ...changed.values()], [...gone, lastUid + 1000])
        model = [...model.map((entry) => changed.get(entry.uid) ?? entry), ...fresh].filter(
          ({ uid }) => !gone.includes(uid),
        )
        held.push({ view: columns.view(emptyInbox, sets), entries: model })
      }
      for (const { view, entries } of held) {
        assert.deepEqual(entriesOf(view), entries)
        assert.deepEqual(
          [...view.uids],
          entries.map(({ uid }) => uid),
        )
        for (let i = 0; i < entries.length; i += 97) assert.equal(view.indexOfUid(entries[i]!.uid), i)
        assert.equal(view.indexOfUid(lastUid + 1), -1)
        assert.equal(view.firstNotBefore(lastUid + 1), entries.length)
        assert.equal(
          view.firstUnseen(),
          entries.findIndex(({ flagSet }) => !sets.at(flagSet).seen),
        )
        assert.deepEqual(
          [...view.flagSetsInUse()],
          Array.from(new Set(entries.map(({ flagSet }) => flagSet)), (set) => sets.at(set)),
        )
      }
    }),
    { numRuns: 60 },
  )
})

test('a change of one entry copies one chunk, and the memory of what is gone is given back', () => {
  const { sets, numbers } = testSets()
  const columns = new MailboxColumns(10_000)
  for (let uid = 1; uid <= 10_000; uid++) columns.append(entryOf(uid, 1, numbers[0]!))
  const before = columns.view(emptyInbox, sets)
  const full = columns.sizeBytes
  columns.update([entryOf(5000, 2, numbers[1]!)], [])
  const flagged = columns.view(emptyInbox, sets)
  const flags = sharedChunks(before.flagSets, flagged.flagSets)
  assert.equal(flags.head + flags.tail, before.flagSets.chunks.length - 1)
  assert.deepEqual(flagged.uids.chunks, before.uids.chunks)
  columns.update([], [5000])
  const left = columns.view(emptyInbox, sets)
  const uids = sharedChunks(before.uids, left.uids)
  assert.equal(uids.head + uids.tail, before.uids.chunks.length - 1)
  columns.update(
    [],
    Array.from({ length: 10_000 }, (_, i) => i + 1).filter((uid) => uid % 100 !== 0),
  )
  assert.ok(columns.sizeBytes < full / 50)
  assert.equal(columns.view(emptyInbox, sets).count, 99)
})
