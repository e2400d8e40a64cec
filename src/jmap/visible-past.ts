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
import { cannotCalculate, type Step } from './standard-changes.ts'
import { isVisible, type Readable, readableOf } from './thread-visibility.ts'

interface Place extends MailboxPast {
  readonly wasReadable: boolean
  readonly isReadable: boolean
}

/** `maybe`: what came since may have been there, in a mailbox of which no log is kept. */
export type Saw = boolean | 'maybe'

export class VisiblePast {
  readonly readable: Readable
  readonly #step: Step
  /** undefined where all could be read, then and now. */
  readonly #places: readonly Place[] | undefined

  private constructor(step: Step, readable: Readable, places: readonly Place[] | undefined) {
    this.#step = step
    this.readable = readable
    this.#places = places
  }

  /** Throws MethodError `cannotCalculateChanges`. */
  static async read(tx: ReadTx, step: Step): Promise<VisiblePast> {
    const { since, before, now: account } = step
    const all = await listMailboxes(tx, account.id)
    const readable = readableOf(account, all)
    const isOwners = account.isOwn && readable === undefined
    if (isOwners && all.every(({ grantsModseq }) => grantsModseq <= since))
      return new VisiblePast(step, readable, undefined)
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
    return new VisiblePast(step, readable, readsAll ? undefined : places)
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
      if (!place.isLogged && here.some(({ modseq }) => modseq > this.#step.since)) saw = 'maybe'
      else if (place.passed.get(id)?.wasIn ?? here.some(({ deleted }) => !deleted)) return true
    }
    return saw
  }

  sees(row: Pick<MessageRow, 'entries'> | undefined): boolean {
    return row !== undefined && isVisible(this.readable, row)
  }

  /**
   * The Emails that were or are in mailboxes that the user may read now and could not then, or the other way round,
   * where rights changed up to a commit or it is with those of other groups. Throws MethodError `cannotCalculateChanges` where they are more than
   * `limit`.
   */
  async turned(tx: ReadTx, to: Modseq, limit: number): Promise<ReadonlySet<MessageId>> {
    const found = new Set<MessageId>()
    const isAnother = this.#step.before !== this.#step.now
    for (const { id, now, wasReadable, isReadable, rightsChanged, passed } of this.#places ?? []) {
      if (wasReadable === isReadable) continue
      if (!isAnother && !rightsChanged.some((modseq) => modseq <= to)) continue
      const here = now === undefined ? [] : await messagesIn(tx, this.#step.now.id, id, limit + 1)
      for (const message of here) found.add(message)
      for (const [message, { wasIn }] of passed) if (wasReadable && wasIn) found.add(message)
      if (found.size > limit) throw cannotCalculate()
    }
    return found
  }

  /** Of an Email that passed. */
  threadOf(id: MessageId): ThreadId | undefined {
    for (const { passed } of this.#places ?? []) {
      const found = passed.get(id)
      if (found !== undefined) return found.thread
    }
    return undefined
  }

  /** The Emails of threads that the user saw, and that have left where they were seen. */
  left(threads: ReadonlySet<ThreadId>): ReadonlyMap<ThreadId, ReadonlySet<MessageId>> {
    const found = new Map<ThreadId, Set<MessageId>>()
    for (const { wasReadable, passed } of this.#places ?? []) {
      if (!wasReadable) continue
      for (const [message, { thread, wasIn }] of passed) {
        if (!wasIn || !threads.has(thread)) continue
        const others = found.get(thread)
        if (others === undefined) found.set(thread, new Set([message]))
        else others.add(message)
      }
    }
    return found
  }
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
