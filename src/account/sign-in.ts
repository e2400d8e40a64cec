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
import { Lru } from '#base/lru.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { type Access, accessOf } from './access.ts'
import { authFailed, authSuccess } from './events.ts'
import type { PasswordHasher } from './hash-pool.ts'
import { nobodysHash, preparePassword } from './password.ts'
import { allPermissions, type Permission } from './permission.ts'
import { findSigner, type Signer } from './signer.ts'
import { administratorId, passwordTable } from './tables.ts'

/** Where somebody tries to sign in from: for events, and for limits. */
export interface SignInSource {
  readonly ip: string
  /** `smtp`, `imap`, `http`, ... */
  readonly protocol: string
}

/** The name of the administrator who has no account. */
export const administratorName = 'admin'

/** What the administrator without an account is and may do. */
export const administratorAccess = (name = administratorName): Access => ({
  account: administratorId,
  name,
  emails: [],
  groups: [],
  permissions: new Set(allPermissions),
})

const rememberedMs = 10 * 60_000
const maxRemembered = 50_000
/** Longer names are cut in events. */
const longestShownName = 255

interface Candidate {
  readonly access: Access | undefined
  readonly hash: string | undefined
  /** Why the right password does not help. For the log. */
  readonly obstacle?: string
}

const nobody: Candidate = { access: undefined, hash: undefined }

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
    return this.#prove(
      await this.#db.read((tx) => accountCandidate(tx, name, from.protocol)),
      name,
      password,
      from,
    )
  }

  /** As `password`, and for `admin`, who has no account. */
  async administrator(name: string, password: string, from: SignInSource): Promise<Access | 'wrong'> {
    if (name !== administratorName) return this.password(name, password, from)
    const hash = await this.#db.read((tx) => tx.get(passwordTable, administratorId))
    return this.#prove({ access: administratorAccess(), hash }, name, password, from)
  }

  async #prove(
    candidate: Candidate,
    name: string,
    password: string,
    from: SignInSource,
  ): Promise<Access | 'wrong'> {
    const isRight = await this.#isRight(candidate.hash, password)
    const shown = { name: name.slice(0, longestShownName), ip: from.ip, protocol: from.protocol }
    const { access, obstacle } = candidate
    if (!isRight || access === undefined || obstacle !== undefined) {
      const reason = isRight ? obstacle : undefined
      this.#telemetry.emit(authFailed, reason === undefined ? shown : { ...shown, reason })
      return 'wrong'
    }
    this.#telemetry.emit(authSuccess, { ...shown, account: access.account })
    return access
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
async function accountCandidate(tx: ReadTx, name: string, protocol: string): Promise<Candidate> {
  const signer = await findSigner(tx, name)
  if (signer === undefined) return nobody
  const access = await accessOf(tx, signer.id, signer.row)
  const hash = await tx.get(passwordTable, signer.id)
  const obstacle = obstacleOf(access.permissions, signer, protocol)
  return { access, hash, ...(obstacle === undefined ? {} : { obstacle }) }
}

function obstacleOf(
  permissions: ReadonlySet<Permission>,
  { row, isDomainEnabled, byAlias }: Signer,
  protocol: string,
): string | undefined {
  if (!row.enabled) return 'the account is disabled'
  if (!isDomainEnabled) return 'the domain is disabled'
  if (!permissions.has('authenticate')) return 'no permission to sign in'
  if (protocol === 'imap' && !permissions.has('imapAuthenticate')) return 'no permission to use IMAP'
  return byAlias && !permissions.has('authenticateWithAlias')
    ? 'no permission to sign in with an alias'
    : undefined
}
