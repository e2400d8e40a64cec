/**
 * What Email/get has told of messages, kept for who asks for the same again: the other devices of a user for what
 * just came, a webmail for a thread that is opened again. Nothing is in it that can change: a message's bytes never
 * do (RFC 8621 §4), and its mailboxes, keywords and ids are told from its row. Whether it may be seen is decided
 * before anything is looked for here.
 *
 * A content is kept from the second time that it was asked for, so that who fetches all of a large account once
 * leaves no trace.
 */
import { createHash } from 'node:crypto'
import type { AccountId, MessageId } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { JsonObject } from '../value.ts'

export interface Content {
  readonly object: JsonObject
  /** What making it took of the answer's budget, which is about the memory that it takes. */
  readonly bytes: number
}

export interface AccountContents {
  get(id: MessageId): Content | undefined
  keep(id: MessageId, content: Content): void
}

/** For one large content not more than a sixteenth of the others has to leave. */
const mostShare = 16
/** So many messages may be asked for between two times that one is. */
const askedPlaces = 8192

export class KeptContents {
  readonly #kept: Lru<string, Content>
  readonly #mostBytes: number
  /** Marks of what was asked for lately, each in a place that others take as well. */
  readonly #asked = new Uint32Array(askedPlaces)

  /** Keeps nothing with a budget of 0. */
  constructor(budgetBytes: number) {
    this.#kept = new Lru(budgetBytes)
    this.#mostBytes = budgetBytes / mostShare
  }

  /** An account's messages as one request wants them: `wanted` is all of the request that makes a difference. */
  of(account: AccountId, wanted: readonly unknown[]): AccountContents {
    const digest = createHash('sha256')
      .update(JSON.stringify([account, wanted]))
      .digest()
    const seed = digest.readInt32LE()
    const name = digest.toString('base64')
    return {
      get: (id) => this.#kept.get(`${name}${id}`),
      keep: (id, content) => {
        if (content.bytes > this.#mostBytes || !this.#wasAsked(id, seed)) return
        this.#kept.set(`${name}${id}`, content, content.bytes)
      },
    }
  }

  #wasAsked(id: MessageId, seed: number): boolean {
    const mark = (Math.imul(id, 0x9e3779b1) ^ seed) >>> 0
    const at = mark % askedPlaces
    const was = this.#asked[at] === mark
    this.#asked[at] = mark
    return was
  }
}
