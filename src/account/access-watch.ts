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
import { restrict } from './candidate.ts'
import { credentialTable, passwordTable } from './credential-tables.ts'
import { accountCache } from './resolution.ts'
import type { CredentialId } from './shown-once.ts'

/** `undefined`: the account or the credential is gone, or may not sign in any more. */
type Changed = (now: Access | undefined) => void

/** Who signed in, and with what. */
export interface Watched extends Pick<Access, 'account' | 'credential'> {
  /** Where a password was given, and all is over once another one is set: when it was looked at, or before. */
  readonly passwordSince?: number
}

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
    const { account } = watched
    const own: Changed = (now) => changed(now)
    const watchers = this.#watchers.get(account) ?? new Map<Changed, Watched>()
    this.#watchers.set(account, watchers.set(own, watched))
    return {
      [Symbol.dispose]: () => {
        watchers.delete(own)
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
    const access = await readAccess(tx, account)
    const watchers = [...(this.#watchers.get(account) ?? [])]
    return Promise.all(
      watchers.map(async ([changed, { credential, passwordSince }]) => {
        if (access === undefined) return [changed, access] as const
        if (credential !== undefined)
          return [changed, await this.#withCredential(tx, access, credential)] as const
        const isOver = passwordSince !== undefined && (await this.#isOther(tx, account, passwordSince))
        return [changed, isOver ? undefined : access] as const
      }),
    )
  }

  async #withCredential(tx: ReadTx, access: Access, credential: CredentialId): Promise<Access | undefined> {
    const row = await tx.get(credentialTable, access.account, credential)
    const isOver = row === undefined || (row.expiresAt ?? Infinity) <= this.#clock.now()
    return isOver ? undefined : restrict(access, credential, row)
  }

  /** Whether the password is no more the one that it was. */
  async #isOther(tx: ReadTx, account: AccountId, since: number): Promise<boolean> {
    const row = await tx.get(passwordTable, account)
    return row === undefined || row.changedAt >= since || (row.expiresAt ?? Infinity) <= this.#clock.now()
  }
}
