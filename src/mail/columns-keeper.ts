/**
 * Keeps the columns of mailboxes when there is time for it: soon after their rows were read, since that was dear,
 * and a while after much has changed, since it will be more. One mailbox after the other, each at most once in a
 * while however busy it is.
 */
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { keepColumns } from './kept-columns.ts'
import type { MailboxView } from './mailbox-view.ts'

const soonMs = 1000
const laterMs = 60_000

interface Shown {
  readonly view: MailboxView
  /** The view is of this commit, or newer. */
  readonly modseq: Modseq
}

export interface ToKeep {
  readonly account: AccountId
  readonly mailbox: MailboxId
  /** What is to be kept when its time has come, undefined where nobody has it in memory any more. */
  readonly shown: () => Promise<Shown | undefined>
  /** It was kept as of this commit. */
  readonly onKept: (modseq: Modseq) => void
}

export class ColumnsKeeper implements AsyncDisposable {
  readonly #db: Db
  readonly #onTrouble: (error: unknown) => void
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  /** `onTrouble` hears of columns that could not be kept; mail is as it was. */
  constructor(db: Db, onTrouble: (error: unknown) => void) {
    this.#db = db
    this.#onTrouble = onTrouble
  }

  /** Once for a mailbox that waits already. */
  want(what: ToKeep, when: 'soon' | 'later'): void {
    const name = `${what.account}/${what.mailbox}`
    if (this.#isClosed || this.#timers.has(name)) return
    const keep = (): void => {
      this.#timers.delete(name)
      this.#running = this.#running.then(() => this.#keep(what))
    }
    this.#timers.set(name, setTimeout(keep, when === 'soon' ? soonMs : laterMs).unref())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await this.#running
  }

  async #keep({ account, shown, onKept }: ToKeep): Promise<void> {
    try {
      const now = this.#isClosed ? undefined : await shown()
      if (now === undefined) return
      await keepColumns(this.#db, account, now.view, now.modseq)
      onKept(now.modseq)
    } catch (error) {
      this.#onTrouble(error)
    }
  }
}
