/**
 * What a new password must be like, and what it is then kept as. Generated secrets do not come here: they are
 * strong by how they are made.
 */
import { Fault } from '#base/fault.ts'
import type { Settings } from '#settings/object.ts'
import type { PasswordRow } from './credential-tables.ts'
import type { PasswordHasher } from './hash-pool.ts'
import { longestPasswordBytes, preparePassword } from './password.ts'
import { authentication, strengths, wantedVerifiers } from './settings.ts'
import { bcryptMaxBytes } from './verifiers/bcrypt.ts'
import { readPlain } from './verifiers/plain.ts'
import { assertKnownHash } from './verifiers/stored-hash.ts'

/** The longest advice that is passed on. */
const longestAdvice = 300

export class PasswordPolicy {
  readonly #settings: Pick<Settings, 'get'>
  readonly #passwords: PasswordHasher

  constructor(o: { settings: Pick<Settings, 'get'>; passwords: PasswordHasher }) {
    this.#settings = o.settings
    this.#passwords = o.passwords
  }

  /** The row for a password that somebody wants to have. Throws what `check` throws. */
  async accept(given: string, about: readonly string[], nowMs: number): Promise<PasswordRow> {
    return this.keep(await this.check(given, about), nowMs)
  }

  /**
   * The prepared form. `about` is what everybody knows of its owner: names, domains. Throws Fault `invalid` that
   * says how to do better, or `unavailable` when too many wait.
   */
  async check(given: string, about: readonly string[]): Promise<string> {
    const prepared = this.#fit(given)
    const least = strengths.indexOf(this.#settings.get(authentication).passwordMinStrength)
    if (least === 0) return prepared
    const { score, advice } = await this.#passwords.strength(prepared, wordsOf(about))
    if (score < least) throw invalid(`is too easy to guess. ${advice}`.trim().slice(0, longestAdvice))
    return prepared
  }

  /** The row for a prepared password, which lasts as long as passwords do. */
  async keep(prepared: string, nowMs: number): Promise<PasswordRow> {
    const row = await this.keepForEver(prepared, nowMs)
    const { passwordDefaultExpiry } = this.#settings.get(authentication)
    return passwordDefaultExpiry === undefined ? row : { ...row, expiresAt: nowMs + passwordDefaultExpiry }
  }

  /** The row for one that nobody could renew in time: the way back in. */
  async keepForEver(prepared: string, nowMs: number): Promise<PasswordRow> {
    const verifiers = await this.#passwords.make(prepared, wantedVerifiers(this.#settings))
    return { verifiers, changedAt: nowMs }
  }

  /**
   * The row for a hash that another server made. One in clear is hashed at once. Throws Fault `invalid` that
   * says which forms are known.
   */
  async acceptHash(text: string, nowMs: number): Promise<PasswordRow> {
    assertKnownHash(text)
    const plain = readPlain(text)
    if (plain === undefined) return { verifiers: [text], changedAt: nowMs }
    const prepared = preparePassword(plain)
    if (prepared === undefined) throw invalid('must be text without control characters')
    return this.keep(prepared, nowMs)
  }

  #fit(given: string): string {
    const { passwordMinLength, passwordMaxLength, passwordHashAlgorithm } = this.#settings.get(authentication)
    const prepared = preparePassword(given)
    if (prepared === undefined) {
      throw invalid(`must be at most ${longestPasswordBytes} bytes of text without control characters`)
    }
    // Characters as people count them, nearly: code points.
    const length = Array.from(prepared).length
    if (length < passwordMinLength) throw invalid(`must have at least ${passwordMinLength} characters`)
    if (length > passwordMaxLength) throw invalid(`must have at most ${passwordMaxLength} characters`)
    if (passwordHashAlgorithm === 'bcrypt' && Buffer.byteLength(prepared) > bcryptMaxBytes) {
      throw invalid(`must have at most ${bcryptMaxBytes} bytes, since bcrypt knows no more`)
    }
    return prepared
  }
}

/** Each word of names and addresses, once. */
const wordsOf = (about: readonly string[]): readonly string[] => [
  ...new Set(
    about.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((word) => word.length > 2),
  ),
]

const invalid = (what: string): Fault =>
  new Fault('invalid', `the password ${what}`, { properties: ['password'] })
