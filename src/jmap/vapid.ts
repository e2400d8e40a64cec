/**
 * How push services know this server (RFC 8292): its key, made once and kept in the store, and the token for each of
 * them that is signed with it.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { serverSecretTable } from '#account/credential-tables.ts'
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import type { Db } from '#kv/db.ts'

/** RFC 8292 §2: at most a day ahead. */
const tokenMs = 12 * 3_600_000
/** One that ends sooner is made anew. */
const restMs = 3_600_000
const maxTokens = 1000

interface Key {
  readonly privateKey: KeyObject
  /** RFC 8292 §3.2: the point, uncompressed, in base64url. */
  readonly publicKey: string
}

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
  #key: Promise<Key> | undefined

  constructor(o: VapidOptions) {
    this.#o = o
  }

  async publicKey(): Promise<string> {
    return (await this.#load()).publicKey
  }

  /** The value of the Authorization header of a request to this URL. */
  async authorization(url: URL): Promise<string> {
    const { privateKey, publicKey } = await this.#load()
    return `vapid t=${this.#token(url.origin, privateKey)}, k=${publicKey}`
  }

  #token(aud: string, privateKey: KeyObject): string {
    const now = this.#o.clock.now()
    const sub = this.#o.contact()
    const key = `${aud} ${sub}`
    const known = this.#tokens.get(key)
    if (known !== undefined && known.endsAt - restMs > now) return known.text
    const endsAt = now + tokenMs
    const signed = [
      { typ: 'JWT', alg: 'ES256' },
      { aud, exp: Math.floor(endsAt / 1000), sub },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const text = `${signed}.${signature.toString('base64url')}`
    this.#tokens.set(key, { text, endsAt })
    return text
  }

  #load(): Promise<Key> {
    this.#key ??= stored(this.#o.db).catch((error: unknown) => {
      this.#key = undefined
      throw error
    })
    return this.#key
  }
}

/** The same for all workers and after every start. */
async function stored(db: Db): Promise<Key> {
  const known = await db.read((tx) => tx.get(serverSecretTable, 'web-push'))
  if (known !== undefined) return keyOf(known)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const made = privateKey.export({ type: 'pkcs8', format: 'der' })
  return db.write([], async (tx) => {
    const quicker = await tx.getForUpdate(serverSecretTable, 'web-push')
    if (quicker !== undefined) return keyOf(quicker)
    tx.put(serverSecretTable, ['web-push'], made)
    return keyOf(made)
  })
}

function keyOf(bytes: Uint8Array): Key {
  const privateKey = createPrivateKey({ key: Buffer.from(bytes), type: 'pkcs8', format: 'der' })
  const { x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  const point = [x!, y!].map((one) => Buffer.from(one, 'base64url'))
  return { privateKey, publicKey: Buffer.concat([Buffer.of(4), ...point]).toString('base64url') }
}
