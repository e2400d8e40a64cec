/**
 * How push services know this server (RFC 8292): the public key that clients name there, and the token for each push
 * service that is signed with the key of a subscription. The keys are in `account/push-keys.ts`.
 */
import { createPrivateKey, sign } from 'node:crypto'
import { currentPushKey, findPushKey, knownPushKey, type PushKey } from '#account/push-keys.ts'
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import type { Db } from '#kv/db.ts'

/** RFC 8292 §2: at most a day ahead. */
const tokenMs = 12 * 3_600_000
/** One that ends sooner is made anew. */
const restMs = 3_600_000
const maxTokens = 1000

interface Token {
  readonly text: string
  readonly endsAt: number
}

export interface VapidOptions {
  readonly db: Db
  readonly clock: Clock
  /** A URI under which the operator is reached (RFC 8292 §2.1). */
  readonly contact: () => string
}

export class Vapid {
  readonly #o: VapidOptions
  readonly #tokens = new Lru<string, Token>(maxTokens)

  constructor(o: VapidOptions) {
    this.#o = o
  }

  /** RFC 9749 §3: of subscriptions that are made now. */
  async publicKey(): Promise<string> {
    const { db } = this.#o
    const key = (await db.read(knownPushKey)) ?? (await db.write([], currentPushKey))
    return key.publicKey
  }

  /** The value of the Authorization header of a request to this URL. Throws where there is no such key any more. */
  async authorization(url: URL, publicKey: string): Promise<string> {
    const key = await this.#o.db.read((tx) => findPushKey(tx, publicKey))
    if (key === undefined) throw new Error('the key of the push subscription is gone')
    return `vapid t=${this.#token(url.origin, key)}, k=${publicKey}`
  }

  #token(aud: string, { publicKey, privateKey: pkcs8 }: PushKey): string {
    const now = this.#o.clock.now()
    const sub = this.#o.contact()
    const name = `${publicKey} ${aud} ${sub}`
    const known = this.#tokens.get(name)
    if (known !== undefined && known.endsAt - restMs > now) return known.text
    const endsAt = now + tokenMs
    const signed = [
      { typ: 'JWT', alg: 'ES256' },
      { aud, exp: Math.floor(endsAt / 1000), sub },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const privateKey = createPrivateKey({
      key: Buffer.from(pkcs8, 'base64url'),
      type: 'pkcs8',
      format: 'der',
    })
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const text = `${signed}.${signature.toString('base64url')}`
    this.#tokens.set(name, { text, endsAt })
    return text
  }
}
