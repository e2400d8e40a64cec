/**
 * The different combinations of mailboxes that messages of an account are in, each kept once, so that a column
 * holds one small number per message and a condition on mailboxes is worked out once for each combination.
 *
 * An entry with `\Deleted` is not in its mailbox as far as JMAP is concerned (RFC 8621 §4.1.1).
 */
import type { MailboxId } from '#base/id.ts'
import type { Entry } from './message-row.ts'

/** Of a message that is there no more. */
export const gone = 0
/** Of one that is in no mailbox, and so not to be seen. */
const nowhere = 1

/** Only ever grows, so that whoever holds a number and the table can use both for ever. */
export class PlaceSets {
  readonly #sets: (readonly MailboxId[])[] = [[], []]
  readonly #larger = new Map<number, Map<MailboxId, number>>()
  readonly #numbers = new Map<string, number>([['', nowhere]])

  get size(): number {
    return this.#sets.length
  }

  /** Ascending. */
  at(number: number): readonly MailboxId[] {
    return this.#sets[number]!
  }

  /** The number of the mailboxes that these entries are in. */
  numberOf(entries: readonly Entry[]): number {
    const mailboxes: MailboxId[] = []
    for (const { mailbox, deleted } of entries)
      if (!deleted && !mailboxes.includes(mailbox)) mailboxes.push(mailbox)
    return this.#numberOf(mailboxes)
  }

  /** The number of one more mailbox besides those of a number. */
  with(number: number, mailbox: MailboxId): number {
    const before = this.at(number)
    if (before.includes(mailbox)) return number
    const larger = this.#larger.get(number)?.get(mailbox)
    if (larger !== undefined) return larger
    const found = this.#numberOf([...before, mailbox])
    const known = this.#larger.get(number)
    if (known === undefined) this.#larger.set(number, new Map([[mailbox, found]]))
    else known.set(mailbox, found)
    return found
  }

  #numberOf(mailboxes: MailboxId[]): number {
    if (mailboxes.length > 1) mailboxes.sort((a, b) => a - b)
    const key = mailboxes.join(' ')
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#sets.push(mailboxes) - 1
    this.#numbers.set(key, number)
    return number
  }
}
