/**
 * Keeps what sessions may do true while they last: when something about accounts changes, each session whose
 * account it concerns gets its Access anew, or hears that it has none any more.
 *
 * The bus only says that something changed; what is true is read from the store. Since a hint may be lost,
 * everything is read again every minute as well. A store that cannot be read takes nothing away.
 */
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import { type Access, readAccess } from './access.ts'
import { actingObstacle, administratorAccess, restrict } from './candidate.ts'
import { administratorId, credentialTable, passwordTable } from './credential-tables.ts'
import { accountCache } from './resolution.ts'
import type { CredentialId } from './shown-once.ts'

/** `undefined`: the account or what was signed in with is gone, or may not sign in any more. */
type Changed = (now: Access | undefined) => void

/** Who signed in, and with what. */
export type Watched = Pick<Access, 'account' | 'credential' | 'passwordAt' | 'by'>

const heartbeatMs = 60_000
/** Many changes at once are looked at together. */
const gatherMs = 20
const perSnapshot = 100

export class AccessWatch implements Disposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #watchers = new Map<AccountId, Map<Changed, Watched>>()
  readonly #due = new Set<AccountId>()
  readonly #subscription: Disposable
  readonly #timer: NodeJS.Timeout
  #gathering: NodeJS.Timeout | undefined

  constructor(o: { db: Db; bus: Bus; clock: Clock; everyMs?: number }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#subscription = o.bus.on('forget', ({ cache, key }) => {
      if (cache === accountCache) this.#concerns(key)
    })
    this.#timer = setInterval(() => this.#lookAtAll(), o.everyMs ?? heartbeatMs)
    this.#timer.unref()
  }

  /** What became of who signed in as this. `changed` must not throw. */
  watch(watched: Watched, changed: Changed): Disposable {
    const { account, by = account } = watched
    const own: Changed = (now) => changed(now)
    const stack = new DisposableStack()
    for (const one of new Set([account, by])) stack.use(this.#add(one, own, watched))
    return stack
  }

  /** What becomes of this account concerns that session. */
  #add(account: AccountId, changed: Changed, watched: Watched): Disposable {
    const watchers = this.#watchers.get(account) ?? new Map<Changed, Watched>()
    this.#watchers.set(account, watchers.set(changed, watched))
    return {
      [Symbol.dispose]: () => {
        watchers.delete(changed)
        if (watchers.size === 0 && this.#watchers.get(account) === watchers) this.#watchers.delete(account)
      },
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    clearTimeout(this.#gathering)
    this.#subscription[Symbol.dispose]()
    this.#watchers.clear()
  }

  /** The key names one account by its number; any other, such as a role's, may concern everybody. */
  #concerns(key: string): void {
    if (!/^\d+$/.test(key)) this.#lookAtAll()
    else if (this.#watchers.has(Number(key) as AccountId)) this.#lookAt([Number(key) as AccountId])
  }

  #lookAtAll(): void {
    this.#lookAt(this.#watchers.keys())
  }

  #lookAt(accounts: Iterable<AccountId>): void {
    for (const account of accounts) this.#due.add(account)
    if (this.#due.size > 0) this.#gathering ??= setTimeout(() => void this.#look(), gatherMs)
  }

  async #look(): Promise<void> {
    this.#gathering = undefined
    while (this.#due.size > 0) {
      const some = [...this.#due].slice(0, perSnapshot)
      for (const account of some) this.#due.delete(account)
      try {
        const found = await this.#db.read((tx) => Promise.all(some.map((account) => this.#now(tx, account))))
        for (const changes of found) for (const [changed, now] of changes) changed(now)
      } catch {
        // The heartbeat tries again.
        return
      }
    }
  }

  async #now(tx: ReadTx, account: AccountId): Promise<readonly (readonly [Changed, Access | undefined])[]> {
    const found = await read(tx, account)
    const watchers = [...(this.#watchers.get(account) ?? [])]
    return Promise.all(
      watchers.map(async ([changed, watched]) => {
        const access = watched.account === account ? found : await read(tx, watched.account)
        return [changed, access && (await this.#left(tx, access, watched))] as const
      }),
    )
  }

  /** What is left of an access by what it was signed in with. */
  async #left(tx: ReadTx, access: Access, watched: Watched): Promise<Access | undefined> {
    const { credential, passwordAt, by } = watched
    if (credential !== undefined) return this.#withCredential(tx, access, credential)
    if (by !== undefined && actingObstacle(await read(tx, by), access) !== undefined) return undefined
    const left = by === undefined ? access : { ...access, by }
    if (passwordAt === undefined) return left
    const row = await tx.get(passwordTable, by ?? access.account)
    const isOver = row?.changedAt !== passwordAt || (row.expiresAt ?? Infinity) <= this.#clock.now()
    return isOver ? undefined : { ...left, passwordAt }
  }

  async #withCredential(tx: ReadTx, access: Access, credential: CredentialId): Promise<Access | undefined> {
    const row = await tx.get(credentialTable, access.account, credential)
    const isOver = row === undefined || (row.expiresAt ?? Infinity) <= this.#clock.now()
    return isOver ? undefined : restrict(access, credential, row)
  }
}

const read = async (tx: ReadTx, account: AccountId): Promise<Access | undefined> =>
  account === administratorId ? administratorAccess() : readAccess(tx, account)
