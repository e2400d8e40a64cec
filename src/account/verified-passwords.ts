/**
 * Whether a password is right, remembered: a verified one is kept for some minutes as a keyed hash over the
 * stored hash and the password, under a key that this process made up. So the next sign-in costs
 * microseconds, memory holds no password, and another stored hash fits no memory.
 *
 * What must always hold: where there is nothing to compare with, or where the answer will be no anyway, the
 * work is the same.
 */
import { hash as digest, randomBytes } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import { parseIp } from '#base/ip.ts'
import type { PasswordHasher } from './hash-pool.ts'
import type { WantedVerifiers } from './hash-work.ts'
import { nobodysHash, preparePassword } from './password.ts'

const rememberedMs = 10 * 60_000
const maxRemembered = 50_000

export interface ProofOptions {
  readonly ip: string
  /** False where the right password does not help: then memory, which is quick, would tell that it is right. */
  readonly mayRemember: boolean
}

export class VerifiedPasswords {
  readonly #passwords: PasswordHasher
  readonly #clock: Clock
  readonly #wanted: () => WantedVerifiers
  readonly #key = randomBytes(32).toString('base64')
  /** Until when a verified pair of stored hash and password needs no proof. */
  readonly #remembered = new Lru<string, number>(maxRemembered)
  /** Proofs under way: a client that opens ten sessions at once costs one. */
  readonly #running = new Map<string, Promise<boolean>>()
  /** What an unknown user's password is compared with, by algorithm. */
  readonly #nobodys = new Map<string, Promise<string>>([['argon2id', Promise.resolve(nobodysHash)]])

  constructor(o: { passwords: PasswordHasher; clock: Clock; wanted: () => WantedVerifiers }) {
    this.#passwords = o.passwords
    this.#clock = o.clock
    this.#wanted = o.wanted
  }

  /** `hash` is undefined where there is none. Throws Fault `unavailable` when too many wait. */
  async isRight(hash: string | undefined, password: string, o: ProofOptions): Promise<boolean> {
    const prepared = preparePassword(password)
    const against = hash ?? (await this.#nobodysHash())
    const mark = this.#mark(against, prepared ?? '')
    const until = o.mayRemember ? this.#remembered.get(mark) : undefined
    if (until !== undefined && until > this.#clock.now()) return true
    let running = this.#running.get(mark)
    if (running === undefined) {
      // What cannot be a password is compared all the same: the answer takes as long.
      running = this.#passwords
        .verify(against, prepared ?? '\0', strangerOf(o.ip))
        .finally(() => this.#running.delete(mark))
      this.#running.set(mark, running)
    }
    const isRight = (await running) && hash !== undefined && prepared !== undefined
    if (isRight && o.mayRemember) this.remember(hash, prepared)
    return isRight
  }

  remember(hash: string, prepared: string): void {
    this.#remembered.set(this.#mark(hash, prepared), this.#clock.now() + rememberedMs)
  }

  #mark(hash: string, prepared: string): string {
    return digest('sha256', [this.#key, hash, prepared].join('\0'), 'base64')
  }

  #nobodysHash(): Promise<string> {
    const { algorithm } = this.#wanted()
    const known = this.#nobodys.get(algorithm)
    if (known !== undefined) return known
    const made = this.#passwords
      .make(randomBytes(32).toString('hex'), { algorithm, scramKeys: false })
      .then(([hash]) => hash!)
    this.#nobodys.set(algorithm, made)
    made.catch(() => this.#nobodys.delete(algorithm))
    return made
  }
}

/** Who takes turns with others: an IPv4 address, or the /64 network that a host with IPv6 has for itself. */
function strangerOf(ip: string): string {
  const bytes = parseIp(ip)
  return bytes === undefined
    ? ip
    : Buffer.from(bytes.length === 16 ? bytes.subarray(0, 8) : bytes).toString('hex')
}
