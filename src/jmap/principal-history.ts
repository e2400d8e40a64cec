/**
 * What users were told of Principals, by the state that they got with it, so that what has changed since can be told
 * (RFC 9670 §2.2). No log tells of accounts, and of each user others can be seen; so it is kept in memory, for as
 * long as there is room and the server runs.
 */
import { createHash } from 'node:crypto'
import { Lru } from '#base/lru.ts'

/** Of all states together: some 60 bytes each. */
const keptPrincipals = 100_000

/** By id what is told of each, in short. */
type Told = ReadonlyMap<string, string>

export interface PrincipalChanges {
  readonly created: readonly string[]
  readonly updated: readonly string[]
  readonly destroyed: readonly string[]
}

export class PrincipalHistory {
  readonly #told = new Lru<string, Told>(keptPrincipals)

  /** All that is told under a state, which must be made of it: each Principal by its id. */
  remember(state: string, all: readonly (readonly [id: string, told: unknown])[]): void {
    if (this.#told.get(state) !== undefined) return
    this.#told.set(state, new Map(all.map(([id, told]) => [id, digest(told)])), 1 + all.length)
  }

  /** undefined where one of the states is not known any more. */
  changes(since: string, now: string): PrincipalChanges | undefined {
    if (since === now) return { created: [], updated: [], destroyed: [] }
    const [before, after] = [this.#told.get(since), this.#told.get(now)]
    if (before === undefined || after === undefined) return undefined
    return {
      created: [...after.keys()].filter((id) => !before.has(id)),
      updated: [...after].flatMap(([id, told]) => (before.has(id) && before.get(id) !== told ? [id] : [])),
      destroyed: [...before.keys()].filter((id) => !after.has(id)),
    }
  }
}

const digest = (told: unknown): string =>
  createHash('sha256').update(JSON.stringify(told)).digest('base64url').slice(0, 16)
