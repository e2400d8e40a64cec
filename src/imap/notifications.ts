/**
 * What a session tells of mailboxes other than the selected one, after NOTIFY SET (RFC 5465 §5).
 *
 * It remembers how the mailboxes were when the client was last told, and compares: whatever happened in between is
 * told once, so nothing waits for a client that does not keep up but the next comparison. What the session itself
 * did is left out (§5): the numbers of its own commits are noted, and the change log says whether others did anything
 * to the same mailbox.
 */
import { isFault } from '#base/fault.ts'
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import { isPrivate } from '#mail/annotation.ts'
import { changedByOthers, type OthersChanges } from '#mail/news.ts'
import { listForeignSubscriptions, listLostSubscriptions } from '#mail/subscription.ts'
import { AnnotationNames } from './annotation-names.ts'
import { Refusal } from './errors.ts'
import { EventGroups, type NotifySet, notifyNone, type SelectedEvents } from './event-groups.ts'
import type { KnownMailbox, KnownMailboxes } from './known-mailbox.ts'
import { Difference } from './mailbox-difference.ts'
import type { MailboxRef } from './mailbox-ref.ts'
import type { ImapSession } from './session.ts'

const keyOf = (account: AccountId, mailbox: MailboxId): string => `${account} ${mailbox}`

const overflow = 'NOTIFICATIONOVERFLOW'

/** What is different for the client, and nothing of it said yet. */
export interface News {
  tell(): Promise<void>
}

export class Notifications {
  readonly selected: SelectedEvents | undefined
  readonly #groups: EventGroups
  readonly mayBeForeign: boolean
  /** Whether there is anything to look at. */
  readonly #isWatching: boolean
  #known: KnownMailboxes = new Map()
  /** Names without a mailbox that are subscribed to. */
  #lost: ReadonlySet<string> = new Set()
  /** Up to where each account was looked at. */
  #sequences = new Map<AccountId, Modseq>()
  /** The session's own commits since. */
  readonly #ours = new Map<AccountId, Set<Modseq>>()
  /** Accounts of mailboxes that were named, which may be shared later. */
  #named: readonly AccountId[] = []
  readonly #annotations: AnnotationNames
  /** Paths that the client was told it has no access to. */
  readonly #noAccess = new Set<string>()

  private constructor(session: ImapSession, { selected, groups }: NotifySet) {
    this.selected = selected
    this.#groups = new EventGroups(groups, session.isUtf8, session.mailboxes.names)
    this.#isWatching = groups.some(({ events }) => events.size > 0)
    this.mayBeForeign = this.#isWatching && this.#groups.mayBeForeign
    this.#annotations = new AnnotationNames(session, this.#groups.ask('ServerMetadataChange'))
  }

  /** RFC 5465 §3.1: what is there now, and what of it the client may not see. A Refusal where it is too much. */
  static async start(session: ImapSession, set: NotifySet, withStatus: boolean): Promise<Notifications> {
    const started = new Notifications(session, set)
    if (!started.#isWatching) return started
    started.#named = await namedAccounts(session, started.#groups.named)
    if (!(await started.#look(session))) throw new Refusal('Too many mailboxes to be watched', overflow)
    await started.#annotations.learn(started.#known)
    await started.#difference(session, new Map(), () => true).tellStart(withStatus)
    return started
  }

  static none(session: ImapSession): Notifications {
    return new Notifications(session, notifyNone)
  }

  /** To be called with what each commit of the session changed. */
  get onCommit(): ((numbers: ReadonlyMap<AccountId, Modseq>) => void) | undefined {
    return this.#isWatching ? (numbers) => this.#note(numbers) : undefined
  }

  /** Those in which something may happen of which the client is told. */
  get accounts(): ReadonlySet<AccountId> {
    return new Set([...this.#sequences.keys(), ...this.#named])
  }

  /** Undefined where nothing happened in any account. */
  async news(session: ImapSession): Promise<News | undefined> {
    if (!this.#isWatching) return undefined
    if (!this.mayBeForeign && (await this.#isUnchanged(session))) {
      this.#ours.clear()
      // What all see of the server is in no account's log.
      return this.#annotations.asksServer
        ? { tell: () => this.#annotations.tellServer(() => true) }
        : undefined
    }
    const before = { known: this.#known, lost: this.#lost, sequences: this.#sequences }
    if (!(await this.#look(session))) return { tell: async () => stop(session) }
    const others = await this.#othersSince(session, before.sequences)
    this.#ours.clear()
    const isOfOthers = (account: AccountId, mailbox: MailboxId): boolean => {
      const found = others.get(account)
      return found === undefined || found === 'tooMuch' || found.mailboxes.has(mailbox)
    }
    const own = others.get(session.mailboxes.account)
    const otherTypes = own === undefined || own === 'tooMuch' ? undefined : own.types
    const difference = this.#difference(session, before.known, isOfOthers)
    const lost = before.lost.symmetricDifference(this.#lost)
    return {
      tell: async () => {
        if (otherTypes?.has('Subscription') !== false) difference.addSubscriptions(lost)
        await difference.tell()
        const isOurs = otherTypes?.has('Annotation') === false
        await this.#annotations.tellServer((name) => !(isOurs && isPrivate(name)))
      },
    }
  }

  #note(numbers: ReadonlyMap<AccountId, Modseq>): void {
    for (const [account, number] of numbers) {
      const noted = this.#ours.get(account) ?? new Set()
      this.#ours.set(account, noted.add(number))
    }
  }

  #difference(
    session: ImapSession,
    before: KnownMailboxes,
    isOfOthers: (account: AccountId, mailbox: MailboxId) => boolean,
  ): Difference {
    return new Difference({
      session,
      groups: this.#groups,
      annotations: this.#annotations,
      noAccess: this.#noAccess,
      before,
      now: this.#known,
      lost: this.#lost,
      isOfOthers,
    })
  }

  async #isUnchanged({ mailboxes }: ImapSession): Promise<boolean> {
    return this.#sequences.get(mailboxes.account) === (await mailboxes.sequence(mailboxes.account))
  }

  /** Reads how the mailboxes are now; false where there are too many. */
  async #look(session: ImapSession): Promise<boolean> {
    const { mailboxes, services, settings } = session
    // Before the mailboxes: what comes in between is looked at twice.
    const sequences = new Map([[mailboxes.account, await mailboxes.sequence(mailboxes.account)]])
    const { lost, foreign: toForeign } = await services.db.read(async (tx) => ({
      lost: this.#groups.ask('SubscriptionChange') ? await listLostSubscriptions(tx, mailboxes.account) : [],
      foreign: this.mayBeForeign ? await listForeignSubscriptions(tx, mailboxes.account) : [],
    }))
    const own = await mailboxes.listOwn()
    for (const account of this.mayBeForeign ? this.#sequences.keys() : [])
      if (account !== mailboxes.account) sequences.set(account, await mailboxes.sequence(account))
    const foreign = this.mayBeForeign
      ? await mailboxes.foreign((prefix) => this.#groups.mayMatch(prefix))
      : []
    if (own.length + foreign.length > settings.maxNotifyMailboxes) return false
    const subscribed = new Set(toForeign.map(({ account, mailbox }) => keyOf(account, mailbox)))
    const known = new Map<string, KnownMailbox>()
    for (const ref of [...own, ...foreign]) {
      const key = keyOf(ref.account, ref.mailbox.id)
      const isSubscribed = ref.isOwn ? ref.mailbox.subscribed : subscribed.has(key)
      known.set(key, this.#remembered(key, ref, isSubscribed))
      if (!sequences.has(ref.account)) sequences.set(ref.account, 0 as Modseq)
    }
    this.#known = known
    this.#lost = new Set(lost)
    this.#sequences = sequences
    return true
  }

  /** The same object as before where nothing is different. */
  #remembered(key: string, ref: MailboxRef, isSubscribed: boolean): KnownMailbox {
    const before = this.#known.get(key)
    const isSame =
      before?.ref.mailbox === ref.mailbox &&
      before.ref.path === ref.path &&
      before.ref.rights === ref.rights &&
      before.isSubscribed === isSubscribed
    if (isSame) return before
    return { ref, isSubscribed, events: this.#groups.eventsOf(ref.path, { isOwn: ref.isOwn, isSubscribed }) }
  }

  /** Of the accounts in which the session itself changed something: what others did there. */
  async #othersSince(
    { services }: ImapSession,
    sequences: ReadonlyMap<AccountId, Modseq>,
  ): Promise<ReadonlyMap<AccountId, OthersChanges | 'tooMuch'>> {
    const found = new Map<AccountId, OthersChanges | 'tooMuch'>()
    for (const [account, ours] of this.#ours) {
      const from = sequences.get(account)
      // An account that was not looked at before: from where, nobody knows.
      if (from === undefined || from === 0) continue
      found.set(account, await services.db.read((tx) => changedByOthers(tx, account, from, ours)))
    }
    return found
  }
}

/** RFC 5465 §5.8 */
function stop(session: ImapSession): void {
  session.untagged(`OK [${overflow}] Too many mailboxes to be watched`)
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
