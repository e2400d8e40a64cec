/**
 * What a session has told its client about the selected mailbox: the messages in their order, and the flags
 * and MODSEQ of each. Compared with the mailbox as it is now, it gives what is to be told next.
 *
 * What must always hold: message numbers change only by an EXPUNGE, VANISHED or EXISTS that was written
 * (RFC 9051 §7.5.1); after `show` with expunges allowed, the client's picture is that of the mailbox. A client
 * that knows CONDSTORE is told every MODSEQ, any other only flags that are different. The columns of a
 * MailboxView never change, so that as long as the client's picture is one that the mailbox had, they are shared
 * and not copied; and chunks that two columns share need not be compared.
 */
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import { type Column, columnOf, sharedChunks } from '#mail/column.ts'
import type { FlagSet, FlagSets } from '#mail/flag-set.ts'
import type { KnownFlags } from '#mail/flags.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { Rights } from '#mail/rights.ts'
import { BatchesAsked } from './batches-asked.ts'
import { type Changed, showExpunged, showFlags } from '../fetch/changes-response.ts'
import type { HeldMailbox } from '../namespace/mailbox-ref.ts'
import { objectIdPrefix } from '#mail/object-id.ts'
import { SearchContexts } from './search-contexts.ts'
import { eachPosition, type Numbered, pairUp, type Positions } from '../wire/sequence-set.ts'
import type { ResponseWriter } from '../wire/writer.ts'

const none = new Uint32Array(0)

type Numbers = Column<Uint32Array>

/** What the client was told of a message. */
interface Told {
  readonly flags: number
  /** The one that goes with the flags. */
  readonly modseq: number
  /** The client knows it too. */
  readonly hasModseq: boolean
}

export interface ShowOptions {
  /** Whether the client may be told now of messages that are gone. */
  readonly expunges: boolean
  /** Whether it is to be told of new ones, and of flags: what it is not told of waits. */
  readonly withNew: boolean
  readonly withFlags: boolean
  readonly isCondstore: boolean
  /** Expunged messages are told by UID. */
  readonly isQresync: boolean
  readonly isUidOnly: boolean
}

export class SessionView implements Numbered {
  readonly account: AccountId
  readonly mailbox: MailboxId
  /** EXAMINE was said. */
  readonly isReadOnly: boolean
  /** What stands before the numbers of identifiers: see `object-id.ts`. */
  readonly idPrefix: string
  /** What UIDBATCHES told. */
  readonly batchesAsked = new BatchesAsked()
  readonly contexts = new SearchContexts()
  /** UIDs of messages that the session itself put here, until it is shown what is new. */
  readonly madeHere = new Set<number>()
  /** The rights that the client was told of, by PERMANENTFLAGS. */
  toldRights: Rights
  /** The columns shown last. Not the whole view: that would keep its other columns in memory. */
  #shownUids: Numbers
  #shownFlags: Numbers
  /** What the numbers of flags mean. */
  #sets: FlagSets
  /** The messages that the client knows, ascending; those of `#shown`, and gone ones while that was not told. */
  #uids: Numbers
  /** For each the flags and the MODSEQ that it can know: as in the columns of `#shown`. */
  #flags: Numbers
  #modseqs: Column<Float64Array>
  /** By position what the client was told since, where that is newer. */
  readonly #told = new Map<number, Told>()
  /** Some of the messages are gone, and the client does not know. */
  #hasGone = false
  /** There are new messages, and the client was not to be told. */
  #hidesNew = false
  /** What changed flags after this was not to be told. */
  #flagsUntoldSince: Modseq | undefined
  #highestModseq: Modseq
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
    this.#modseqs = now.modseqs
    this.#highestModseq = now.highestModseq
    this.#sets = now.sets
    this.#lastUid = now.count === 0 ? 0 : now.uids.at(now.count - 1)
  }

  get count(): number {
    return this.#uids.count
  }

  /** HIGHESTMODSEQ of the mailbox when the client had last been told everything. */
  get highestModseq(): Modseq {
    return this.#flagsUntoldSince ?? this.#highestModseq
  }

  /** The highest UID that the client knows, or knew. */
  get lastUid(): number {
    return this.#lastUid
  }

  /** The client still counts messages that are gone. */
  get hidesGone(): boolean {
    return this.#hasGone
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

  /** The flags that the client was told last, and their MODSEQ, which it need not have been told. */
  told(position: number): KnownFlags {
    const told = this.#told.get(position)
    const { keywords, deleted } = this.#sets.at(told?.flags ?? this.#flags.at(position))
    return { keywords, deleted, modseq: (told?.modseq ?? this.#modseqs.at(position)) as Modseq }
  }

  /**
   * The client has been told, or knows, the flags that the message at an index of `now` has; with `hasModseq`
   * its MODSEQ too.
   */
  tell(position: number, now: MailboxView, index: number, hasModseq: boolean): void {
    const told = this.#told.get(position)
    const modseq = now.modseqs.at(index)
    const isTold = modseq === (told?.modseq ?? this.#modseqs.at(position))
    if (isTold && !(hasModseq && told?.hasModseq === false)) return
    // Told in numbers of the columns shown last; those of another table wait for the next `show`.
    if (this.#sets === now.sets)
      this.#told.set(position, { flags: now.flagSets.at(index), modseq, hasModseq })
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

  /** Positions of messages that are no longer there. */
  goneIn(now: MailboxView): number[] {
    const { head, tail } = sharedChunks(this.#uids, now.uids)
    const { chunks, layout } = this.#uids
    const gone: number[] = []
    const locate = this.locator(now)
    const end = layout.starts[chunks.length - tail]!
    for (let i = layout.starts[head]!; i < end; i++) if (locate(i) === -1) gone.push(i)
    return gone
  }

  /**
   * Writes what the client does not know yet: EXPUNGE or VANISHED where that is allowed, EXISTS, and FETCH with
   * the flags that others changed, always with the UID (RFC 9051 §7.5.2). True where messages that are gone
   * were told.
   */
  show(out: ResponseWriter, now: MailboxView, o: ShowOptions): boolean {
    const isShown = now.uids === this.#shownUids && now.flagSets === this.#shownFlags
    const since = o.withFlags ? this.#flagsUntoldSince : undefined
    const isDue = (this.#hasGone && o.expunges) || (this.#hidesNew && o.withNew) || since !== undefined
    if (isShown && this.#told.size === 0 && !isDue) {
      // Also what came and went unseen has a number.
      if (!this.#hasGone && !this.#hidesNew) this.#highestModseq = now.highestModseq
      return false
    }
    const { gone, changed } = this.#compare(now, { isCondstore: o.isCondstore, since })
    const hidden = o.expunges ? 0 : gone.length
    if (o.expunges) showExpunged(out, gone, o.isQresync || o.isUidOnly ? this.#uids : undefined)
    const fresh = now.count - now.firstNotBefore(this.#lastUid + 1)
    const added = o.withNew ? fresh : 0
    if (added > 0) {
      this.#lastUid = now.uids.at(now.count - 1)
      out
        .ascii('* ')
        .uint(now.count + hidden)
        .ascii(' EXISTS\r\n')
    }
    if (o.withFlags) {
      showFlags(out, now, { ...o, changed, expunged: o.expunges ? gone : [] })
      this.#flagsUntoldSince = undefined
    } else if (changed.length > 0) this.#flagsUntoldSince ??= this.#highestModseq
    this.#hasGone = hidden > 0
    this.#hidesNew = fresh > added
    if (this.#hasGone || this.#hidesNew) this.#keepOwn(now, o.expunges ? gone : [], added)
    else {
      this.#uids = now.uids
      this.#flags = now.flagSets
      this.#modseqs = now.modseqs
      this.#highestModseq = now.highestModseq
    }
    if (this.#told.size > 0) this.#told.clear()
    this.#shownUids = now.uids
    this.#shownFlags = now.flagSets
    this.#sets = now.sets
    return o.expunges && gone.length > 0
  }

  /** What is different now, in ascending positions. */
  #compare(now: MailboxView, how: Comparison): Differences {
    const found: Differences = { gone: [], changed: [] }
    const { head, tail } = sharedChunks(this.#uids, now.uids)
    const { chunks, layout } = this.#uids
    for (let i = 0; i < head; i++) this.#compareFlags(now, i, i, how, found)
    const from = layout.starts[head]!
    const end = layout.starts[chunks.length - tail]!
    for (let i = from, at = from; i < end; i++) {
      const uid = this.#uids.at(i)
      while (at < now.count && now.uids.at(at) < uid) at++
      if (at === now.count || now.uids.at(at) !== uid) found.gone.push(i)
      else if (this.#differs(i, now, at, how)) found.changed.push({ position: i, index: at })
    }
    for (let i = chunks.length - tail; i < chunks.length; i++)
      this.#compareFlags(now, i, i + now.uids.chunks.length - chunks.length, how, found)
    return found
  }

  /**
   * Of a chunk that the client knows, which has the same messages as one of now. Flags and MODSEQ change together,
   * and what was told since has a higher MODSEQ than the columns: so most messages are passed over by theirs.
   */
  #compareFlags(now: MailboxView, known: number, current: number, how: Comparison, found: Differences): void {
    const isEach = how.since !== undefined
    if (this.#flags.chunks[known] === now.flagSets.chunks[current] && !isEach) return
    const position = this.#uids.layout.starts[known]!
    const index = now.uids.layout.starts[current]!
    const count = this.#uids.layout.lengthOf(known)
    const before = this.#modseqs.chunks[known]!
    const after = now.modseqs.chunks[current]!
    for (let i = 0; i < count; i++)
      if ((isEach || before[i] !== after[i]) && this.#differs(position + i, now, index + i, how))
        found.changed.push({ position: position + i, index: index + i })
  }

  /**
   * Some messages are gone and must be kept in their places, or new ones must not be counted yet: the view has columns
   * of its own for a while, without those that left it.
   */
  #keepOwn(now: MailboxView, left: readonly number[], added: number): void {
    const known = this.#uids.count
    const uids = new Uint32Array(known - left.length + added)
    let to = 0
    for (let i = 0, next = 0; i < known; i++) {
      if (i === left[next]) next++
      else uids[to++] = this.#uids.at(i)
    }
    for (let i = now.count - added; i < now.count; i++) uids[to++] = now.uids.at(i)
    const flags = new Uint32Array(uids.length)
    const modseqs = new Float64Array(uids.length)
    for (let i = 0, at = 0; i < uids.length; i++) {
      while (at < now.count && now.uids.at(at) < uids[i]!) at++
      if (at === now.count || now.uids.at(at) !== uids[i]) continue
      flags[i] = now.flagSets.at(at)
      modseqs[i] = now.modseqs.at(at)
    }
    this.#uids = columnOf(uids)
    this.#flags = columnOf(flags)
    this.#modseqs = columnOf(modseqs)
  }

  #differs(position: number, now: MailboxView, index: number, { isCondstore, since }: Comparison): boolean {
    if (since !== undefined && now.modseqs.at(index) > since) return true
    const told = this.#told.get(position)
    if (isCondstore) {
      const isTold = now.modseqs.at(index) === (told?.modseq ?? this.#modseqs.at(position))
      return !isTold || told?.hasModseq === false
    }
    const known = told?.flags ?? this.#flags.at(position)
    const flags = now.flagSets.at(index)
    if (this.#sets === now.sets) return known !== flags
    return !sameFlags(this.#sets.at(known), now.sets.at(flags))
  }
}

interface Comparison {
  readonly isCondstore: boolean
  /** All flags are told that changed after this. */
  readonly since: Modseq | undefined
}

interface Differences {
  /** Positions of messages that are no longer there. */
  readonly gone: number[]
  /** Messages with other flags than were told. */
  readonly changed: Changed[]
}

/** Keywords are sorted, so equal sets are equal lists. */
export const sameFlags = (
  a: Pick<FlagSet, 'keywords' | 'deleted'>,
  b: Pick<FlagSet, 'keywords' | 'deleted'>,
): boolean =>
  a.deleted === b.deleted &&
  a.keywords.length === b.keywords.length &&
  a.keywords.every((keyword, i) => keyword === b.keywords[i])
