/**
 * Waiting for what the client says next, while it is told what is new whenever something may be: in IDLE, and after
 * NOTIFY at any time.
 */
import type { AccountId } from '#base/id.ts'
import type { ImapSession } from '../session/session.ts'

/** Waits for `reading`. `tell` says what is new, and never runs twice at once. */
export async function tellWhile<T>(
  session: ImapSession,
  reading: Promise<T>,
  tell: () => Promise<void>,
): Promise<T> {
  const waiting = { isNew: true, hasRead: false, wake: (): void => {} }
  const wake = (): void => {
    waiting.isNew = true
    waiting.wake()
  }
  using watched = new Watched(session, wake)
  session.onNews = wake
  const read = reading.finally(() => {
    waiting.hasRead = true
    waiting.wake()
  })
  // Awaited below; until then what fails is nothing that nobody handles.
  read.catch(() => {})
  watched.follow()
  while (!waiting.hasRead) {
    if (waiting.isNew) {
      waiting.isNew = false
      await tell()
      await session.out.end()
      // What happened in an account before it was watched.
      waiting.isNew ||= watched.follow()
      continue
    }
    await new Promise<void>((resolve) => {
      waiting.wake = resolve
    })
  }
  return read
}

/** The accounts in which something may happen of which the client is told. */
class Watched implements Disposable {
  readonly #session: ImapSession
  readonly #wake: () => void
  readonly #watches = new Map<AccountId, Disposable>()

  constructor(session: ImapSession, wake: () => void) {
    this.#session = session
    this.#wake = wake
  }

  /** True where there are more of them than before. */
  follow(): boolean {
    const { services, selected, mailboxes, notify } = this.#session
    const wanted = new Set([selected?.account ?? mailboxes.account, ...(notify?.accounts ?? [])])
    for (const [account, watch] of this.#watches) {
      if (wanted.has(account)) continue
      watch[Symbol.dispose]()
      this.#watches.delete(account)
    }
    let isMore = false
    for (const account of wanted) {
      if (this.#watches.has(account)) continue
      const isGuest = account !== mailboxes.account || notify?.mayBeForeign === true
      this.#watches.set(account, services.watch.watch(account, this.#wake, isGuest))
      isMore = true
    }
    return isMore
  }

  [Symbol.dispose](): void {
    this.#session.onNews = undefined
    for (const watch of this.#watches.values()) watch[Symbol.dispose]()
  }
}
