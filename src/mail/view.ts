/**
 * The warm view of an account: its mailbox rows and, for the mailboxes that somebody uses, their entries in
 * columns; for queries over all of them, also its messages. Shared by all sessions of the account in this worker.
 *
 * Truth is the change log. `refresh` compares the view's modseq with the account's sequence, one row, and
 * follows the log from there; where the log was cut, or says more than is worth following, the view is built
 * anew. What must always hold: after `refresh` or `load` the view shows at least every commit that was visible
 * when it was called, and all that it shows is of one commit.
 *
 * Rules for those who use it: keep the AccountView, never a MailboxView or EmailView, from one command to the next; take
 * those from `load` and `loadEmails` and iterate them as long as you like, they do not change. Columns can be dropped for
 * want of memory at any time, and loading brings them back.
 */
import { Lru } from '#base/lru.ts'
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { ColumnsKeeper } from './columns-keeper.ts'
import type { EmailColumns } from './email-columns.ts'
import { emailsOf, type EmailSource } from './email-loading.ts'
import type { EmailView } from './email-view.ts'
import { FlagSets } from './flag-set.ts'
import { leastKept, mostBehind } from './kept-columns.ts'
import { listMailboxes } from './mailbox.ts'
import type { Mailbox } from './mailbox-row.ts'
import { type MailboxColumns, type ViewEntry, viewEntry } from './mailbox-columns.ts'
import { columnsOfRows, keptColumns } from './mailbox-loading.ts'
import type { Columns, MailboxView } from './mailbox-view.ts'
import { type News, readNews } from './news.ts'

/** Combinations of flags that are kept even where few entries are left that have them. */
const spareFlagSets = 4096

export class AccountViews {
  readonly #db: Db
  readonly #keeper: ColumnsKeeper | undefined
  readonly #warm: Lru<AccountId, AccountView>
  /** Also views that were dropped from the budget while a session holds them: there is one view an account. */
  readonly #all = new Map<AccountId, WeakRef<AccountView>>()
  readonly #collected = new FinalizationRegistry<AccountId>((account) => {
    if (this.#all.get(account)?.deref() === undefined) this.#all.delete(account)
  })

  /** `budgetBytes` bounds the columns of all accounts together. `keeper` keeps them in the store as well. */
  constructor(o: { db: Db; budgetBytes: number; keeper?: ColumnsKeeper }) {
    this.#db = o.db
    this.#keeper = o.keeper
    this.#warm = new Lru(o.budgetBytes, (_, view) => view.drop())
  }

  /** The account's view, brought up to date. */
  async open(account: AccountId): Promise<AccountView> {
    const view = this.#all.get(account)?.deref() ?? this.#create(account)
    await view.refresh()
    return view
  }

  /** Bytes that the columns take now. */
  get sizeBytes(): number {
    return this.#warm.weight
  }

  #create(account: AccountId): AccountView {
    const view = new AccountView(this.#db, account, (used) => this.#used(used), this.#keeper)
    this.#all.set(account, new WeakRef(view))
    this.#collected.register(view, account)
    return view
  }

  #used(view: AccountView): void {
    this.#warm.set(view.account, view, view.sizeBytes)
  }
}

/** What a run of `refresh` leaves: the views that were loaded when it ended. */
interface Loaded {
  readonly mailboxes: ReadonlyMap<MailboxId, MailboxView>
  /** Where they were wanted. */
  readonly emails: EmailView | undefined
}

/** What a run is to load. */
interface Wanted {
  readonly mailboxes: Set<MailboxId>
  emails: boolean
}

const nothingWanted = (): Wanted => ({ mailboxes: new Set(), emails: false })

/** Of what is kept of a mailbox in the store. */
interface Kept {
  readonly modseq: Modseq
  /** Entries that came, went or changed since. */
  changes: number
}

export class AccountView {
  readonly account: AccountId
  readonly #db: Db
  readonly #onUse: (view: AccountView) => void
  readonly #keeper: ColumnsKeeper | undefined
  /** The commit that the view shows; undefined before the first. */
  #modseq: Modseq | undefined
  /** The store's when that commit was read, or before it. */
  #revision: number | undefined
  #mailboxes = new Map<MailboxId, Mailbox>()
  #mailboxList: readonly Mailbox[] | undefined
  #sets = new FlagSets()
  #columns = new Map<MailboxId, MailboxColumns>()
  #views = new Map<MailboxId, MailboxView>()
  /** Only of mailboxes that are loaded. */
  readonly #kept = new Map<MailboxId, Kept>()
  #emails: EmailColumns | undefined
  /** Of the columns as they are. */
  #emailView: EmailView | undefined
  /** Mailboxes that nobody else wanted. */
  readonly #onlyForEmails = new Set<MailboxId>()
  /** What the next run loads. A run takes it along when it starts: what one has loaded may be dropped before the next. */
  #wanted = nothingWanted()
  #running: Promise<unknown> = Promise.resolve()
  #isRunning = false
  /** The run that waits for the one that is under way; all callers in between share it. */
  #next: Promise<Loaded> | undefined

  constructor(db: Db, account: AccountId, onUse: (view: AccountView) => void, keeper?: ColumnsKeeper) {
    this.account = account
    this.#db = db
    this.#onUse = onUse
    this.#keeper = keeper
  }

  /** The commit that the view shows: rises whenever anything in it is different. */
  get modseq(): Modseq {
    return this.#modseq ?? (0 as Modseq)
  }

  /** All mailboxes in the order of their creation. */
  get mailboxes(): readonly Mailbox[] {
    this.#mailboxList ??= [...this.#mailboxes.values()].sort((a, b) => a.id - b.id)
    return this.#mailboxList
  }

  /** Memory of the columns. */
  get sizeBytes(): number {
    let bytes = 1000 + 200 * this.#mailboxes.size + 300 * this.#sets.size + (this.#emails?.sizeBytes ?? 0)
    bytes += this.#emailView?.results.sizeBytes ?? 0
    for (const columns of this.#columns.values()) bytes += columns.sizeBytes
    return bytes
  }

  /** A mailbox whose entries are loaded, as of the last refresh. */
  mailbox(id: MailboxId): MailboxView | undefined {
    return this.#views.get(id)
  }

  /** Shows every commit that is visible now. Nothing is read where nothing was committed, one row where others were. */
  async refresh(): Promise<void> {
    await this.#run()
  }

  /** `refresh`, and the mailbox with its entries; undefined where there is no such mailbox. */
  async load(id: MailboxId): Promise<MailboxView | undefined> {
    this.#wanted.mailboxes.add(id)
    this.#onlyForEmails.delete(id)
    return (await this.#run()).mailboxes.get(id)
  }

  /** `refresh`, and all messages of the account. */
  async loadEmails(): Promise<EmailView> {
    this.#wanted.emails = true
    return (await this.#run()).emails!
  }

  /** Gives the memory of the columns back. */
  drop(): void {
    this.#columns = new Map()
    this.#views = new Map()
    this.#emails = undefined
    this.#emailView = undefined
    this.#sets = new FlagSets()
    this.#kept.clear()
    this.#onlyForEmails.clear()
  }

  #run(): Promise<Loaded> {
    if (this.#next !== undefined) return this.#next
    if (!this.#isRunning) return this.#current() ?? this.#start()
    // The run under way may have its snapshot already, from before the caller's own commit.
    const start = (): Promise<Loaded> => {
      this.#next = undefined
      return this.#current() ?? this.#start()
    }
    this.#next = this.#running.then(start, start)
    return this.#next
  }

  /** What is wanted, where it is at hand and nobody has committed anything. */
  #current(): Promise<Loaded> | undefined {
    const { mailboxes, emails } = this.#wanted
    const revision = this.#db.revision?.()
    if (revision === undefined || revision !== this.#revision) return undefined
    if (emails && this.#emails === undefined) return undefined
    for (const id of mailboxes) if (this.#mailboxes.has(id) && !this.#columns.has(id)) return undefined
    if (emails || mailboxes.size > 0) this.#wanted = nothingWanted()
    if (emails) this.#emailView ??= this.#emails!.view(this.mailboxes)
    this.#onUse(this)
    return Promise.resolve({ mailboxes: this.#views, emails: this.#emailView })
  }

  #start(): Promise<Loaded> {
    this.#isRunning = true
    const wanted = this.#wanted
    this.#wanted = nothingWanted()
    const run = this.#work(wanted).finally(() => (this.#isRunning = false))
    this.#running = run
    return run
  }

  async #work(wanted: Wanted): Promise<Loaded> {
    for (;;) {
      await this.#catchUp(wanted)
      const missing = [...wanted.mailboxes].filter((id) => this.#mailboxes.has(id) && !this.#columns.has(id))
      const areEmailsMissing = wanted.emails && this.#emails === undefined
      if (missing.length === 0 && !areEmailsMissing) break
      // What happens meanwhile is followed then; following the log twice does no harm.
      for (const id of missing) await this.#loadColumns(id)
      if (areEmailsMissing) await this.#loadEmails()
    }
    if (wanted.emails) this.#emailView ??= this.#emails!.view(this.mailboxes)
    const loaded = { mailboxes: this.#views, emails: this.#emailView }
    this.#onUse(this)
    return loaded
  }

  async #catchUp(wanted: Wanted): Promise<void> {
    for (;;) {
      const revision = this.#db.revision?.()
      const news = await this.#db.read((tx) => this.#readNews(tx))
      if (news !== 'tooMuch') {
        if (news !== undefined) this.#apply(news)
        this.#revision = revision
        return
      }
      for (const id of this.#columns.keys()) wanted.mailboxes.add(id)
      await this.#rebuild()
    }
  }

  /** What changed since the view's commit; undefined for nothing. */
  async #readNews(tx: ReadTx): Promise<News | 'tooMuch' | undefined> {
    const to = await tx.sequence(this.account)
    if (to === this.#modseq) return undefined
    // The sequence goes back only where the account was deleted.
    if (this.#modseq === undefined || to < this.#modseq) return 'tooMuch'
    return readNews(tx, this.account, this.#modseq, to, (id) => this.#columns.has(id))
  }

  #apply(news: News): void {
    if (this.#sets.size > spareFlagSets && this.#sets.size > this.#countEntries()) this.drop()
    if (this.#emails?.isCluttered === true) this.#emails = undefined
    if (this.#emails?.update(news.messages, news.to) === false) this.#emails = undefined
    this.#emailView = undefined
    for (const [id, mailbox] of news.mailboxes) {
      if (mailbox !== undefined) this.#mailboxes.set(id, mailbox)
      else {
        this.#mailboxes.delete(id)
        this.#columns.delete(id)
        this.#kept.delete(id)
      }
    }
    const entries = new Map<MailboxId, ViewEntry[]>()
    for (const one of news.entries) {
      const { entry } = one
      if (!this.#columns.has(entry.mailbox)) continue
      let ofMailbox = entries.get(entry.mailbox)
      if (ofMailbox === undefined) entries.set(entry.mailbox, (ofMailbox = []))
      ofMailbox.push(viewEntry(one, this.#sets))
    }
    const views = new Map(this.#views)
    for (const id of news.mailboxes.keys()) {
      const columns = this.#columns.get(id)
      const [changed = [], gone = []] = [entries.get(id), news.expunged.get(id)]
      columns?.update(changed, gone)
      this.#keepLater(id, changed.length + gone.length, news.to)
      if (columns === undefined) views.delete(id)
      else views.set(id, columns.view(this.#mailboxes.get(id)!, this.#sets))
    }
    this.#views = views
    if (news.mailboxes.size > 0) this.#mailboxList = undefined
    this.#modseq = news.to
  }

  /** Begins again from the rows, without columns. */
  async #rebuild(): Promise<void> {
    this.drop()
    await this.#db.read(async (tx) => {
      const mailboxes = await listMailboxes(tx, this.account)
      this.#modseq = await tx.sequence(this.account)
      this.#mailboxes = new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox]))
      this.#mailboxList = undefined
    })
  }

  async #loadColumns(id: MailboxId): Promise<void> {
    const sets = this.#sets
    const before = this.#mailboxes.get(id)!
    const kept = await keptColumns(this.#db, this.account, before, sets)
    const columns = kept?.columns ?? (await columnsOfRows(this.#db, this.account, before, sets))
    // Otherwise the flag sets that the columns point into are gone, and the run reads once more.
    const mailbox = this.#mailboxes.get(id)
    if (sets !== this.#sets || mailbox === undefined) return
    this.#columns.set(id, columns)
    this.#views = new Map(this.#views).set(id, columns.view(mailbox, sets))
    if (kept === undefined) {
      this.#kept.delete(id)
      this.#keep(id, 'soon')
    } else {
      this.#kept.set(id, { modseq: kept.modseq, changes: 0 })
      this.#keepLater(id, kept.news.entries.length + kept.news.expunged.length, this.modseq)
    }
  }

  /** So many entries have changed since: what is kept may be worth less than keeping it again. */
  #keepLater(id: MailboxId, changes: number, now: Modseq): void {
    const kept = this.#kept.get(id)
    if (kept === undefined || changes === 0) return
    kept.changes += changes
    const count = this.#columns.get(id)?.count ?? 0
    if (kept.changes + now - kept.modseq > mostBehind(count)) this.#keep(id, 'later')
  }

  #keep(mailbox: MailboxId, when: 'soon' | 'later'): void {
    if ((this.#columns.get(mailbox)?.count ?? 0) < leastKept) return
    const { account } = this
    this.#keeper?.want(
      {
        account,
        mailbox,
        shown: async () => {
          await this.refresh()
          const view = this.#views.get(mailbox)
          return view === undefined ? undefined : { view, modseq: this.modseq }
        },
        onKept: (modseq) => {
          if (this.#onlyForEmails.delete(mailbox)) this.#forget(mailbox)
          else if (this.#columns.has(mailbox)) this.#kept.set(mailbox, { modseq, changes: 0 })
        },
      },
      when,
    )
  }

  /** From the columns of all mailboxes; those that are loaded only for it go once they are kept in the store. */
  async #loadEmails(): Promise<void> {
    const { modseq } = this
    const sets = this.#sets
    const sources: EmailSource[] = []
    for (const mailbox of this.mailboxes) {
      const columns = await this.#emailSource(mailbox, sets)
      if (sets !== this.#sets) return
      if (columns !== undefined) sources.push({ mailbox: mailbox.id, columns })
    }
    this.#emails = emailsOf(sources, { sets, modseq })
  }

  async #emailSource(mailbox: Mailbox, sets: FlagSets): Promise<Columns | undefined> {
    const { id, messages } = mailbox
    const loaded = this.#views.get(id)
    if (loaded !== undefined || messages === 0) return loaded
    const kept = await keptColumns(this.#db, this.account, mailbox, sets)
    if (kept !== undefined) return kept.columns.view(mailbox, sets)
    if (messages < leastKept || this.#keeper === undefined)
      return (await columnsOfRows(this.#db, this.account, mailbox, sets)).view(mailbox, sets)
    this.#onlyForEmails.add(id)
    await this.#loadColumns(id)
    return this.#views.get(id)
  }

  #forget(id: MailboxId): void {
    this.#columns.delete(id)
    this.#kept.delete(id)
    this.#views = new Map([...this.#views].filter(([other]) => other !== id))
  }

  #countEntries(): number {
    let count = this.#emails?.count ?? 0
    for (const columns of this.#columns.values()) count += columns.count
    return count
  }
}
