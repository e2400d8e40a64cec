/**
 * What is different between two looks at all mailboxes, as responses (RFC 5465 §5.1 to §5.6, §5.9): LIST of names
 * that came, went or were renamed, of subscriptions, and of access that was lost or given back; STATUS of messages;
 * METADATA of annotations.
 */
import type { AccountId, MailboxId } from '#base/id.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import type { AnnotationNames } from './annotation-names.ts'
import type { EventGroups, Events } from './event-groups.ts'
import { ancestorsOf } from '../mailbox/list-candidates.ts'
import { attributesOf, writeListed } from '../mailbox/list-response.ts'
import { parentPath } from '../namespace/mailbox-name.ts'
import type { MailboxRef } from '../namespace/mailbox-ref.ts'
import { isReadable, type KnownMailbox, type Look } from './known-mailbox.ts'
import type { ImapSession } from '../session/session.ts'
import { writeStatus } from '../mailbox/status-items.ts'

interface Compared {
  readonly session: ImapSession
  readonly groups: EventGroups
  readonly annotations: AnnotationNames
  /** Paths that the client was told it has no access to: kept up to date here. */
  readonly noAccess: Set<string>
  readonly before: Look
  readonly now: Look
  readonly byOthers: ByOthers
}

/** What is not only the session's own work. */
export interface ByOthers {
  inMailbox(account: AccountId, mailbox: MailboxId): boolean
  /** Those that no own mailbox carries. */
  readonly inSubscriptions: boolean
}

/** Why a name is listed. */
interface Cause {
  readonly oldName?: string
  /** The mailbox is still there, and not for this user. */
  readonly noAccess?: true
  /** MailboxName was not asked for, so that it is not said whether there is a mailbox. */
  readonly onlyAccess?: true
}

export class Difference {
  readonly #of: Compared
  readonly #listed = new Map<string, Cause>()
  readonly #status: (readonly [MailboxRef, readonly string[]])[] = []

  /** Made when they are needed. */
  #pathsMade: ReadonlySet<string> | undefined
  #byPathMade: ReadonlyMap<string, KnownMailbox> | undefined

  constructor(compared: Compared) {
    this.#of = compared
  }

  get #pathsBefore(): ReadonlySet<string> {
    return (this.#pathsMade ??= new Set(this.#of.before.known.values().map(({ ref }) => ref.path)))
  }

  get #byPath(): ReadonlyMap<string, KnownMailbox> {
    return (this.#byPathMade ??= new Map(this.#of.now.known.values().map((known) => [known.ref.path, known])))
  }

  /** RFC 5465 §3.1: at the beginning there is nothing before. */
  async tellStart(withStatus: boolean): Promise<void> {
    const { known } = this.#of.now
    for (const { ref, events } of known.values()) {
      if (events.size === 0) continue
      if (!isReadable(ref)) this.#list(ref.path, { noAccess: true, onlyAccess: true })
      else if (withStatus && events.has('MessageNew') && !this.#isSelected(ref))
        // RFC 5465 §3.1: whether or not CONDSTORE was enabled.
        this.#status.push([ref, this.#allItems(events.has('FlagChange'))])
    }
    await this.#write()
  }

  /** Names whose subscription began or ended while they had no mailbox. */
  #addSubscriptions(): void {
    const { before, now, byOthers } = this.#of
    if (!byOthers.inSubscriptions) return
    for (const path of before.lost.symmetricDifference(now.lost)) {
      const events = this.#of.groups.eventsOf(path, { isOwn: true, isSubscribed: true })
      if (events.has('SubscriptionChange')) this.#list(path, {})
    }
  }

  async tell(): Promise<void> {
    const { annotations, byOthers } = this.#of
    const before = this.#of.before.known
    const now = this.#of.now.known
    this.#addSubscriptions()
    for (const [key, was] of before) {
      if (now.has(key)) continue
      annotations.forget(key)
      await this.#gone(was)
    }
    const changed: (readonly [string, KnownMailbox, boolean])[] = []
    for (const [key, is] of now) {
      const was = before.get(key)
      if (was === is) continue
      const { account, mailbox } = is.ref
      const isTold = byOthers.inMailbox(account, mailbox.id)
      if (was === undefined) this.#came(is, isTold)
      else this.#differs(was, is, isTold)
      changed.push([key, is, isTold])
    }
    await this.#write()
    for (const one of changed) await annotations.tellMailbox(...one)
  }

  async #gone({ ref, events }: KnownMailbox): Promise<void> {
    const { mailboxes } = this.#of.session
    const { account, mailbox, path, isOwn } = ref
    const isThere = !isOwn && (await mailboxes.refOf(account, mailbox.id)) !== undefined
    if (!isThere && !this.#of.byOthers.inMailbox(account, mailbox.id)) return
    this.#listParent(ref)
    // RFC 5465 §5.4: to lose `l` is to lose the mailbox; §5.9 wants more to be said.
    const access = isThere && events.size > 0 && ({ noAccess: true } as const)
    if (events.has('MailboxName')) this.#list(path, { ...access })
    else if (access !== false) this.#list(path, { ...access, onlyAccess: true })
  }

  #came(is: KnownMailbox, isTold: boolean): void {
    const { ref, events } = is
    const wasDenied = this.#of.noAccess.has(ref.path)
    if (!isTold && !wasDenied) return
    this.#listParent(ref)
    if (events.has('MailboxName') || (events.size > 0 && (wasDenied || !isReadable(ref))))
      this.#list(ref.path, {})
    // RFC 5465 §5.1: another mailbox under a name that the client knows has another UIDVALIDITY.
    const replaced = this.#pathsBefore.has(ref.path)
    const hasMessages = ref.mailbox.uidNext > 1
    if (hasMessages || (replaced && events.has('FlagChange'))) this.#tellStatus(is, this.#allItems())
  }

  #differs(was: KnownMailbox, is: KnownMailbox, isTold: boolean): void {
    const { ref, events } = is
    if (isReadable(was.ref) !== isReadable(ref) && events.size > 0) this.#list(ref.path, {})
    const { byOthers } = this.#of
    const isSubscriptionTold = ref.isOwn ? isTold : byOthers.inSubscriptions
    const asked = events.has('SubscriptionChange') || was.events.has('SubscriptionChange')
    if (isSubscriptionTold && asked && was.isSubscribed !== is.isSubscribed) this.#list(ref.path, {})
    if (!isTold) return
    const row = ref.mailbox
    const { name, parent } = was.ref.mailbox
    // RFC 5465 §5.4: what lies below it is renamed too, without a word.
    const isRenamed = (name !== row.name || parent !== row.parent) && was.ref.path !== ref.path
    if (isRenamed && (events.has('MailboxName') || was.events.has('MailboxName')))
      this.#list(ref.path, { oldName: was.ref.path })
    this.#tellStatus(is, this.#changedItems(was.ref.mailbox, row, events))
  }

  #tellStatus({ ref, events }: KnownMailbox, items: readonly string[]): void {
    if (items.length === 0 || !events.has('MessageNew') || !isReadable(ref) || this.#isSelected(ref)) return
    this.#status.push([ref, items])
  }

  /** RFC 5465 §5.1 to §5.3 */
  #changedItems(was: Mailbox, is: Mailbox, events: Events): readonly string[] {
    const isCounted = was.uidNext !== is.uidNext || was.messages !== is.messages
    const unseen = events.has('FlagChange') && was.unseen !== is.unseen ? ['UNSEEN'] : []
    if (isCounted) return [...this.#allItems(), ...unseen]
    const hasFlags = events.has('FlagChange') && was.highestModseq !== is.highestModseq
    if (hasFlags && this.#of.session.isCondstore) return ['UIDVALIDITY', 'HIGHESTMODSEQ', ...unseen]
    return unseen.length > 0 ? ['UIDVALIDITY', ...unseen] : []
  }

  #allItems(withModseq = false): readonly string[] {
    const items = ['UIDVALIDITY', 'UIDNEXT', 'MESSAGES']
    return withModseq || this.#of.session.isCondstore ? [...items, 'HIGHESTMODSEQ'] : items
  }

  #isSelected({ account, mailbox }: MailboxRef): boolean {
    const { selected } = this.#of.session
    return selected?.account === account && selected.mailbox === mailbox.id
  }

  #list(path: string, cause: Cause): void {
    this.#listed.set(path, { ...this.#listed.get(path), ...cause })
  }

  /** RFC 5465 §5.4: it has children now, or has none any more; whether or not it is a mailbox. */
  #listParent({ path, isOwn }: MailboxRef): void {
    const above = parentPath(path)
    if (above === undefined) return
    const isSubscribed = this.#byPath.get(above)?.isSubscribed === true
    if (this.#of.groups.eventsOf(above, { isOwn, isSubscribed }).has('MailboxName')) this.#list(above, {})
  }

  async #write(): Promise<void> {
    const { session } = this.#of
    if (this.#listed.size > 0) await this.#writeLists()
    for (const [ref, items] of this.#status) {
      await writeStatus(session, ref, items)
      const full = session.out.room()
      if (full !== undefined) await full
    }
  }

  async #writeLists(): Promise<void> {
    const { session, noAccess } = this.#of
    const byPath = this.#byPath
    const parents = ancestorsOf(byPath.keys())
    for (const [path, cause] of this.#listed) {
      const known = byPath.get(path)
      const isDenied = known === undefined ? cause.noAccess === true : !isReadable(known.ref)
      const attributes =
        known === undefined
          ? [
              ...(cause.onlyAccess === true ? [] : ['\\NonExistent']),
              ...(parents.has(path) ? ['\\HasChildren'] : []),
            ]
          : attributesOf(known.ref, parents.has(path))
      if (isDenied) attributes.push('\\NoAccess')
      if (known?.isSubscribed ?? this.#of.now.lost.has(path)) attributes.push('\\Subscribed')
      if (isDenied) noAccess.add(path)
      else noAccess.delete(path)
      writeListed(session, 'LIST', { path, attributes, oldName: cause.oldName })
      const full = session.out.room()
      if (full !== undefined) await full
    }
  }
}
