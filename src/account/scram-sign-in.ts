/**
 * Sign-in with keys of SCRAM (RFC 5802): the password is never seen, only that the client knows it.
 *
 * What must always hold: who has no keys, or does not exist, gets a salt and iterations like everybody else, the
 * same ones each time, made from the name under a secret of this store; so nobody learns by asking who exists.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import { foldAddress } from '#base/domain-name.ts'
import type { Db } from '#kv/db.ts'
import type { Access } from './access.ts'
import { type Acting, passwordObstacle, readActing, type SignInSource } from './candidate.ts'
import { serverSecretTable } from './credential-tables.ts'
import type { SignInLog } from './sign-in-log.ts'
import {
  isScramKeys,
  newScramIterations,
  readScramKeys,
  scramSaltBytes,
  type ScramKeys,
} from './verifiers/scram-keys.ts'

export interface ScramAttempt {
  /** Made up where there are none: then no proof fits. */
  readonly keys: ScramKeys
  /** `problem` says for the log why the client has proved nothing; undefined: it has. */
  finish(problem: string | undefined): Promise<Access | 'wrong'>
}

export class ScramSignIn {
  readonly #db: Db
  readonly #clock: Clock
  readonly #log: SignInLog
  #secret: Promise<Uint8Array> | undefined

  constructor(o: { db: Db; clock: Clock; log: SignInLog }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#log = o.log
  }

  async begin(name: string, from: SignInSource, actAs: string | undefined): Promise<ScramAttempt> {
    const read = (): Promise<Acting> => this.#db.read((tx) => readActing(tx, { name, actAs, from }))
    const keys = keysOf(await read())
    // Made for everybody, so that it takes the same time.
    const madeUp = await this.#madeUpKeys(name)
    return {
      keys: keys === undefined ? madeUp : readScramKeys(keys)!,
      finish: async (problem) => {
        // The exchange takes as long as the client likes: what counts is what is true now.
        const now = await read()
        const { candidate } = now
        const { owner, access } = candidate
        const tried = { ...now, from }
        if (owner === undefined || access === undefined)
          return this.#log.failed(tried, candidate.obstacle ?? 'no such user')
        if (keys === undefined) return this.#log.failed(tried, 'no SCRAM keys are stored for the password')
        if (problem !== undefined) return this.#log.failed(tried, problem)
        if (keysOf(now) !== keys) return this.#log.failed(tried, 'the password was changed meanwhile')
        const obstacle =
          candidate.obstacle ??
          passwordObstacle(candidate, this.#clock.now(), from.protocol) ??
          // Nowhere in the exchange could it be given.
          (candidate.hasSecondFactor ? 'no code of the second factor was given' : undefined)
        if (obstacle !== undefined) return this.#log.failed(tried, obstacle)
        const passwordAt = candidate.password?.changedAt
        return this.#log.succeeded(tried, access, { owner, passwordAt })
      },
    }
  }

  async #madeUpKeys(name: string): Promise<ScramKeys> {
    this.#secret ??= this.#storedSecret()
    const secret = await this.#secret.catch((error: unknown) => {
      this.#secret = undefined
      throw error
    })
    const salt = createHmac('sha256', secret)
      .update(foldAddress(name) ?? name)
      .digest()
      .subarray(0, scramSaltBytes)
    return { iterations: newScramIterations, salt, storedKey: randomBytes(32), serverKey: randomBytes(32) }
  }

  /** Kept, so that an unknown user's salt is the same in every worker and after every start. */
  async #storedSecret(): Promise<Uint8Array> {
    const known = await this.#db.read((tx) => tx.get(serverSecretTable, 'scram-salts'))
    if (known !== undefined) return Buffer.from(known)
    const made = randomBytes(32)
    return this.#db.write([], async (tx) => {
      const quicker = await tx.get(serverSecretTable, 'scram-salts')
      if (quicker !== undefined) return Buffer.from(quicker)
      tx.put(serverSecretTable, ['scram-salts'], made)
      return made
    })
  }
}

const keysOf = ({ candidate: { password } }: Acting): string | undefined =>
  password?.verifiers.find(isScramKeys)
