/**
 * The mailboxes that somebody who signed in can reach: the own ones, those of groups, and what others share.
 *
 * The one place where paths lead to mailboxes and rights are asked (RFC 4314 §4). What must always hold: rights
 * are those of now, read with the mailbox's row by every command, and once more in every commit; what somebody
 * may not see is answered like what does not exist.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { findMailbox, mailboxPaths, maxDepth } from '#mail/mailbox-path.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import {
  allRights,
  effectiveRights,
  hasAny,
  type Identity,
  noRights,
  type Rights,
  rightsOf,
} from '#mail/rights.ts'
import { accountsSharingWith } from '#mail/share.ts'
import { mailboxTable } from '#mail/tables.ts'
import type { AccountView } from '#mail/view.ts'
import { delimiter } from './mailbox-name.ts'
import { assertRights, type HeldMailbox, type MailboxRef, noSuchMailbox } from './mailbox-ref.ts'
import { locate, namespaceNames, type NamespaceNames, prefixOf } from './namespaces.ts'
import type { ImapServices } from '../services.ts'

/** Where a mailbox could be. */
export interface Location {
  /** Undefined where there is nobody of that name. */
  readonly account: AccountId | undefined
  readonly isOwn: boolean
  /** Within the account. */
  readonly path: string
}

export class Mailboxes {
  readonly account: AccountId
  readonly #services: ImapServices
  readonly #origin: string
  /** Of the own account and the selected one: others are opened when they are needed. */
  readonly #views = new Map<AccountId, AccountView>()
  /** Told of the session's own commits, by the number that each has in every account that it changed. */
  onCommit: ((numbers: ReadonlyMap<AccountId, Modseq>) => void) | undefined

  constructor(services: ImapServices, account: AccountId, origin: string) {
    this.account = account
    this.#services = services
    this.#origin = origin
  }

  get names(): NamespaceNames {
    return namespaceNames(this.#services.settings)
  }

  /** Who the user is now: groups come and go. */
  async who(): Promise<Identity> {
    return { account: this.account, groups: await this.#services.principals.groupsOf(this.account) }
  }

  /** The own mailboxes as they are now. */
  async own(): Promise<readonly Mailbox[]> {
    return (await this.#view(this.account)).mailboxes
  }

  /** Those of any account as they are now, whatever the user may see: nothing of them may be shown. */
  async of(account: AccountId): Promise<readonly Mailbox[]> {
    return (await this.#view(account)).mailboxes
  }

  /** The own mailboxes by their paths, in the order of their creation. */
  async listOwn(): Promise<readonly MailboxRef[]> {
    const all = await this.own()
    const paths = mailboxPaths(all)
    const who = all.some(({ grants }) => grants.length > 0) ? await this.who() : undefined
    return all.map((mailbox) => ({
      account: this.account,
      isOwn: true,
      mailbox,
      rights: who === undefined ? allRights : effectiveRights(this.account, mailbox.grants, who),
      needs: visible,
      path: paths.get(mailbox.id)!,
    }))
  }

  /** Whether the user can see a mailbox below this one. */
  async hasChildren({ account, isOwn, path }: MailboxRef): Promise<boolean> {
    const below = path + delimiter
    const all = isOwn ? await this.listOwn() : await this.#visibleIn(account, await this.who())
    return all.some((ref) => ref.path.startsWith(below))
  }

  /** The mailbox with that path, for what needs these rights. Throws Fault 'notFound' and 'forbidden'. */
  async open(path: string, needs: string): Promise<MailboxRef> {
    const ref = await this.find(path)
    if (ref === undefined) throw noSuchMailbox()
    const wanted = rightsOf(needs)
    assertRights(ref.rights, wanted)
    return { ...ref, needs: wanted }
  }

  /** The mailbox with that path, also where the user may do nothing there: nothing of it may be shown then. */
  async find(path: string): Promise<MailboxRef | undefined> {
    const own = findMailbox(await this.own(), path)
    if (own !== undefined) return this.#ref(this.account, own, path)
    const located = locate(path, this.names)
    if (located.space === 'own' || located.path === undefined) return undefined
    const principal = await this.#principal(located)
    if (principal === undefined) return undefined
    const { mailboxes } = await this.#view(principal.id)
    const mailbox = findMailbox(mailboxes, located.path)
    return mailbox && this.#ref(principal.id, mailbox, prefixOf(principal, this.names) + located.path)
  }

  /** A mailbox whose place is known, with its path and the rights of now; undefined where it is gone. */
  async refOf(account: AccountId, id: MailboxId): Promise<MailboxRef | undefined> {
    const { mailboxes } = await this.#view(account)
    const mailbox = mailboxes.find((one) => one.id === id)
    const owner = account === this.account ? undefined : await this.#services.principals.byId(account)
    if (mailbox === undefined || (owner === undefined && account !== this.account)) return undefined
    const prefix = owner === undefined ? '' : prefixOf(owner, this.names)
    return this.#ref(account, mailbox, prefix + mailboxPaths(mailboxes).get(id)!)
  }

  /** A mailbox with its entries as they are now; undefined where it is gone. */
  async load(account: AccountId, id: MailboxId): Promise<MailboxView | undefined> {
    const view = this.#views.get(account) ?? (await this.#services.views.open(account))
    return view.load(id)
  }

  /** A mailbox that was opened right now, as it was then where its entries are at hand. */
  async loadOpened({ account, mailbox }: MailboxRef): Promise<MailboxView | undefined> {
    return this.#views.get(account)?.mailbox(mailbox.id) ?? this.load(account, mailbox.id)
  }

  /** What a mailbox is that was loaded; the rights are those of now. */
  async held(account: AccountId, mailbox: Mailbox): Promise<HeldMailbox> {
    return this.#ref(account, mailbox, '')
  }

  /** The view of the account stays at hand until another one is selected. */
  async keep(account: AccountId): Promise<void> {
    for (const other of this.#views.keys())
      if (other !== this.account && other !== account) this.#views.delete(other)
    if (!this.#views.has(account)) this.#views.set(account, await this.#services.views.open(account))
  }

  /**
   * The mailboxes of others that the user can see, by their paths. `isAsked` says whether anything with a prefix
   * is of interest: other accounts are not looked into.
   */
  async foreign(isAsked: (prefix: string) => boolean): Promise<readonly MailboxRef[]> {
    const who = await this.who()
    const owners = await this.#services.db.read((tx) => accountsSharingWith(tx, who))
    const found: MailboxRef[] = []
    for (const owner of owners) found.push(...(await this.#visibleIn(owner, who, isAsked)))
    return found.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** What somebody else's account shows to the user. */
  async #visibleIn(
    owner: AccountId,
    who: Identity,
    isAsked: (prefix: string) => boolean = () => true,
  ): Promise<readonly MailboxRef[]> {
    const principal = await this.#services.principals.byId(owner)
    if (principal === undefined) return []
    const prefix = prefixOf(principal, this.names)
    if (!isAsked(prefix)) return []
    const { mailboxes } = await this.#view(owner)
    const paths = mailboxPaths(mailboxes)
    const found: MailboxRef[] = []
    for (const mailbox of mailboxes) {
      const rights = effectiveRights(owner, mailbox.grants, who)
      const path = prefix + paths.get(mailbox.id)!
      if (hasAny(rights, visible))
        found.push({ account: owner, isOwn: false, mailbox, rights, needs: visible, path })
    }
    return found
  }

  /** Where a path leads that no mailbox needs to have. Throws Fault 'invalid' and 'tooLarge'. */
  async locate(path: string): Promise<Location> {
    const located = locate(path, this.names)
    if (located.path === undefined)
      throw new Fault('invalid', 'No such mailbox name is possible', { properties: ['name'] })
    // Before anything else: looking for each of thousands of levels would take as many times as long.
    if (located.path.split(delimiter, maxDepth + 1).length > maxDepth)
      throw new Fault('tooLarge', 'Mailboxes nested too deeply', { limit: maxDepth })
    if (located.space === 'own') return { account: this.account, isOwn: true, path }
    const principal = await this.#principal(located)
    return { account: principal?.id, isOwn: false, path: located.path }
  }

  /**
   * A commit that changes what these mailboxes have, if the user may still do there what each was opened for.
   * The body gets the rights of now. It may also write what is the user's own, or somebody else's, where that is
   * asked for.
   */
  async write<T>(
    held: readonly HeldMailbox[],
    body: (tx: WriteTx, rights: readonly Rights[]) => Promise<T>,
    o: { readonly writesOwn?: boolean; readonly alsoWrites?: readonly AccountId[] } = {},
  ): Promise<T> {
    const own = [...(o.writesOwn === true ? [this.account] : []), ...(o.alsoWrites ?? [])]
    const accounts = [...new Set([...held.map(({ account }) => account), ...own])]
    const who = held.every(isUnrestricted) ? undefined : await this.who()
    return this.#commit(accounts, async (tx) => {
      const rights: Rights[] = []
      for (const one of held) rights.push(who === undefined ? one.rights : await rightsNow(tx, one, who))
      return body(tx, rights)
    })
  }

  /** A commit in the own account that is about no mailbox's contents. */
  writeOwn<T>(body: (tx: WriteTx) => Promise<T>): Promise<T> {
    return this.#commit([this.account], body)
  }

  /** A commit that makes a mailbox; the body asks whether the user may. */
  writeIn<T>(accounts: readonly AccountId[], body: (tx: WriteTx) => Promise<T>): Promise<T> {
    return this.#commit(accounts, body)
  }

  #commit<T>(accounts: readonly AccountId[], body: (tx: WriteTx) => Promise<T>): Promise<T> {
    const { onCommit } = this
    return this.#services.db.write(accounts, body, {
      origin: this.#origin,
      ...(onCommit !== undefined && { onCommit }),
    })
  }

  /** Up to which commit the mailboxes of an account are known now. */
  async sequence(account: AccountId): Promise<Modseq> {
    return (await this.#view(account)).modseq
  }

  async #view(account: AccountId): Promise<AccountView> {
    const kept = this.#views.get(account)
    if (kept !== undefined) {
      await kept.refresh()
      return kept
    }
    const view = await this.#services.views.open(account)
    if (account === this.account) this.#views.set(account, view)
    return view
  }

  async #principal(located: { space: 'otherUsers' | 'sharedFolders'; name: string }) {
    const principal = await this.#services.principals.byName(located.name)
    if (principal?.isGroup !== (located.space === 'sharedFolders')) return undefined
    return principal
  }

  async #ref(account: AccountId, mailbox: Mailbox, path: string): Promise<MailboxRef> {
    const isOwn = account === this.account
    const rights =
      isOwn && mailbox.grants.length === 0
        ? allRights
        : effectiveRights(account, mailbox.grants, await this.who())
    return { account, isOwn, mailbox, rights, needs: noRights, path }
  }
}

const visible = rightsOf('l')

/** Nobody but the user could have taken a right away. */
const isUnrestricted = ({ isOwn, mailbox }: HeldMailbox): boolean => isOwn && mailbox.grants.length === 0

async function rightsNow(tx: WriteTx, held: HeldMailbox, who: Identity): Promise<Rights> {
  const row = await tx.get(mailboxTable, held.account, held.mailbox.id)
  if (row === undefined) throw noSuchMailbox()
  const rights = effectiveRights(held.account, row.grants, who)
  assertRights(rights, held.needs)
  return rights
}
