/**
 * What a session has told its client about the selected mailbox: the messages in their order, and the flags
 * of each. Compared with the mailbox as it is now, it gives what is to be told next.
 *
 * What must always hold: message numbers change only by an EXPUNGE or EXISTS that was written (RFC 9051 §7.5.1);
 * after `show` with expunges allowed, the client's picture is that of the mailbox. What was told is kept per
 * message, not derived from a MODSEQ: several writers may share one. The columns of a MailboxView never change,
 * so that as long as the client's picture is one that the mailbox had, they are shared and not copied.
 */
import type { MailboxId } from '#base/id.ts'
import type { FlagSet } from '#mail/flag-set.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { eachPosition, type Numbered, pairUp, type Positions } from './sequence-set.ts'
import type { ResponseWriter } from './writer.ts'

const none = new Uint32Array(0)

export class SessionView implements Numbered {
  readonly mailbox: MailboxId
  readonly isReadOnly: boolean
  /** The columns shown last. Not the whole view: that would keep its other columns in memory. */
  #shownUids: Uint32Array
  #shownFlags: Uint32Array
  /** What the numbers in `#told` mean. */
  #table: FlagTable
  /** The messages that the client knows, ascending; those of `#shown`, and gone ones while that was not told. */
  #uids: Uint32Array
  /** For each the flags that the client was told last, or that it can know: as in the columns of `#shown`. */
  #told: Uint32Array
  #ownsTold = false
  /** Some of the messages are gone, and the client does not know. */
  #hasGone = false
  /** The highest UID that was ever in the view: what is above it is new. */
  #lastUid: number
  /** The saved result of a search, as UIDs (RFC 9051 §6.4.4.1). */
  #saved: Uint32Array = none

  /** Starts with what SELECT tells: all messages and, as what the client would fetch now, their flags. */
  constructor(now: MailboxView, isReadOnly: boolean) {
    this.mailbox = now.id
    this.isReadOnly = isReadOnly
    this.#uids = this.#shownUids = now.uids
    this.#told = this.#shownFlags = now.flagSets
    this.#table = tableOf(now)
    this.#lastUid = now.count === 0 ? 0 : now.uids[now.count - 1]!
  }

  get count(): number {
    return this.#uids.length
  }

  uidAt(position: number): number {
    return this.#uids[position]!
  }

  /** The position of the first message whose UID is not below this one. */
  lowerBound(uid: number): number {
    let low = 0
    let high = this.#uids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#uids[middle]! < uid) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The flags that the client was told last. */
  toldFlags(position: number): Pick<FlagSet, 'keywords' | 'deleted'> {
    return this.#table.get(this.#told[position]!) ?? noFlags
  }

  /** The client has been told, or knows, the flags that the message at an index of `now` has. */
  tell(position: number, now: MailboxView, index: number): void {
    if (!this.#differs(position, now, index)) return
    // Told in numbers of the columns shown last; those of another table wait for the next `show`.
    if (!sharesTable(this.#table, now)) return
    if (!this.#ownsTold) this.#told = this.#told.slice()
    this.#ownsTold = true
    const flags = now.flagSets[index]!
    this.#told[position] = flags
    this.#table.set(flags, now.flagSet(flags))
  }

  /** What `$` stands for; messages that are gone have left it. */
  get saved(): Positions {
    const found: number[] = []
    for (const uid of this.#saved) {
      const at = this.lowerBound(uid)
      if (this.#uids[at] === uid) found.push(at)
    }
    return pairUp(found)
  }

  save(positions: Positions): void {
    this.#saved = Uint32Array.from(eachPosition(positions), (at) => this.#uids[at]!)
  }

  /**
   * Where in the mailbox now each message of the view is: calls in ascending order cost a step each. -1 for a
   * message that is no longer there.
   */
  locator(now: MailboxView): (position: number) => number {
    let near = 0
    return (position) => {
      const uid = this.#uids[position]!
      const index = now.uids[near] === uid ? near : now.indexOfUid(uid)
      if (index !== -1) near = index + 1
      return index
    }
  }

  /**
   * Writes what the client does not know yet: EXPUNGE where that is allowed, EXISTS, and FETCH with the flags
   * that others changed, always with the UID (RFC 9051 §7.5.2).
   */
  show(out: ResponseWriter, now: MailboxView, o: { expunges: boolean }): void {
    const isShown = now.uids === this.#shownUids && now.flagSets === this.#shownFlags
    if (isShown && !this.#ownsTold && !(this.#hasGone && o.expunges)) return
    if (o.expunges) this.#showExpunged(out, now)
    const known = this.#uids.length
    const added = now.count - now.firstNotBefore(this.#lastUid + 1)
    if (added > 0) {
      this.#lastUid = now.uids[now.count - 1]!
      out
        .ascii('* ')
        .uint(known + added)
        .ascii(' EXISTS\r\n')
    }
    this.#showFlags(out, now)
    if (known + added === now.count) {
      this.#uids = now.uids
      this.#told = now.flagSets
      this.#hasGone = false
    } else this.#keepGone(now, added)
    this.#ownsTold = false
    this.#shownUids = now.uids
    this.#shownFlags = now.flagSets
    this.#table = tableOf(now)
  }

  /** From the highest number down, so that none of those still to come changes. */
  #showExpunged(out: ResponseWriter, now: MailboxView): void {
    if (now.uids.buffer === this.#uids.buffer) return
    const uids = this.#uids
    const gone: number[] = []
    for (let i = 0, at = 0; i < uids.length; i++) {
      while (at < now.count && now.uids[at]! < uids[i]!) at++
      if (now.uids[at] !== uids[i]) gone.push(i)
    }
    if (gone.length === 0) return
    for (let i = gone.length - 1; i >= 0; i--)
      out
        .ascii('* ')
        .uint(gone[i]! + 1)
        .ascii(' EXPUNGE\r\n')
    this.#uids = without(uids, gone)
    this.#told = without(this.#told, gone)
  }

  #showFlags(out: ResponseWriter, now: MailboxView): void {
    if (now.flagSets.buffer === this.#told.buffer) return
    const uids = this.#uids
    for (let i = 0, at = 0; i < uids.length; i++) {
      const uid = uids[i]!
      while (at < now.count && now.uids[at]! < uid) at++
      if (now.uids[at] !== uid || !this.#differs(i, now, at)) continue
      out
        .ascii('* ')
        .uint(i + 1)
        .ascii(' FETCH (UID ')
        .uint(uid)
        .ascii(' FLAGS ')
      out.bytes(now.flagsAt(at).wire).ascii(')\r\n')
    }
  }

  /** Some messages are gone and must be kept in their places: the view has arrays of its own for a while. */
  #keepGone(now: MailboxView, added: number): void {
    const known = this.#uids
    const uids = new Uint32Array(known.length + added)
    uids.set(known)
    uids.set(now.uids.subarray(now.count - added), known.length)
    const told = new Uint32Array(uids.length)
    for (let i = 0, at = 0; i < uids.length; i++) {
      while (at < now.count && now.uids[at]! < uids[i]!) at++
      if (now.uids[at] === uids[i]) told[i] = now.flagSets[at]!
    }
    this.#uids = uids
    this.#told = told
    this.#hasGone = true
  }

  #differs(position: number, now: MailboxView, index: number): boolean {
    const told = this.#told[position]!
    const flags = now.flagSets[index]!
    const before = this.#table.get(told)
    const after = now.flagSet(flags)
    return before !== after && !sameFlags(before ?? noFlags, after)
  }
}

/** The flag sets that a column refers to, by their numbers there. */
type FlagTable = Map<number, FlagSet>

const noFlags: Pick<FlagSet, 'keywords' | 'deleted'> = { keywords: [], deleted: false }

function tableOf(now: MailboxView): FlagTable {
  const table: FlagTable = new Map()
  let last = -1
  for (const number of now.flagSets) {
    // Neighbours mostly have the same.
    if (number !== last && !table.has(number)) table.set(number, now.flagSet(number))
    last = number
  }
  return table
}

/** Numbers of flag sets mean the same as long as the account's view was not built anew in between. */
const sharesTable = (table: FlagTable, now: MailboxView): boolean => {
  for (const [number, flags] of table) return flags === now.flagSet(number)
  return true
}

/** Keywords are sorted, so equal sets are equal lists. */
export const sameFlags = (
  a: Pick<FlagSet, 'keywords' | 'deleted'>,
  b: Pick<FlagSet, 'keywords' | 'deleted'>,
): boolean =>
  a.deleted === b.deleted &&
  a.keywords.length === b.keywords.length &&
  a.keywords.every((keyword, i) => keyword === b.keywords[i])

function without(column: Uint32Array, gone: readonly number[]): Uint32Array {
  const left = new Uint32Array(column.length - gone.length)
  let to = 0
  let from = 0
  for (const at of [...gone, column.length]) {
    left.set(column.subarray(from, at), to)
    to += at - from
    from = at + 1
  }
  return left
}
