/**
 * What a session tells of mailboxes other than the selected one, after NOTIFY SET (RFC 5465 §5).
 *
 * It remembers how the mailboxes were when the client was last told, and compares: whatever happened in between is
 * told once, so nothing waits for a client that does not keep up but the next comparison. What the session itself
 * did is left out (§5): the numbers of its own commits are noted, and the change log says whether others did anything
 * to the same mailbox.
 */
import { isFault } from '#base/fault.ts'
import type { AccountId, DataType, MailboxId, Modseq } from '#base/id.ts'
import { isPrivate } from '#mail/annotation.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import { changedByOthers, type OthersChanges } from '#mail/news.ts'
import { listForeignSubscriptions, listLostSubscriptions } from '#mail/subscription.ts'
import { AnnotationNames } from './annotation-names.ts'
import { Refusal } from '../errors.ts'
import { EventGroups, type NotifySet, notifyNone } from './event-groups.ts'
import type { KnownMailbox, Look } from './known-mailbox.ts'
import { type ByOthers, Difference } from './mailbox-difference.ts'
import type { MailboxRef } from '../namespace/mailbox-ref.ts'
import type { News, Notify, SelectedEvents } from '../session/notify.ts'
import type { ImapSession } from '../session/session.ts'

const keyOf = (account: AccountId, mailbox: MailboxId): string => `${account} ${mailbox}`

const overflow = 'NOTIFICATIONOVERFLOW'
const tooMany = 'Too many mailboxes to be watched'
const none: ReadonlySet<string> = new Set()
/** Of an account that was not looked at before. */
const unknown = 0 as Modseq
const byAnybody: ByOthers = { inMailbox: () => true, inSubscriptions: true }

export class Notifications implements Notify {
  readonly #session: ImapSession
  readonly selected: SelectedEvents | undefined
  readonly #groups: EventGroups
  readonly mayBeForeign: boolean
  /** Whether there is anything to look at. */
  readonly #isWatching: boolean
  /** What the client was told of. */
  #last: Look = { known: new Map(), own: [], lost: none, sequences: new Map() }
  /** The session's own commits since. */
  readonly #ours = new Map<AccountId, Set<Modseq>>()
  /** Accounts of mailboxes that were named, which may be shared later. */
  #named: readonly AccountId[] = []
  readonly #annotations: AnnotationNames
  /** Paths that the client was told it has no access to. */
  readonly #noAccess = new Set<string>()

  private constructor(session: ImapSession, { selected, groups }: NotifySet) {
    this.#session = session
    this.selected = selected
    this.#groups = new EventGroups(groups, session.isUtf8)
    this.#isWatching = groups.some(({ events }) => events.size > 0)
    this.mayBeForeign = this.#isWatching && this.#groups.mayBeForeign(session.mailboxes.names)
    this.#annotations = new AnnotationNames(session, this.#groups.ask('ServerMetadataChange'))
  }

  /** RFC 5465 §3.1: what is there now, and what of it the client may not see. A Refusal where it is too much. */
  static async start(session: ImapSession, set: NotifySet, withStatus: boolean): Promise<Notifications> {
    const started = new Notifications(session, set)
    if (!started.#isWatching) return started
    if (started.#groups.named.size > session.settings.maxNotifyMailboxes) throw new Refusal(tooMany, overflow)
    started.#named = await namedAccounts(session, started.#groups.named)
    const now = await started.#look()
    if (now === undefined) throw new Refusal(tooMany, overflow)
    await started.#annotations.learn(now.known)
    await started.#difference(now, byAnybody).tellStart(withStatus)
    started.#last = now
    return started
  }

  static none(session: ImapSession): Notifications {
    return new Notifications(session, notifyNone)
  }

  get onCommit(): ((numbers: ReadonlyMap<AccountId, Modseq>) => void) | undefined {
    return this.#isWatching ? (numbers) => this.#note(numbers) : undefined
  }

  get isActive(): boolean {
    return this.#isWatching || this.selected !== undefined
  }

  get accounts(): ReadonlySet<AccountId> {
    return new Set([...this.#last.sequences.keys(), ...this.#named])
  }

  async news(): Promise<News | undefined> {
    if (!this.#isWatching) return undefined
    if (!this.mayBeForeign && (await this.#isUnchanged())) {
      this.#ours.clear()
      // What all see of the server is in no account's log.
      return this.#annotations.asksServer
        ? { tell: () => this.#annotations.tellServer(() => true) }
        : undefined
    }
    const now = await this.#look()
    if (now === undefined) return { tell: async () => stop(this.#session) }
    const others = await this.#othersSince()
    const own = others.get(this.#session.mailboxes.account)
    const isOfOthers = (type: DataType): boolean =>
      own === undefined || own === 'tooMuch' || own.types.has(type)
    const difference = this.#difference(now, {
      inMailbox(account, mailbox) {
        const found = others.get(account)
        return found === undefined || found === 'tooMuch' || found.mailboxes.has(mailbox)
      },
      inSubscriptions: isOfOthers('Subscription'),
    })
    return {
      tell: async () => {
        await difference.tell()
        await this.#annotations.tellServer((name) => isOfOthers('Annotation') || !isPrivate(name))
        // Only now: what could not be told is told later.
        this.#last = now
        this.#ours.clear()
      },
    }
  }

  #note(numbers: ReadonlyMap<AccountId, Modseq>): void {
    for (const [account, number] of numbers) {
      const noted = this.#ours.get(account) ?? new Set()
      this.#ours.set(account, noted.add(number))
    }
  }

  #difference(now: Look, byOthers: ByOthers): Difference {
    return new Difference({
      session: this.#session,
      groups: this.#groups,
      annotations: this.#annotations,
      noAccess: this.#noAccess,
      before: this.#last,
      now,
      byOthers,
    })
  }

  async #isUnchanged(): Promise<boolean> {
    const { mailboxes } = this.#session
    return this.#last.sequences.get(mailboxes.account) === (await mailboxes.sequence(mailboxes.account))
  }

  /** How the mailboxes are now; undefined where there are too many. */
  async #look(): Promise<Look | undefined> {
    const { mailboxes, settings } = this.#session
    // Before the mailboxes: what comes in between is looked at twice.
    const sequences = new Map([[mailboxes.account, await mailboxes.sequence(mailboxes.account)]])
    const { lost, toForeign } = await this.#subscriptions()
    const own = await this.#own()
    for (const account of this.mayBeForeign ? this.#last.sequences.keys() : [])
      if (account !== mailboxes.account) sequences.set(account, await mailboxes.sequence(account))
    const foreign = this.mayBeForeign
      ? await mailboxes.foreign((prefix) => this.#groups.mayMatch(prefix))
      : []
    if (own.length + foreign.length > settings.maxNotifyMailboxes) return undefined
    const known = new Map<string, KnownMailbox>()
    for (const one of own) known.set(one.key, one)
    for (const ref of foreign) {
      const key = keyOf(ref.account, ref.mailbox.id)
      known.set(key, this.#remembered(key, ref, toForeign.has(key)))
      if (!sequences.has(ref.account)) sequences.set(ref.account, unknown)
    }
    return { known, own, lost, sequences }
  }

  /** Where all are where they were and shared with nobody, as after a delivery, no path is made anew. */
  async #own(): Promise<readonly KnownMailbox[]> {
    const { mailboxes } = this.#session
    const before = this.#last.own
    const rows = await mailboxes.own()
    const isSameTree =
      rows.length === before.length && rows.every((row, i) => isInSamePlace(row, before[i]!.ref.mailbox))
    if (isSameTree) {
      return rows.map((mailbox, i) => {
        const was = before[i]!
        if (was.ref.mailbox === mailbox) return was
        return this.#remembered(was.key, { ...was.ref, mailbox }, mailbox.subscribed)
      })
    }
    const refs = await mailboxes.listOwn()
    return refs.map((ref) =>
      this.#remembered(keyOf(ref.account, ref.mailbox.id), ref, ref.mailbox.subscribed),
    )
  }

  /** Those that no own mailbox carries. */
  async #subscriptions(): Promise<{ lost: ReadonlySet<string>; toForeign: ReadonlySet<string> }> {
    const { mailboxes, services } = this.#session
    const { account } = mailboxes
    const asksLost = this.#groups.ask('SubscriptionChange')
    if (!asksLost && !this.mayBeForeign) return { lost: none, toForeign: none }
    return services.db.read(async (tx) => ({
      lost: asksLost ? new Set(await listLostSubscriptions(tx, account)) : none,
      toForeign: new Set(
        (this.mayBeForeign ? await listForeignSubscriptions(tx, account) : []).map((one) =>
          keyOf(one.account, one.mailbox),
        ),
      ),
    }))
  }

  /** The same object as before where nothing is different. */
  #remembered(key: string, ref: MailboxRef, isSubscribed: boolean): KnownMailbox {
    const before = this.#last.known.get(key)
    const isSame =
      before?.ref.mailbox === ref.mailbox &&
      before.ref.path === ref.path &&
      before.ref.rights === ref.rights &&
      before.isSubscribed === isSubscribed
    if (isSame) return before
    return {
      key,
      ref,
      isSubscribed,
      events: this.#groups.eventsOf(ref.path, { isOwn: ref.isOwn, isSubscribed }),
    }
  }

  /** Of the accounts in which the session itself changed something: what others did there. */
  async #othersSince(): Promise<ReadonlyMap<AccountId, OthersChanges | 'tooMuch'>> {
    const { services } = this.#session
    const found = new Map<AccountId, OthersChanges | 'tooMuch'>()
    for (const [account, ours] of this.#ours) {
      const from = this.#last.sequences.get(account)
      if (from === undefined || from === unknown) continue
      found.set(account, await services.db.read((tx) => changedByOthers(tx, account, from, ours)))
    }
    return found
  }
}

const isInSamePlace = (a: Mailbox, b: Mailbox): boolean =>
  a.grants.length === 0 &&
  (a === b || (a.id === b.id && a.name === b.name && a.parent === b.parent && b.grants.length === 0))

/** RFC 5465 §5.8 */
function stop(session: ImapSession): void {
  session.untagged(`OK [${overflow}] ${tooMany}`)
  session.setNotify(Notifications.none(session))
}

async function namedAccounts({ mailboxes }: ImapSession, paths: Iterable<string>): Promise<AccountId[]> {
  const found = new Set<AccountId>()
  for (const path of paths) {
    try {
      const { account } = await mailboxes.locate(path)
      if (account !== undefined) found.add(account)
    } catch (error) {
      // No mailbox can be called so.
      if (!isFault(error)) throw error
    }
  }
  return [...found]
}
