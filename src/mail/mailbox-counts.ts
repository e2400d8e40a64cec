/**
 * What JMAP counts in a mailbox (RFC 8621 §2): Emails, and the Threads that they are part of.
 *
 * An entry with `\Deleted` is in no mailbox here (§4.1.1), and a message counts once however many entries it has
 * in one. A thread is unread in a mailbox where the user would see something unread on opening it there: also a
 * message that lies in another mailbox. Messages in the trash are as in a thread of their own.
 */
import type { MailboxId, ThreadId } from '#base/id.ts'
import { isUnread } from './keywords.ts'
import type { MessageRow } from './message-row.ts'

export interface MailboxCounts {
  readonly emails: number
  readonly unreadEmails: number
  readonly threads: number
  readonly unreadThreads: number
  /** Threads with an unread message in this very mailbox: what may be shown to whoever cannot see the others. */
  readonly unreadThreadsWithin: number
}

export const noCounts: MailboxCounts = {
  emails: 0,
  unreadEmails: 0,
  threads: 0,
  unreadThreads: 0,
  unreadThreadsWithin: 0,
}

export type CountName = keyof MailboxCounts
export const countNames = Object.keys(noCounts) as readonly CountName[]

/** What counting needs to know of a message that JMAP sees. */
export interface CountedMessage {
  readonly thread: ThreadId
  /** Each once. */
  readonly mailboxes: readonly MailboxId[]
  readonly unread: boolean
}

/** undefined for a message that JMAP does not see, as all its entries have `\Deleted`. */
export function countedMessage({ thread, entries, keywords }: MessageRow): CountedMessage | undefined {
  const mailboxes: MailboxId[] = []
  for (const { mailbox, deleted } of entries)
    if (!deleted && !mailboxes.includes(mailbox)) mailboxes.push(mailbox)
  return mailboxes.length === 0 ? undefined : { thread, mailboxes, unread: isUnread(keywords) }
}

/** Whether counting makes no difference between two. */
export const countsAlike = (a: CountedMessage | undefined, b: CountedMessage | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.unread === b.unread && sameMailboxes(a.mailboxes, b.mailboxes))

const sameMailboxes = (a: readonly MailboxId[], b: readonly MailboxId[]): boolean =>
  a.length === b.length && a.every((mailbox) => b.includes(mailbox))

/** Counts of mailboxes, or differences of them. */
export class MailboxTally {
  readonly #counts = new Map<MailboxId, Record<CountName, number>>()
  /** The mailbox with that role, 0 for none. */
  readonly #trash: MailboxId | 0

  constructor(trash: MailboxId | 0) {
    this.#trash = trash
  }

  /** Those in which something was counted. */
  get mailboxes(): IterableIterator<MailboxId> {
    return this.#counts.keys()
  }

  of(mailbox: MailboxId): MailboxCounts {
    return this.#counts.get(mailbox) ?? noCounts
  }

  /** Counts all messages of one thread in (+1) or out (-1). */
  add(messages: readonly CountedMessage[], by: 1 | -1): void {
    const isUnreadElsewhere = messages.some((one) => one.unread && !this.#isOnlyInTrash(one))
    const mailboxes = new Map<MailboxId, boolean>()
    for (const message of messages) {
      for (const mailbox of message.mailboxes) {
        this.#count(mailbox, 'emails', by)
        if (message.unread) this.#count(mailbox, 'unreadEmails', by)
        mailboxes.set(mailbox, message.unread || mailboxes.get(mailbox) === true)
      }
    }
    for (const [mailbox, isUnreadWithin] of mailboxes) {
      this.#count(mailbox, 'threads', by)
      if (isUnreadWithin) this.#count(mailbox, 'unreadThreadsWithin', by)
      if (mailbox === this.#trash ? isUnreadWithin : isUnreadElsewhere)
        this.#count(mailbox, 'unreadThreads', by)
    }
  }

  #isOnlyInTrash({ mailboxes }: CountedMessage): boolean {
    return mailboxes.every((mailbox) => mailbox === this.#trash)
  }

  #count(mailbox: MailboxId, name: CountName, by: number): void {
    let counts = this.#counts.get(mailbox)
    if (counts === undefined) this.#counts.set(mailbox, (counts = { ...noCounts }))
    counts[name] += by
  }
}

/** Counts with differences added. Where older rows had none, nothing goes below zero. */
export function addCounts(counts: MailboxCounts, difference: MailboxCounts): MailboxCounts {
  const sum: Record<CountName, number> = { ...counts }
  for (const name of countNames) sum[name] = Math.max(0, sum[name] + difference[name])
  return sum
}

export const sameCounts = (a: MailboxCounts, b: MailboxCounts): boolean =>
  countNames.every((name) => a[name] === b[name])
