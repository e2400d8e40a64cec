/**
 * Sign-in with name and password.
 *
 * What must always hold: an unknown user, a disabled account and a wrong password get the same answer after
 * the same work; a changed password counts from its commit on. A verified password is remembered for some
 * minutes as a keyed hash over the stored hash and the password, under a key that this process made up: so
 * the next sign-in costs microseconds, memory holds no password, and another stored hash fits no memory.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Access } from './access.ts'
import { readOwnAddress } from './address.ts'
import { authFailed, authSuccess } from './events.ts'
import type { PasswordHasher } from './hash-pool.ts'
import { nobodysHash, preparePassword } from './password.ts'
import { readAccount, type StoredAccount } from './stored-account.ts'
import { accountNameTable, addressTable, administratorId, passwordTable } from './tables.ts'

/** Where somebody tries to sign in from: for events, and for limits. */
export interface SignInSource {
  readonly ip: string
  /** `smtp`, `imap`, `http`, ... */
  readonly protocol: string
}

/** Who signs in to administer: the credential of its own, or an account with the right to. */
export interface Administrator {
  readonly name: string
}

/** The name of the administrator who has no account. */
export const administratorName = 'admin'

const rememberedMs = 10 * 60_000
const maxRemembered = 50_000
/** Longer names are cut in events. */
const longestShownName = 255

interface Candidate {
  readonly account: StoredAccount | undefined
  readonly hash: string | undefined
}

const nobody: Candidate = { account: undefined, hash: undefined }

export class SignIn {
  readonly #db: Db
  readonly #passwords: PasswordHasher
  readonly #telemetry: Telemetry
  readonly #clock: Clock
  readonly #key = randomBytes(32)
  /** Until when a verified pair of stored hash and password needs no proof. */
  readonly #remembered = new Lru<string, number>(maxRemembered)
  /** Proofs under way: a client that opens ten sessions at once costs one. */
  readonly #running = new Map<string, Promise<boolean>>()

  constructor(o: { db: Db; passwords: PasswordHasher; telemetry: Telemetry; clock?: Clock }) {
    this.#db = o.db
    this.#passwords = o.passwords
    this.#telemetry = o.telemetry
    this.#clock = o.clock ?? systemClock
  }

  /** `name` is the account's name or one of its addresses. Throws Fault `unavailable` when too many wait. */
  async password(name: string, password: string, from: SignInSource): Promise<Access | 'wrong'> {
    const candidate = await this.#db.read((tx) => accountCandidate(tx, name))
    const account = await this.#prove(candidate, name, password, from)
    if (account === 'wrong' || account === undefined) return 'wrong'
    return { account: account.id, name: account.name, isAdmin: account.isAdmin, emails: account.emails }
  }

  /** As `password`, for those who administer the server: `admin`, and accounts that may. */
  async administrator(name: string, password: string, from: SignInSource): Promise<Administrator | 'wrong'> {
    const candidate = await this.#db.read(async (tx) => {
      if (name === administratorName)
        return { account: undefined, hash: await tx.get(passwordTable, administratorId) }
      const found = await accountCandidate(tx, name)
      return found.account?.isAdmin === true ? found : nobody
    })
    const proved = await this.#prove(candidate, name, password, from)
    return proved === 'wrong' ? 'wrong' : { name: proved?.name ?? administratorName }
  }

  /** The candidate's account (undefined for the administrator) if the password is right. */
  async #prove(
    candidate: Candidate,
    name: string,
    password: string,
    from: SignInSource,
  ): Promise<StoredAccount | undefined | 'wrong'> {
    const isRight = await this.#isRight(candidate.hash, password)
    const shown = { name: name.slice(0, longestShownName), ip: from.ip, protocol: from.protocol }
    if (!isRight || candidate.account?.enabled === false) {
      this.#telemetry.emit(authFailed, isRight ? { ...shown, reason: 'the account is disabled' } : shown)
      return 'wrong'
    }
    this.#telemetry.emit(authSuccess, { ...shown, account: candidate.account?.id ?? administratorId })
    return candidate.account
  }

  async #isRight(hash: string | undefined, password: string): Promise<boolean> {
    const prepared = preparePassword(password)
    const against = hash ?? nobodysHash
    const mark = createHmac('sha256', this.#key)
      .update(`${against}\0${prepared ?? ''}`)
      .digest('base64')
    const until = this.#remembered.get(mark)
    if (until !== undefined && until > this.#clock.now()) return true
    let running = this.#running.get(mark)
    if (running === undefined) {
      // What cannot be a password is compared all the same: the answer takes as long.
      running = this.#passwords.verify(against, prepared ?? '\0').finally(() => this.#running.delete(mark))
      this.#running.set(mark, running)
    }
    const isRight = (await running) && hash !== undefined && prepared !== undefined
    if (isRight) this.#remembered.set(mark, this.#clock.now() + rememberedMs)
    return isRight
  }
}

/** One snapshot: what is compared is what was true at one moment. */
async function accountCandidate(tx: ReadTx, name: string): Promise<Candidate> {
  const key = readOwnAddress(name)
  if (key === undefined) return nobody
  const id: AccountId | undefined =
    (await tx.get(accountNameTable, key.spelling)) ?? (await tx.get(addressTable, key.domain, key.local))
  if (id === undefined) return nobody
  return { account: await readAccount(tx, id), hash: await tx.get(passwordTable, id) }
}
