/**
 * Creating, changing and destroying mailboxes (RFC 8621 §2.5, RFC 9670 §4), inside one commit.
 *
 * What must always hold: everything is asked of the rights of now; a mailbox that may not be seen is as if it were
 * not there; each user's subscriptions are their own.
 */
import { normalized } from '#base/normalize.ts'
import { Fault, isFault, type PropertyProblem } from '#base/fault.ts'
import type { MailboxId } from '#base/id.ts'
import type { MailLimits } from '#mail/limits.ts'
import { checkMailboxTree, createMailbox, deleteMailbox, inboxId, updateMailbox } from '#mail/mailbox.ts'
import { mailboxPath, maxDepth, sameName } from '#mail/mailbox-path.ts'
import { type Mailbox, mailboxRoles } from '#mail/mailbox-row.ts'
import { hasAll, hasAny, rightsOf } from '#mail/rights.ts'
import { setSubscribed, subscribeForeign, unsubscribeForeign } from '#mail/subscription.ts'
import { sameValue } from '#registry/same-value.ts'
import { invalidProperties, SetFault } from './errors.ts'
import { mailShare, SeenMailboxes } from './mailbox-object.ts'
import { applyPatch } from './patch.ts'
import { type PreparedSharing, shareMailbox } from './share-mailbox.ts'
import { shareWithValue } from './share-with.ts'
import { notFound, type SetContext, type SetWork } from './standard-set.ts'
import {
  boolean,
  type Fields,
  id,
  type JsonObject,
  nullable,
  oneOf,
  type ReadFields,
  readFields,
  string,
  type Value,
} from './value.ts'

export interface Prepared extends PreparedSharing {
  readonly limits: MailLimits
  /** What IMAP shows before the paths of the account's mailboxes. */
  readonly pathPrefix: string
}

const sortOrder: Value<number> = {
  wanted: 'a whole number below 2^31',
  wrong: [2 ** 31, -1, 1.5, '1', null],
  read(input, path, problems) {
    if (!Number.isInteger(input) || (input as number) < 0 || (input as number) >= 2 ** 31)
      problems.push({ property: path, problem: 'must be a whole number, 0 or more and below 2^31' })
    return input as number
  },
}

/** What a client can say. The role of the Inbox is its own. */
const settable = {
  name: string,
  parentId: nullable(id),
  role: nullable(oneOf(...mailboxRoles)),
  sortOrder,
  isSubscribed: boolean,
} as const
const shareable = { ...settable, shareWith: shareWithValue } as const

type Given = ReadFields<typeof shareable>

/** What a property is that is set to null (RFC 8620 §5.3). */
const defaults: JsonObject = { sortOrder: 0 }

const mayCreate = rightsOf('k')
const mayRemove = rightsOf('te')

/** Whether the user may destroy a mailbox together with what is in it. */
export const mayEmpty = (mailboxes: SeenMailboxes, mailbox: Mailbox): boolean =>
  mailboxes.myRights(mailbox).mayDelete && hasAll(mailboxes.rightsOn(mailbox), mayRemove)

type Context = Pick<
  SetContext<Fields, Prepared>,
  'tx' | 'call' | 'account' | 'prepared' | 'isTogether' | 'resolve'
>

export class MailboxEdit implements SetWork {
  readonly #context: Context
  readonly #removesEmails: boolean
  readonly #fields: Fields
  readonly #later: { checkedLater?: true }

  constructor(context: Context, removesEmails: boolean) {
    this.#context = context
    this.#removesEmails = removesEmails
    this.#fields = context.call.using.has(mailShare) ? shareable : settable
    this.#later = context.isTogether ? { checkedLater: true } : {}
  }

  async create(object: JsonObject): Promise<{ id: string; set: JsonObject }> {
    const { tx, account, prepared } = this.#context
    const given = this.#read(object)
    const mailboxes = await this.#mailboxes()
    const parent = this.#parentOf(mailboxes, given.parentId ?? null)
    if (given.name === undefined) throw invalidProperties([{ property: 'name', problem: 'must be there' }])
    const name = normalized(given.name, 'NFC')
    this.#assertRole(given)
    if (!this.#context.isTogether) assertNew(mailboxes, { name, parent })
    const { role = null, isSubscribed = true } = given
    const made = await inWords(() =>
      createMailbox(tx, account.id, {
        name,
        parent,
        subscribed: account.isOwn && isSubscribed,
        sortOrder: given.sortOrder ?? 0,
        limits: prepared.limits,
        notice: prepared.notice,
        ...(role === null ? {} : { role }),
        ...this.#later,
      }),
    )
    // A name that was subscribed to before a mailbox had it is subscribed to.
    if (account.isOwn && made.subscribed !== isSubscribed)
      await setSubscribed(tx, account.id, made.id, isSubscribed)
    if (!account.isOwn && isSubscribed) await this.#subscribe(made.id, true)
    if (given.shareWith !== undefined) await this.#share(made.id, given.shareWith)
    const now = await this.#mailboxes()
    const all = now.object(now.all.find((one) => one.id === made.id)!)
    const set: Record<string, JsonObject[string]> = {}
    for (const [property, value] of Object.entries(all))
      if (!Object.hasOwn(object, property) || !this.#isAsAsked(property, object[property], value))
        set[property] = value
    return { id: now.idOf(made.id), set }
  }

  async update(text: string, patch: JsonObject): Promise<JsonObject | null> {
    const { tx, account } = this.#context
    const mailboxes = await this.#mailboxes()
    const mailbox = mailboxes.find(text)
    if (mailbox === undefined) throw notFound()
    const before = mailboxes.object(mailbox)
    const wanted = applyPatch(before, patch, defaults)
    const changed = Object.fromEntries(
      Object.entries(wanted).filter(([name, value]) => !sameValue(value, before[name])),
    )
    const given = this.#read(changed)
    const { isSubscribed, shareWith, name, parentId, role, ...rest } = given
    const isPlaced = name !== undefined || parentId !== undefined
    if (isPlaced || role !== undefined || rest.sortOrder !== undefined) {
      if ((isPlaced || role !== undefined) && mailbox.id === inboxId)
        throw new SetFault('forbidden', 'The Inbox stays what it is.')
      const isPermitted = hasAll(mailboxes.rightsOn(mailbox), rightsOf('x'))
      if (!isPermitted) throw new SetFault('forbidden', 'This needs mayRename on the mailbox.')
      this.#assertRole(given)
      const change = {
        ...rest,
        ...(name === undefined ? {} : { name: normalized(name, 'NFC') }),
        ...(parentId === undefined ? {} : { parent: this.#parentOf(mailboxes, parentId) }),
        ...(role === undefined ? {} : { role }),
      }
      await inWords(() => updateMailbox(tx, account.id, mailbox.id, { ...change, ...this.#later }))
    }
    if (isSubscribed !== undefined) await this.#subscribe(mailbox.id, isSubscribed)
    if (shareWith !== undefined) {
      if (!mailboxes.myRights(mailbox).mayShare)
        throw new SetFault('forbidden', 'This needs mayShare on the mailbox.')
      await this.#share(mailbox.id, shareWith)
    }
    return this.#otherwise(mailbox.id, wanted)
  }

  async destroy(text: string): Promise<void> {
    const { tx, account, prepared } = this.#context
    const mailboxes = await this.#mailboxes()
    const mailbox = mailboxes.find(text)
    if (mailbox === undefined) throw notFound()
    if (!mailboxes.myRights(mailbox).mayDelete)
      throw new SetFault('forbidden', 'This needs mayDelete on the mailbox.')
    const hasChild = mailboxes.all.some(({ parent }) => parent === mailbox.id)
    if (hasChild && !this.#context.isTogether) throw new SetFault('mailboxHasChild')
    if (mailbox.counts.emails > 0) {
      if (!this.#removesEmails) throw new SetFault('mailboxHasEmail')
      if (!mayEmpty(mailboxes, mailbox))
        throw new SetFault('forbidden', 'This needs mayRemoveItems on the mailbox.')
    }
    await deleteMailbox(tx, account.id, mailbox.id, { ...this.#later, notice: prepared.notice })
    if (!account.isOwn)
      await unsubscribeForeign(tx, account.who.account, { account: account.id, mailbox: mailbox.id })
  }

  async finish(): Promise<void> {
    const { tx, account, isTogether } = this.#context
    if (isTogether) await checkMailboxTree(tx, account.id)
  }

  #mailboxes(): Promise<SeenMailboxes> {
    const { tx, call, account } = this.#context
    return SeenMailboxes.read(tx, call, account)
  }

  #read(object: JsonObject): Given {
    const problems: PropertyProblem[] = []
    const given = readFields(this.#fields, object, problems) as Given
    if (problems.length > 0) throw invalidProperties(problems)
    return given
  }

  /** The parent that is meant, where the user may put something into it. */
  #parentOf(mailboxes: SeenMailboxes, parentId: string | null): MailboxId | 0 {
    if (parentId === null) {
      if (!mailboxes.mayCreateAtTop)
        throw new SetFault('forbidden', 'Nothing can be put at the top of this account.')
      return 0
    }
    const known = this.#context.resolve(parentId)
    const parent = known === undefined ? undefined : mailboxes.find(known)
    if (parent === undefined) throw invalidProperties([{ property: 'parentId', problem: 'is no mailbox' }])
    if (!hasAny(mailboxes.rightsOn(parent), mayCreate))
      throw new SetFault('forbidden', 'This needs mayCreateChild on the parent.')
    return parent.id
  }

  /** Roles are the owner's: which are taken is nobody else's to know. */
  #assertRole({ role }: Given): void {
    if (role === undefined || role === null) {
      if (role === null && !this.#context.account.isOwn) throw rolesAreOwners()
      return
    }
    if (role === 'inbox') throw invalidProperties([{ property: 'role', problem: 'is that of the Inbox' }])
    if (!this.#context.account.isOwn) throw rolesAreOwners()
  }

  async #subscribe(mailbox: MailboxId, isSubscribed: boolean): Promise<void> {
    const { tx, account, prepared } = this.#context
    const user = account.who.account
    if (account.isOwn) return setSubscribed(tx, account.id, mailbox, isSubscribed)
    if (!isSubscribed) return unsubscribeForeign(tx, user, { account: account.id, mailbox })
    const { all } = await this.#mailboxes()
    const path = prepared.pathPrefix + mailboxPath(all, mailbox)
    return subscribeForeign(tx, user, { account: account.id, mailbox, path })
  }

  #share(mailbox: MailboxId, wanted: NonNullable<Given['shareWith']> | null): Promise<void> {
    return shareMailbox(this.#context, mailbox, wanted)
  }

  /** RFC 8620 §5.3: what is otherwise than was asked; null for nothing. */
  async #otherwise(id: MailboxId, wanted: JsonObject): Promise<JsonObject | null> {
    const now = await this.#mailboxes()
    const mailbox = now.all.find((one) => one.id === id)!
    const other = Object.entries(now.object(mailbox)).filter(
      ([name, value]) => !this.#isAsAsked(name, wanted[name], value),
    )
    return other.length === 0 ? null : Object.fromEntries(other)
  }

  #isAsAsked(property: string, asked: JsonObject[string], is: JsonObject[string]): boolean {
    if (property === 'parentId' && typeof asked === 'string') return this.#context.resolve(asked) === is
    return sameValue(asked, is)
  }
}

/** RFC 8620 §5.4, alreadyExists: where the user may see which one has the name. */
function assertNew(mailboxes: SeenMailboxes, place: { name: string; parent: MailboxId | 0 }): void {
  const found = mailboxes.seen.find((one) => one.parent === place.parent && sameName(one, place))
  if (found === undefined) return
  const existingId = mailboxes.idOf(found.id)
  throw new SetFault('alreadyExists', 'There is a mailbox with that name.', { existingId })
}

const rolesAreOwners = (): SetFault => new SetFault('forbidden', 'Roles are for your own mailboxes.')

/** Faults of the folder of mail in the words of JMAP. */
async function inWords<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    if (isFault(error, 'exists') && error.detail.what === 'role')
      throw invalidProperties([{ property: 'role', problem: 'is that of another mailbox' }])
    if (isFault(error, 'tooLarge')) {
      if (error.detail.limit === maxDepth)
        throw invalidProperties([{ property: 'parentId', problem: 'lies too deep' }])
      throw new Fault('overQuota', error.publicText, error.detail)
    }
    throw error
  }
}
