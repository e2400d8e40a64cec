/**
 * What is said of an Email that does not come from the message (RFC 8621 §4.1.1), as it is set: mailboxes, keywords,
 * and when it was received. Which mailboxes and whether the user may is asked in the commit.
 */
import { Fault, isFault, type PropertyProblem } from '#base/fault.ts'
import type { MailboxId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { maxEntries } from '#mail/copy.ts'
import { normalizeKeywords } from '#mail/keywords.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { objectNumber } from '#mail/object-id.ts'
import { mailboxRights, type MailboxRights } from '#mail/rights.ts'
import type { OpenAccount } from '../accounts.ts'
import { invalidProperties, SetFault } from '../errors.ts'
import { type Json, type JsonObject, nullable, setOf, string, timeOf, utcDate } from '../value.ts'

export interface Metadata {
  /** As the client named them; undefined where it did not. */
  readonly mailboxIds: readonly string[] | undefined
  /** As they are stored; undefined where nothing is said. */
  readonly keywords: readonly string[] | undefined
  readonly receivedAt: number | undefined
}

/** Throws SetFault `tooManyKeywords`; all else that is wrong is added to the problems. */
export function readMetadata(input: JsonObject, problems: PropertyProblem[]): Metadata {
  return {
    mailboxIds: readSet(input['mailboxIds'], 'mailboxIds', problems),
    keywords: readKeywords(input['keywords'], problems),
    receivedAt: readTime(input['receivedAt'], problems),
  }
}

function readSet(
  input: Json | undefined,
  name: string,
  problems: PropertyProblem[],
): readonly string[] | undefined {
  if (input === undefined) return undefined
  const found: PropertyProblem[] = []
  const set = setOf(string).read(input, name, found)
  if (found.length > 0) problems.push({ property: name, problem: 'must be an object, each value true' })
  return [...set]
}

function readKeywords(input: Json | undefined, problems: PropertyProblem[]): readonly string[] | undefined {
  const given = readSet(input ?? undefined, 'keywords', problems)
  if (given === undefined) return undefined
  try {
    return normalizeKeywords(given)
  } catch (error) {
    if (isFault(error, 'tooLarge'))
      throw new SetFault('tooManyKeywords', 'A message cannot have so many keywords.')
    if (!isFault(error, 'invalid')) throw error
    problems.push({ property: 'keywords', problem: 'has one that cannot be (RFC 8621 §4.1.1)' })
    return []
  }
}

function readTime(input: Json | undefined, problems: PropertyProblem[]): number | undefined {
  if (input === undefined || input === null) return undefined
  const found: PropertyProblem[] = []
  const text = nullable(utcDate).read(input, 'receivedAt', found)
  problems.push(...found)
  return found.length > 0 || text === null ? undefined : timeOf(text)
}

/** Mailboxes of an account in a transaction, and what the user may do there. */
export class Places {
  readonly #account: OpenAccount
  readonly #mailboxes: ReadonlyMap<MailboxId, Mailbox>
  readonly #rights = new Map<MailboxId, MailboxRights>()

  private constructor(account: OpenAccount, mailboxes: readonly Mailbox[]) {
    this.#account = account
    this.#mailboxes = new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox]))
  }

  static async read(tx: ReadTx, account: OpenAccount): Promise<Places> {
    return new Places(account, await listMailboxes(tx, account.id))
  }

  rights(id: MailboxId): MailboxRights {
    let rights = this.#rights.get(id)
    if (rights === undefined) {
      rights = mailboxRights(this.#account.rightsOn(this.#mailboxes.get(id) ?? { grants: [] }))
      this.#rights.set(id, rights)
    }
    return rights
  }

  /** Of these, those whose messages the user may see. */
  readable(ids: Iterable<MailboxId>): ReadonlySet<MailboxId> {
    return new Set([...ids].filter((id) => this.#mailboxes.has(id) && this.rights(id).mayReadItems))
  }

  /** Throws SetFault `invalidProperties` for one that is not there for the user, or for none, and `tooManyMailboxes`. */
  named(
    texts: readonly string[] | undefined,
    resolve: (text: string) => string | undefined,
  ): ReadonlySet<MailboxId> {
    const found = new Set<MailboxId>()
    for (const text of texts ?? []) {
      const resolved = resolve(text)
      const number = resolved === undefined ? undefined : objectNumber('F', resolved, this.#account.idPrefix)
      const mailbox = this.#mailboxes.get((number ?? 0) as MailboxId)
      if (mailbox === undefined || !this.#account.maySee(mailbox))
        throw invalidProperties([{ property: 'mailboxIds', problem: 'has one that is not there' }])
      found.add(mailbox.id)
    }
    if (found.size === 0)
      throw invalidProperties([{ property: 'mailboxIds', problem: 'must name a mailbox' }])
    if (found.size > maxEntries) throw tooManyMailboxes()
    return found
  }

  /** Throws Fault `forbidden` where a message with these keywords may not come in. */
  assertMayAdd(mailboxes: Iterable<MailboxId>, keywords: readonly string[]): void {
    for (const id of mailboxes) {
      if (!this.rights(id).mayAddItems) throw forbidden('You may not put messages into one of the mailboxes.')
      this.assertMaySet([id], keywords)
    }
  }

  /** RFC 8621 §2: keywords are changed only where that is allowed in all mailboxes. */
  assertMaySet(mailboxes: Iterable<MailboxId>, keywords: readonly string[]): void {
    for (const id of mailboxes) {
      const { maySetSeen, maySetKeywords } = this.rights(id)
      if (!keywords.every((keyword) => (keyword === '$seen' ? maySetSeen : maySetKeywords)))
        throw forbidden('You may not set these keywords in one of the mailboxes.')
    }
  }

  assertMayRemove(mailboxes: Iterable<MailboxId>): void {
    for (const id of mailboxes)
      if (!this.rights(id).mayRemoveItems)
        throw forbidden('You may not take messages out of one of the mailboxes.')
  }
}

const forbidden = (text: string): Fault => new Fault('forbidden', text, { what: 'mailbox' })

export const tooManyMailboxes = (): SetFault =>
  new SetFault('tooManyMailboxes', `A message can be in ${maxEntries} mailboxes at most.`)
