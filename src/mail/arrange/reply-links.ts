/**
 * Which message answers which (RFC 5256 §3, REFERENCES, step 1), from the identifiers that messages have and refer to.
 * Messages are added in the order of the mailbox.
 */
import { hash } from 'node:crypto'
import { Fault } from '#base/fault.ts'
import { comparedId } from '#message/references.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { none, RootedForest } from './rooted-forest.ts'

/** Longer identifiers are known by their hash, so that hostile ones take no more memory than others. */
const longestKept = 100

export type Identified = Pick<StoredStructure, 'messageId' | 'references' | 'inReplyTo'>

export class ReplyLinks {
  readonly #forest = new RootedForest()
  readonly #nodes = new Map<string, number>()
  readonly #places: number[] = []
  readonly #limit: number

  /** As many messages and identifiers there may be together. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The parent of each node. */
  get parents(): readonly number[] {
    return this.#forest.parents
  }

  /** The place of the message that each node is; -1 for a dummy. */
  get places(): readonly number[] {
    return this.#places
  }

  add(message: Identified, place: number): void {
    const { messageId } = message
    const references = referencesOf(message)
    const id = messageId === undefined ? undefined : comparedId(messageId)
    let node = id === undefined ? this.#unnamed() : this.#named(id)
    // The identifier is that of the first message that has it.
    if (this.#places[node] !== none) node = this.#unnamed()
    this.#places[node] = place
    let last = none
    for (const reference of references) {
      const next = this.#named(reference)
      if (last !== none && this.parents[next] === none) this.#forest.link(next, last)
      last = next
    }
    if (this.parents[node] === last) return
    if (this.parents[node] !== none) this.#forest.cut(node)
    if (last !== none) this.#forest.link(node, last)
  }

  #named(id: string): number {
    const key = id.length > longestKept ? hash('sha256', id, 'base64') : id
    const known = this.#nodes.get(key)
    if (known !== undefined) return known
    const node = this.#unnamed()
    // A copy: what was cut out of a long field would keep all of it in memory.
    this.#nodes.set(Buffer.from(key, 'latin1').toString('latin1'), node)
    return node
  }

  #unnamed(): number {
    if (this.#forest.count >= this.#limit)
      throw new Fault('tooLarge', 'too many messages and references for one command', { limit: this.#limit })
    this.#places.push(none)
    return this.#forest.add()
  }
}

/** Those of References; where it has none that is valid, the first valid one of In-Reply-To. */
function referencesOf(message: Identified): readonly string[] {
  const references = validIds(message.references)
  return references.length > 0 ? references : validIds(message.inReplyTo).slice(0, 1)
}

const validIds = (ids: readonly string[]): readonly string[] =>
  ids.map(comparedId).filter((id) => id !== undefined)
