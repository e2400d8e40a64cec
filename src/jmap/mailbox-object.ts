/**
 * Mailboxes as one user sees them (RFC 8621 §2, RFC 9670 §4).
 *
 * What must always hold: of a mailbox that may not be read nothing of its contents is told, and of one that is read
 * nothing of what lies in those that may not be.
 */
import type { MailboxId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { inboxId, listMailboxes } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { noCounts } from '#mail/mailbox-counts.ts'
import { mailboxObjectId, objectNumber } from '#mail/object-id.ts'
import { hasAny, type MailboxRights, mailboxRights, type Rights, rightsOf } from '#mail/rights.ts'
import { listForeignSubscriptions } from '#mail/subscription.ts'
import type { OpenAccount } from './accounts.ts'
import type { Call } from './method.ts'
import { shareWithOf } from './share-with.ts'
import type { Json, JsonObject } from './value.ts'

export const mailboxProperties = [
  'id',
  'name',
  'parentId',
  'role',
  'sortOrder',
  'totalEmails',
  'unreadEmails',
  'totalThreads',
  'unreadThreads',
  'myRights',
  'isSubscribed',
] as const

/** The capability of shared mailboxes, with the properties that come with it. */
export const mailShare = 'urn:ietf:params:jmap:mail:share'
export const mailboxExtensions = { [mailShare]: ['shareWith'] } as const

/** The mailboxes of an account in one snapshot. */
export class SeenMailboxes {
  readonly account: OpenAccount
  /** Also those that the user may not see. */
  readonly all: readonly Mailbox[]
  readonly #byId: ReadonlyMap<MailboxId, Mailbox>
  /** In an account of somebody else, what the user subscribed to. */
  readonly #subscribed: ReadonlySet<MailboxId>
  readonly #readsAll: boolean
  readonly #isSharing: boolean

  private constructor(
    call: Pick<Call, 'using'>,
    account: OpenAccount,
    all: readonly Mailbox[],
    subscribed: ReadonlySet<MailboxId>,
  ) {
    this.account = account
    this.all = all
    this.#byId = new Map(all.map((mailbox) => [mailbox.id, mailbox]))
    this.#subscribed = subscribed
    this.#readsAll = all.every((mailbox) => account.mayRead(mailbox))
    this.#isSharing = call.using.has(mailShare)
  }

  static async read(tx: ReadTx, call: Pick<Call, 'using'>, account: OpenAccount): Promise<SeenMailboxes> {
    const all = await listMailboxes(tx, account.id)
    const subscriptions = account.isOwn ? [] : await listForeignSubscriptions(tx, account.who.account)
    const here = subscriptions.filter((one) => one.account === account.id)
    return new SeenMailboxes(call, account, all, new Set(here.map(({ mailbox }) => mailbox)))
  }

  /** Those that the user may see. */
  get seen(): readonly Mailbox[] {
    return this.all.filter((mailbox) => this.account.maySee(mailbox))
  }

  idOf(id: MailboxId): string {
    return mailboxObjectId(id, this.account.idPrefix)
  }

  /** The mailbox with this id, if the user may see it. */
  find(text: string): Mailbox | undefined {
    const id = objectNumber('F', text, this.account.idPrefix)
    const mailbox = id === undefined ? undefined : this.#byId.get(id as MailboxId)
    return mailbox !== undefined && this.account.maySee(mailbox) ? mailbox : undefined
  }

  rightsOn(mailbox: Mailbox): Rights {
    return this.account.rightsOn(mailbox)
  }

  /** What may be done to a mailbox; the Inbox stays where it is, whoever asks. */
  myRights(mailbox: Mailbox): MailboxRights {
    const rights = mailboxRights(this.rightsOn(mailbox))
    return mailbox.id === inboxId ? { ...rights, mayRename: false, mayDelete: false } : rights
  }

  /**
   * Whether the user may make a mailbox at the top (RFC 8621 §1.3.1): in a group's account its members may what they
   * may in its Inbox.
   */
  get mayCreateAtTop(): boolean {
    const { isOwn, who, id } = this.account
    if (isOwn) return true
    const inbox = this.#byId.get(inboxId)
    return who.groups.includes(id) && inbox !== undefined && hasAny(this.rightsOn(inbox), mayCreate)
  }

  isSubscribed({ id, subscribed }: Mailbox): boolean {
    return this.account.isOwn ? subscribed : this.#subscribed.has(id)
  }

  /** All properties of a mailbox. */
  object(mailbox: Mailbox): JsonObject {
    const counts = this.account.mayRead(mailbox) ? mailbox.counts : noCounts
    const { mayShare, ...rights } = this.myRights(mailbox)
    const parent = this.parentOf(mailbox)
    return {
      id: this.idOf(mailbox.id),
      name: mailbox.name,
      parentId: parent === undefined ? null : this.idOf(parent.id),
      role: mailbox.role ?? null,
      sortOrder: mailbox.sortOrder,
      totalEmails: counts.emails,
      unreadEmails: counts.unreadEmails,
      totalThreads: counts.threads,
      unreadThreads: this.#readsAll ? counts.unreadThreads : counts.unreadThreadsWithin,
      myRights: this.#isSharing ? { ...rights, mayShare } : { ...rights },
      isSubscribed: this.isSubscribed(mailbox),
      ...(this.#isSharing ? { shareWith: mayShare ? shareWithOf(this.account, mailbox) : null } : {}),
    }
  }

  /** Some of its properties. */
  part(mailbox: Mailbox, properties: ReadonlySet<string>): JsonObject {
    const all = this.object(mailbox)
    const part: Record<string, Json> = {}
    for (const name of properties) part[name] = all[name]!
    return part
  }

  /** What one may not see is nobody's parent. */
  parentOf({ parent }: Mailbox): Mailbox | undefined {
    const above = parent === 0 ? undefined : this.#byId.get(parent)
    return above !== undefined && this.account.maySee(above) ? above : undefined
  }
}

const mayCreate = rightsOf('k')
