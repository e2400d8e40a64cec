/**
 * What a session has told its client about the selected mailbox: the messages in their order, and the flags
 * of each. Compared with the mailbox as it is now, it gives what is to be told next.
 *
 * What must always hold: message numbers change only by an EXPUNGE or EXISTS that was written (RFC 9051 §7.5.1);
 * after `show` with expunges allowed, the client's picture is that of the mailbox. What was told is kept per
 * message, not derived from a MODSEQ: several writers may share one. The columns of a MailboxView never change,
 * so that as long as the client's picture is one that the mailbox had, they are shared and not copied; and
 * chunks that two columns share need not be compared.
 */
import type { AccountId, MailboxId } from '#base/id.ts'
import { type Column, columnOf, sharedChunks } from '#mail/column.ts'
import type { FlagSet, FlagSets } from '#mail/flag-set.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { Rights } from '#mail/rights.ts'
import type { HeldMailbox } from './mailbox-ref.ts'
import { objectIdPrefix } from './object-id.ts'
import { eachPosition, type Numbered, pairUp, type Positions } from './sequence-set.ts'
import type { ResponseWriter } from './writer.ts'

const none = new Uint32Array(0)

type Numbers = Column<Uint32Array>

export class SessionView implements Numbered {
  readonly account: AccountId
  readonly mailbox: MailboxId
  /** EXAMINE was said. */
  readonly isReadOnly: boolean
  /** What stands before the numbers of identifiers: see `object-id.ts`. */
  readonly idPrefix: string
  /** The rights that the client was told of, by PERMANENTFLAGS. */
  toldRights: Rights
  /** The columns shown last. Not the whole view: that would keep its other columns in memory. */
  #shownUids: Numbers
  #shownFlags: Numbers
  /** What the numbers of flags mean. */
  #sets: FlagSets
  /** The messages that the client knows, ascending; those of `#shown`, and gone ones while that was not told. */
  #uids: Numbers
  /** For each the flags that it can know: as in the columns of `#shown`. */
  #flags: Numbers
  /** By position the flags that the client was told since, where they are others. */
  readonly #told = new Map<number, number>()
  /** Some of the messages are gone, and the client does not know. */
  #hasGone = false
  /** The highest UID that was ever in the view: what is above it is new. */
  #lastUid: number
  /** The saved result of a search, as UIDs (RFC 9051 §6.4.4.1). */
  #saved: Uint32Array = none

  /** Starts with what SELECT tells: all messages and, as what the client would fetch now, their flags. */
  constructor(
    now: MailboxView,
    held: Pick<HeldMailbox, 'account' | 'isOwn' | 'rights'>,
    isReadOnly: boolean,
  ) {
    this.account = held.account
    this.mailbox = now.id
    this.isReadOnly = isReadOnly
    this.idPrefix = objectIdPrefix(held)
    this.toldRights = held.rights
    this.#uids = this.#shownUids = now.uids
    this.#flags = this.#shownFlags = now.flagSets
    this.#sets = now.sets
    this.#lastUid = now.count === 0 ? 0 : now.uids.at(now.count - 1)
  }

  get count(): number {
    return this.#uids.count
  }

  uidAt(position: number): number {
    return this.#uids.at(position)
  }

  /** The position of the first message whose UID is not below this one. */
  lowerBound(uid: number): number {
    return this.#uids.lowerBound(uid)
  }

  /** Whether positions here are indexes of `now`, as they are while nothing came or went. */
  isNumberedAs(now: MailboxView): boolean {
    return this.#uids === now.uids
  }

  /** The flags that the client was told last. */
  toldFlags(position: number): FlagSet {
    return this.#sets.at(this.#toldAt(position))
  }

  /** The client has been told, or knows, the flags that the message at an index of `now` has. */
  tell(position: number, now: MailboxView, index: number): void {
    if (!this.#differs(position, now, index)) return
    // Told in numbers of the columns shown last; those of another table wait for the next `show`.
    if (this.#sets === now.sets) this.#told.set(position, now.flagSets.at(index))
  }

  /** What `$` stands for; messages that are gone have left it. */
  get saved(): Positions {
    const found: number[] = []
    for (const uid of this.#saved) {
      const at = this.lowerBound(uid)
      if (at < this.count && this.#uids.at(at) === uid) found.push(at)
    }
    return pairUp(found)
  }

  save(positions: Positions): void {
    this.#saved = Uint32Array.from(eachPosition(positions), (at) => this.#uids.at(at))
  }

  /**
   * Where in the mailbox now each message of the view is: calls in ascending order cost a step each. -1 for a
   * message that is no longer there.
   */
  locator(now: MailboxView): (position: number) => number {
    let near = 0
    return (position) => {
      const uid = this.#uids.at(position)
      const index = near < now.count && now.uids.at(near) === uid ? near : now.indexOfUid(uid)
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
    if (isShown && this.#told.size === 0 && !(this.#hasGone && o.expunges)) return
    const { gone, changed } = this.#compare(now)
    const hidden = o.expunges ? 0 : gone.length
    if (o.expunges) showExpunged(out, gone)
    const added = now.count - now.firstNotBefore(this.#lastUid + 1)
    if (added > 0) {
      this.#lastUid = now.uids.at(now.count - 1)
      out
        .ascii('* ')
        .uint(now.count + hidden)
        .ascii(' EXISTS\r\n')
    }
    showFlags(out, now, changed, o.expunges ? gone : [])
    if (hidden === 0) {
      this.#uids = now.uids
      this.#flags = now.flagSets
      this.#hasGone = false
    } else this.#keepGone(now, added)
    this.#told.clear()
    this.#shownUids = now.uids
    this.#shownFlags = now.flagSets
    this.#sets = now.sets
  }

  /** What is different now, in ascending positions. */
  #compare(now: MailboxView): Differences {
    const found: Differences = { gone: [], changed: [] }
    const { head, tail } = sharedChunks(this.#uids, now.uids)
    const { chunks, layout } = this.#uids
    for (let i = 0; i < head; i++) this.#compareFlags(now, i, i, found)
    const from = layout.starts[head]!
    const end = layout.starts[chunks.length - tail]!
    for (let i = from, at = from; i < end; i++) {
      const uid = this.#uids.at(i)
      while (at < now.count && now.uids.at(at) < uid) at++
      if (at === now.count || now.uids.at(at) !== uid) found.gone.push(i)
      else if (this.#differs(i, now, at)) found.changed.push({ position: i, index: at })
    }
    for (let i = chunks.length - tail; i < chunks.length; i++)
      this.#compareFlags(now, i, i + now.uids.chunks.length - chunks.length, found)
    return found
  }

  /** Of a chunk that the client knows, which has the same messages as one of now. */
  #compareFlags(now: MailboxView, known: number, current: number, found: Differences): void {
    if (this.#flags.chunks[known] === now.flagSets.chunks[current]) return
    const from = this.#uids.layout.starts[known]!
    const by = now.uids.layout.starts[current]! - from
    const end = this.#uids.layout.starts[known + 1]!
    for (let i = from; i < end; i++)
      if (this.#differs(i, now, i + by)) found.changed.push({ position: i, index: i + by })
  }

  /** Some messages are gone and must be kept in their places: the view has columns of its own for a while. */
  #keepGone(now: MailboxView, added: number): void {
    const known = this.#uids.count
    const uids = new Uint32Array(known + added)
    for (let i = 0; i < known; i++) uids[i] = this.#uids.at(i)
    for (let i = 0; i < added; i++) uids[known + i] = now.uids.at(now.count - added + i)
    const flags = new Uint32Array(uids.length)
    for (let i = 0, at = 0; i < uids.length; i++) {
      while (at < now.count && now.uids.at(at) < uids[i]!) at++
      if (at < now.count && now.uids.at(at) === uids[i]) flags[i] = now.flagSets.at(at)
    }
    this.#uids = columnOf(uids)
    this.#flags = columnOf(flags)
    this.#hasGone = true
  }

  #toldAt(position: number): number {
    return this.#told.get(position) ?? this.#flags.at(position)
  }

  #differs(position: number, now: MailboxView, index: number): boolean {
    const told = this.#toldAt(position)
    const flags = now.flagSets.at(index)
    if (this.#sets === now.sets) return told !== flags
    return !sameFlags(this.#sets.at(told), now.sets.at(flags))
  }
}

interface Differences {
  /** Positions of messages that are no longer there. */
  readonly gone: number[]
  /** Messages with other flags than were told: the position, and the index now. */
  readonly changed: { readonly position: number; readonly index: number }[]
}

/** From the highest number down, so that none of those still to come changes. */
function showExpunged(out: ResponseWriter, gone: readonly number[]): void {
  for (let i = gone.length - 1; i >= 0; i--)
    out
      .ascii('* ')
      .uint(gone[i]! + 1)
      .ascii(' EXPUNGE\r\n')
}

/** The numbers are those without the messages that have been expunged. */
function showFlags(
  out: ResponseWriter,
  now: MailboxView,
  changed: Differences['changed'],
  expunged: readonly number[],
): void {
  let before = 0
  for (const { position, index } of changed) {
    while (before < expunged.length && expunged[before]! < position) before++
    out
      .ascii('* ')
      .uint(position - before + 1)
      .ascii(' FETCH (UID ')
      .uint(now.uids.at(index))
      .ascii(' FLAGS ')
    out.bytes(now.flagsAt(index).wire).ascii(')\r\n')
  }
}

/** Keywords are sorted, so equal sets are equal lists. */
export const sameFlags = (
  a: Pick<FlagSet, 'keywords' | 'deleted'>,
  b: Pick<FlagSet, 'keywords' | 'deleted'>,
): boolean =>
  a.deleted === b.deleted &&
  a.keywords.length === b.keywords.length &&
  a.keywords.every((keyword, i) => keyword === b.keywords[i])
