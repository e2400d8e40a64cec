/**
 * What somebody sees of an account's Emails now, and saw at an earlier commit: those with an entry without `\Deleted`
 * (RFC 8621 §4.1.1) in a mailbox whose contents the user may read (§2, mayReadItems).
 *
 * What must always hold: nobody learns of an Email that was never to be seen for them; whatever is different for them
 * is told, whether the mail changed or the rights. Where that is not known, it is said so (RFC 8620 §5.2).
 */
import type { MessageId, Modseq, ThreadId } from '#base/id.ts'
import { expungedSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { accountPast, type MailboxPast, messagesIn } from '#mail/account-past.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import type { MessageRow } from '#mail/message-row.ts'
import type { OpenAccount } from './accounts.ts'
import type { JmapServices } from './services.ts'
import { cannotCalculate, type Step } from './standard-changes.ts'
import { isVisible, type Readable, readableOf } from './thread-visibility.ts'

interface Place extends MailboxPast {
  readonly wasReadable: boolean
  readonly isReadable: boolean
}

/** When, and as whom, the account was seen, and by whom it is. */
type Seen = Pick<Step, 'since' | 'before' | 'now'>

/** `maybe`: what came since may have been there, in a mailbox of which no log is kept. */
export type Saw = boolean | 'maybe'

export class VisiblePast {
  readonly readable: Readable
  readonly #seen: Seen
  /** undefined where all could be read, then and now, and nothing more is known. */
  readonly #places: readonly Place[] | undefined
  #left: ReadonlyMap<ThreadId, readonly MessageId[]> | undefined

  private constructor(seen: Seen, readable: Readable, places: readonly Place[] | undefined) {
    this.#seen = seen
    this.readable = readable
    this.#places = places
  }

  /** Throws MethodError `cannotCalculateChanges`. */
  static async read(tx: ReadTx, seen: Seen): Promise<VisiblePast> {
    const { since, before, now: account } = seen
    const all = await listMailboxes(tx, account.id)
    const readable = readableOf(account, all)
    const isOwners = account.isOwn && readable === undefined
    if (isOwners && all.every(({ grantsModseq }) => grantsModseq <= since))
      return new VisiblePast(seen, readable, undefined)
    const isRead = (mailbox: Mailbox): boolean => before.mayRead(mailbox) || account.mayRead(mailbox)
    const past = await accountPast(tx, account.id, all, since, isRead)
    if (past === 'tooOld') throw cannotCalculate()
    const places = past.map((one) => ({
      ...one,
      wasReadable: one.wasThere && before.mayRead(one),
      isReadable: one.now !== undefined && account.mayRead(one.now),
    }))
    const readsAll =
      readable === undefined && places.every(({ wasThere, wasReadable }) => wasReadable || !wasThere)
    if (!readsAll) await assertKnown(tx, account, places, since)
    // Of what is logged more is known: also what came back, or came, by losing its `\Deleted`.
    const isKnown = places.every(({ isLogged, wasReadable }) => isLogged || !wasReadable)
    return new VisiblePast(seen, readable, readsAll && !isKnown ? undefined : places)
  }

  /** Whether the change log alone tells what is different. */
  get readsAll(): boolean {
    return this.#places === undefined
  }

  /** `row`: the Email as it is now. Not to be asked where all could be read. */
  saw(id: MessageId, row: Pick<MessageRow, 'entries'> | undefined): Saw {
    let saw: Saw = false
    for (const place of this.#places ?? []) {
      if (!place.wasReadable) continue
      const here = row?.entries.filter(({ mailbox }) => mailbox === place.id) ?? []
      if (!place.isLogged && here.some(({ modseq }) => modseq > this.#seen.since)) saw = 'maybe'
      else if (place.passed.get(id)?.wasIn ?? here.some(({ deleted }) => !deleted)) return true
    }
    return saw
  }

  sees(row: Pick<MessageRow, 'entries'> | undefined): boolean {
    return row !== undefined && isVisible(this.readable, row)
  }

  /**
   * The mailboxes that the user may read now, or could at a commit, and could not then, or the other way round, where
   * rights changed up to that commit or it is with those of other groups. What is told in parts is told as of that
   * commit, though it is no longer now.
   */
  turned(to: Modseq): readonly Place[] {
    const { before, now } = this.#seen
    return (this.#places ?? []).filter((place) => {
      const { wasReadable, isReadable, rightsChanged } = place
      if (before === now && !rightsChanged.some((modseq) => modseq <= to)) return false
      return wasReadable !== isReadable || wasReadable !== now.mayRead({ grants: place.grantsAt(to) })
    })
  }

  /** The Emails of a thread that the user saw, and that have left where they were seen. */
  left(thread: ThreadId): readonly MessageId[] {
    this.#left ??= this.#leftByThread()
    return this.#left.get(thread) ?? []
  }

  #leftByThread(): Map<ThreadId, MessageId[]> {
    const found = new Map<ThreadId, MessageId[]>()
    for (const { wasReadable, passed } of this.#places ?? []) {
      if (!wasReadable) continue
      for (const [message, { thread, wasIn }] of passed) {
        if (!wasIn) continue
        const others = found.get(thread)
        if (others === undefined) found.set(thread, [message])
        else others.push(message)
      }
    }
    return found
  }
}

/** The Emails of mailboxes that turned readable or unreadable: what the change log knows nothing of. */
export type Turned = ReadonlyMap<MessageId, ThreadId>

/**
 * What `tell` makes of a snapshot, and of what turned up to a commit. As many as a mailbox has may have, so these are
 * looked for in the columns of all messages, and before the snapshot; what came or left in between is in the log.
 */
export async function withVisiblePast<T>(
  { db, views }: Pick<JmapServices, 'db' | 'views'>,
  step: Step,
  to: Modseq,
  tell: (tx: ReadTx, past: VisiblePast, turned: Turned) => Promise<T>,
): Promise<T> {
  const first = await db.read(async (tx) => {
    const past = await VisiblePast.read(tx, step)
    return past.turned(to).length > 0 ? 'turned' : { told: await tell(tx, past, new Map()) }
  })
  if (first !== 'turned') return first.told
  const view = await (await views.open(step.now.id)).loadEmails()
  return db.read(async (tx) => {
    const past = await VisiblePast.read(tx, step)
    const places = past.turned(to)
    const turned = messagesIn(view, new Set(places.map(({ id }) => id)))
    // Also what has left since, for where else it is: as of that commit it was there.
    for (const { passed } of places)
      for (const [message, { thread, wasIn }] of passed) if (wasIn) turned.set(message, thread)
    return tell(tx, past, turned)
  })
}

/** Nobody keeps what left a mailbox that is not shared. */
async function assertKnown(
  tx: ReadTx,
  account: OpenAccount,
  places: readonly Place[],
  since: Modseq,
): Promise<void> {
  for (const { id, now, wasReadable, isReadable, isLogged } of places) {
    if (!wasReadable || isLogged || (now !== undefined && now.highestModseq <= since)) continue
    const uids = await expungedSince(tx, account.id, id, since)
    if (!isReadable || uids === 'tooOld' || uids.length > 0) throw cannotCalculate()
  }
}
