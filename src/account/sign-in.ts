/**
 * Sign-in: with a password, an app password, an API key, or as another.
 *
 * What must always hold: an unknown user, a disabled account, a wrong password and everything else that stands
 * in the way get the same answer after the same work, and the log has the reason; a changed password and a
 * deleted credential count from their commit on.
 */
import { type Clock, systemClock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import { RateLimiter } from '#base/rate.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Access } from './access.ts'
import {
  type Acting,
  administratorName,
  canAskForCode,
  type Candidate,
  passwordObstacle,
  readActing,
  readAdministrator,
  readCandidate,
  readCandidateById,
  readSecondary,
  type SecondaryCandidate,
  type SignInSource,
} from './candidate.ts'
import type { PasswordHasher } from './hash-pool.ts'
import { LastUse } from './last-use.ts'
import { preparePassword } from './password.ts'
import { Renewal } from './renewal.ts'
import { SecondFactors } from './second-factor.ts'
import { wantedVerifiers } from './settings.ts'
import { type ScramAttempt, ScramSignIn } from './scram-sign-in.ts'
import { type GivenSecret, readApiKey, readAppPassword } from './shown-once.ts'
import { SignInLog } from './sign-in-log.ts'
import { VerifiedPasswords } from './verified-passwords.ts'

/** Of a certificate; more are not looked up. */
const maxAddresses = 10
/** A program that signs in at each request has a new code every 30 seconds only. */
const codeKeptMs = 5 * 60_000
const maxCodes = 10_000

export interface PasswordOptions {
  /** Whom to act as, where that is another (RFC 4616 §2). */
  readonly actAs?: string
  /** Of the second factor. */
  readonly code?: string
}

interface Attempt extends Acting {
  readonly password: string
  readonly from: SignInSource
  readonly secondary: SecondaryCandidate | undefined
}

export class SignIn {
  readonly #db: Db
  readonly #clock: Clock
  readonly #verified: VerifiedPasswords
  readonly #renewal: Renewal
  readonly #lastUse: LastUse
  readonly #factors: SecondFactors
  readonly #log: SignInLog
  readonly #scram: ScramSignIn
  /** Until when a code that was used up serves the same client again, by account, code and address. */
  readonly #codes = new Lru<string, number>(maxCodes)

  constructor(o: {
    db: Db
    passwords: PasswordHasher
    settings: Pick<Settings, 'get'>
    telemetry: Telemetry
    clock?: Clock
    /** Of second factors, where they are not counted here only. */
    wrongCodes?: RateLimiter<AccountId>
  }) {
    const { db, passwords, telemetry, settings, clock = systemClock } = o
    const wanted = () => wantedVerifiers(settings)
    this.#db = db
    this.#clock = clock
    this.#verified = new VerifiedPasswords({ passwords, clock, wanted })
    this.#renewal = new Renewal({ db, passwords, telemetry, wanted })
    this.#lastUse = new LastUse({ db, clock, telemetry })
    this.#factors = new SecondFactors({ db, clock, wrongCodes: o.wrongCodes ?? new RateLimiter() })
    this.#log = new SignInLog({ db, clock, telemetry, lastUse: this.#lastUse })
    this.#scram = new ScramSignIn({ db, clock, log: this.#log })
  }

  /** When what sign-ins left to be written is written. */
  async settled(): Promise<void> {
    await Promise.all([this.#renewal.settled(), this.#lastUse.settled()])
  }

  /**
   * `name` is the account's name or one of its addresses; `other%name` signs in to the other. The password may
   * be an app password. Throws Fault `unavailable` when too many wait.
   */
  async password(
    name: string,
    password: string,
    from: SignInSource,
    o: PasswordOptions = {},
  ): Promise<Access | 'wrong'> {
    return this.#prove(await this.#attempt(name, password, from, o, readCandidate), o.code)
  }

  /** As `password`, and for `admin`, who has no account. */
  async administrator(
    name: string,
    password: string,
    from: SignInSource,
    o: PasswordOptions = {},
  ): Promise<Access | 'wrong'> {
    const find: typeof readCandidate = (tx, one) =>
      one === administratorName ? readAdministrator(tx) : readCandidate(tx, one, from)
    return this.#prove(await this.#attempt(name, password, from, o, find), o.code)
  }

  /** With an API key, which names its account itself. Quick: it has no password that could be guessed. */
  async apiKey(key: string, from: SignInSource): Promise<Access | 'wrong'> {
    const given = readApiKey(key)
    if (given === undefined) return this.#log.failed({ name: '', from }, 'no API key')
    const { access, secondary } = await this.#db.read(async (tx) => {
      const candidate = await readCandidateById(tx, given.account, from)
      return {
        access: candidate.access,
        secondary: await this.#secondary(tx, candidate, 'apiKey', given, from),
      }
    })
    const tried = { name: access?.name ?? '', from }
    if (secondary?.isRight !== true) return this.#log.failed(tried, 'no such API key')
    if (secondary.obstacle !== undefined) return this.#log.failed(tried, secondary.obstacle)
    return this.#log.succeeded(tried, secondary.access, { owner: given.account })
  }

  /** With keys of SCRAM; the mechanism has the rest of the exchange. */
  scram(name: string, from: SignInSource, o: Pick<PasswordOptions, 'actAs'> = {}): Promise<ScramAttempt> {
    return this.#scram.begin(name, from, o.actAs)
  }

  /**
   * With a client certificate, by the addresses that it names: the first that is an account's, or the one that
   * is to be acted as.
   */
  async certificate(
    addresses: readonly string[],
    from: SignInSource,
    { actAs }: Pick<PasswordOptions, 'actAs'> = {},
  ): Promise<Access | 'wrong'> {
    const candidates = await this.#db.read((tx) =>
      Promise.all(
        addresses.slice(0, maxAddresses).map((address) => readActing(tx, { name: address, actAs, from })),
      ),
    )
    const own = candidates.filter(({ candidate }) => candidate.owner !== undefined)
    const found = own.find(({ by }) => by === undefined) ?? own[0]
    if (found === undefined)
      return this.#log.failed({ name: actAs ?? addresses[0] ?? '', from }, 'no such user')
    const tried = { ...found, from }
    const { owner, access, obstacle } = found.candidate
    if (access === undefined || owner === undefined || obstacle !== undefined)
      return this.#log.failed(tried, obstacle ?? 'no such user')
    return this.#log.succeeded(tried, access, { owner })
  }

  /** One snapshot: what is compared is what was true at one moment. */
  #attempt(
    name: string,
    password: string,
    from: SignInSource,
    { actAs }: PasswordOptions,
    find: typeof readCandidate,
  ): Promise<Attempt> {
    return this.#db.read(async (tx) => {
      const acting = await readActing(tx, { name, actAs, from }, find)
      const given = acting.by === undefined ? readAppPassword(password) : undefined
      const secondary = given && (await this.#secondary(tx, acting.candidate, 'appPassword', given, from))
      return { ...acting, password, from, secondary }
    })
  }

  async #secondary(
    tx: ReadTx,
    { access, obstacle }: Candidate,
    kind: 'appPassword' | 'apiKey',
    given: GivenSecret,
    from: SignInSource,
  ): Promise<SecondaryCandidate | undefined> {
    const at = { ...from, nowMs: this.#clock.now() }
    return access && readSecondary(tx, { access, obstacle }, kind, given, at)
  }

  async #prove(attempt: Attempt, code: string | undefined): Promise<Access | 'wrong'> {
    const { from, candidate, secondary } = attempt
    const { owner, access, password: row } = candidate
    if (secondary?.isRight === true) {
      if (secondary.obstacle === undefined)
        return this.#log.succeeded(attempt, secondary.access, { owner: secondary.access.account })
      await this.#verified.isRight(undefined, attempt.password, { ip: from.ip, mayRemember: false })
      return this.#log.failed(attempt, secondary.obstacle)
    }
    const given = withCode(attempt, code)
    const obstacle = candidate.obstacle ?? passwordObstacle(candidate, this.#clock.now(), from.protocol)
    const mayRemember = obstacle === undefined
    const isRight = await this.#verified.isRight(row?.verifiers[0], given.password, {
      ip: from.ip,
      mayRemember,
    })
    if (!isRight || owner === undefined || row === undefined) {
      const why =
        owner === undefined ? 'no such user' : row === undefined ? 'no password is set' : 'wrong password'
      return this.#log.failed(attempt, why)
    }
    if (obstacle !== undefined || access === undefined)
      return this.#log.failed(attempt, obstacle ?? 'no such user')
    const problem = candidate.hasSecondFactor
      ? await this.#codeProblem(owner, given.code, from.ip)
      : undefined
    if (problem !== undefined) return this.#log.failed(attempt, problem)
    const prepared = preparePassword(given.password)!
    this.#renewal.begin(owner, row, prepared, (hash) => this.#verified.remember(hash, prepared))
    return this.#log.succeeded(attempt, access, { owner, passwordAt: row.changedAt })
  }

  async #codeProblem(owner: AccountId, code: string | undefined, ip: string): Promise<string | undefined> {
    if (code === undefined) return 'no code of the second factor was given'
    const key = `${owner} ${code} ${ip}`
    const until = this.#codes.get(key)
    if (until !== undefined && until > this.#clock.now()) return undefined
    const outcome = await this.#factors.use(owner, code)
    if (outcome === 'blocked') return 'too many wrong codes of the second factor'
    if (outcome === 'wrong') return 'wrong code of the second factor'
    this.#codes.set(key, this.#clock.now() + codeKeptMs)
    return undefined
  }
}

/**
 * The code of the second factor, given by itself or behind the password as `password$123456`, which is the only
 * way over HTTP Basic.
 */
function withCode({ candidate, password, from }: Attempt, code: string | undefined) {
  if (code !== undefined || !candidate.hasSecondFactor || !canAskForCode(from.protocol))
    return { password, code }
  const split = /^(.*)\$(\d{6})$/s.exec(password)
  return split === null ? { password, code } : { password: split[1]!, code: split[2]! }
}
