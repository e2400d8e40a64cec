/**
 * A large mailbox, of which a session shares most chunks with what it showed before: the client's picture,
 * made of nothing but what it is told, is the mailbox whenever expunges may be shown.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AccountId, MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { FlagSets } from '#mail/flag-set.ts'
import { emptyInbox } from '#mail/mailbox-fixture.test.ts'
import { MailboxColumns, type ViewEntry } from '#mail/mailbox-columns.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { allRights } from '#mail/rights.ts'
import { SessionView } from './view.ts'
import { ResponseWriter } from '../wire/writer.ts'

const keywordLists = [[], ['$seen'], ['$flagged', '$seen']]

const entryOf = (uid: number, modseq: number, flagSet: number): ViewEntry => ({
  uid: uid as Uid,
  id: uid as MessageId,
  thread: uid as ThreadId,
  modseq: modseq as Modseq,
  flagSet,
  sizeBytes: 1,
  receivedAt: 1,
  savedAt: 1,
})

/** Hears what `show` writes. */
class Picture {
  /** Flags were kept from it: where they are told again, some are told twice. */
  mayRepeat = false
  #text = ''
  readonly messages: { uid: number; flags: string; modseq: number }[] = []
  readonly writer = new ResponseWriter({
    unsent: 1,
    write: (...chunks) => void (this.#text += Buffer.concat(chunks).toString('latin1')),
  })

  /** What the client would fetch after SELECT and EXISTS. */
  learn(now: MailboxView, from: number): void {
    for (const uid of [...now.uids].slice(-from)) {
      const index = now.indexOfUid(uid)
      this.messages.push({ uid, flags: flagsOf(now, index), modseq: now.modseqs.at(index) })
    }
  }

  hear(now: MailboxView): void {
    void this.writer.end()
    for (const line of this.#text.split('\r\n').slice(0, -1)) {
      const vanished = /^\* VANISHED (.*)$/.exec(line)?.[1]
      if (vanished !== undefined) this.#vanish(vanished)
      else this.#hearOne(now, line)
    }
    this.#text = ''
  }

  #hearOne(now: MailboxView, line: string): void {
    const form = /^\* (\d+) (\w+)(?: \(UID (\d+)(?: MODSEQ \((\d+)\))? FLAGS (.*)\))?$/
    const [, number, what, uid, modseq, flags] = form.exec(line)!
    const message = this.messages[Number(number) - 1]
    if (what === 'EXISTS') this.learn(now, Number(number) - this.messages.length)
    else if (what === 'EXPUNGE') this.messages.splice(Number(number) - 1, 1)
    else {
      assert.equal(message!.uid, Number(uid))
      const isRepeated = modseq === undefined ? message!.flags === flags : message!.modseq === Number(modseq)
      assert.ok(!isRepeated || this.mayRepeat, 'told twice')
      message!.flags = flags!
      message!.modseq = Number(modseq ?? 0)
    }
  }

  #vanish(set: string): void {
    for (const range of set.split(',')) {
      const [first, last] = range.split(':').map(Number)
      const at = this.messages.findIndex(({ uid }) => uid === first)
      const gone = this.messages.splice(at, (last ?? first!) - first! + 1)
      assert.equal(gone.at(-1)!.uid, last ?? first, 'each UID was there')
    }
  }
}

const flagsOf = (now: MailboxView, index: number): string =>
  Buffer.from(now.flagsAt(index).wire).toString('latin1')

const share = fc.double({ min: 0, max: 0.999, noNaN: true })
const stepArbitrary = fc.record({
  add: fc.constantFrom(0, 0, 1, 600),
  flag: fc.array(fc.tuple(share, fc.nat(2)), { maxLength: 3 }),
  expunge: fc.record({ from: share, count: fc.constantFrom(0, 0, 1, 3, 700) }),
  /** The session itself tells the flags of one message. */
  tell: fc.option(share, { nil: undefined }),
  show: fc.constantFrom('no', 'some', 'all'),
  /** What the client did not ask to be told (RFC 5465). */
  hide: fc.constantFrom('nothing', 'nothing', 'new', 'flags', 'both'),
  /** The account's view is built anew, with other numbers for the flags. */
  rebuild: fc.nat(9).map((n) => n === 0),
})

const own = { account: 7 as AccountId, isOwn: true, rights: allRights }

test('a session is told every change of a large mailbox once', () => {
  fc.assert(
    fc.property(
      fc.nat(2000),
      fc.array(stepArbitrary, { maxLength: 20 }),
      fc.nat(2),
      (count, steps, knows) => {
        const enabled = { isCondstore: knows > 0, isQresync: knows > 1 }
        let sets = new FlagSets()
        let columns = new MailboxColumns(count)
        const numberOf = (n: number): number => sets.numberOf(keywordLists[n]!, false)
        let lastUid = 0
        while (lastUid < count) columns.append(entryOf(++lastUid, 1, numberOf(lastUid % 2)))
        let now = columns.view(emptyInbox, sets)
        const view = new SessionView(now, own, false)
        const picture = new Picture()
        picture.learn(now, now.count)
        let modseq = 1
        for (const step of [...steps, { ...steps[0]!, show: 'all' as const, hide: 'nothing' as const }].slice(
          steps.length === 0 ? 1 : 0,
        )) {
          modseq++
          if (step.rebuild) {
            sets = new FlagSets()
            sets.numberOf(['other'], false)
            const old = now
            columns = new MailboxColumns(old.count)
            for (let i = 0; i < old.count; i++) {
              const flagSet = sets.numberOf(old.flagsAt(i).keywords, false)
              columns.append(entryOf(old.uids.at(i), old.modseqs.at(i), flagSet))
            }
          }
          const changed = step.flag
            .filter(() => now.count > 0)
            .map(([at, n]) => entryOf(now.uids.at(Math.floor(at * now.count)), modseq, numberOf(n)))
          const start = Math.floor(step.expunge.from * now.count)
          const gone = [...now.uids].slice(start, start + step.expunge.count)
          const added = Array.from({ length: step.add }, () => entryOf(++lastUid, modseq, numberOf(0)))
          columns.update([...changed, ...added], gone)
          now = columns.view({ ...emptyInbox, highestModseq: modseq as Modseq }, sets)
          if (step.tell !== undefined && view.count > 0) {
            const position = Math.floor(step.tell * view.count)
            const index = view.locator(now)(position)
            if (index !== -1) {
              view.tell(position, now, index, true)
              // Where the numbers of flags mean something else, it is left to `show`.
              if (view.told(position).modseq === now.modseqs.at(index)) {
                const told = { flags: flagsOf(now, index), modseq: now.modseqs.at(index) }
                Object.assign(picture.messages[position]!, told)
              }
            }
          }
          if (step.show === 'no') continue
          const withNew = step.hide !== 'new' && step.hide !== 'both'
          const withFlags = step.hide !== 'flags' && step.hide !== 'both'
          picture.mayRepeat ||= !withFlags
          view.show(picture.writer, now, {
            expunges: step.show === 'all',
            isUidOnly: false,
            withNew,
            withFlags,
            ...enabled,
          })
          picture.hear(now)
          if (step.hide === 'nothing') assert.equal(view.highestModseq < modseq, view.hidesGone)
          assert.equal(view.count, picture.messages.length)
          if (step.show !== 'all' || step.hide !== 'nothing') continue
          assert.deepEqual(
            picture.messages.map(({ uid, flags }) => `${uid} ${flags}`),
            [...now.uids].map((uid, i) => `${uid} ${flagsOf(now, i)}`),
          )
          if (enabled.isCondstore)
            assert.deepEqual(
              picture.messages.map((one) => one.modseq),
              [...now.modseqs],
            )
          assert.deepEqual(
            picture.messages.map((_, i) => view.uidAt(i)),
            [...now.uids],
          )
        }
      },
    ),
    { numRuns: 60 },
  )
})
