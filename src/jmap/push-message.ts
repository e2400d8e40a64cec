/**
 * A message to a push subscription as a request: JSON, encrypted where the client gave keys (RFC 8291), with the
 * headers of RFC 8030 §5 and the signature of the server (RFC 8292).
 */
import { createECDH, createHash } from 'node:crypto'
import { encrypt } from 'http_ece'
import type { PushSubscriptionRow } from '#account/push-subscription.ts'
import { isObject, type JsonObject } from './value.ts'

export interface PushMessage {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** RFC 8188 §2.1 and §2.2, RFC 8291 §4: header with the key, tag, delimiter. */
const encryptionBytes = 86 + 16 + 1
const recordBytes = 4096

/** How long a push service keeps it for a client that it does not reach. */
const verificationSeconds = 3600
const changeSeconds = 86_400

/** What a message to the subscription may have at most, before it is encrypted. */
export const roomIn = (maxBytes: number, { keys }: Pick<PushSubscriptionRow, 'keys'>): number =>
  keys === null ? maxBytes : maxBytes - encryptionBytes

/** RFC 8620 §7.2.2. */
export const verification = (id: string, { code }: PushSubscriptionRow): JsonObject => ({
  '@type': 'PushVerification',
  pushSubscriptionId: id,
  verificationCode: code,
})

export function pushMessage(message: JsonObject, { keys }: Pick<PushSubscriptionRow, 'keys'>): PushMessage {
  const json = Buffer.from(JSON.stringify(message))
  return {
    headers: {
      // RFC 8620 §7.2: also where it is encrypted.
      'Content-Type': 'application/json',
      ...(keys === null ? {} : { 'Content-Encoding': 'aes128gcm' }),
      ...(message['@type'] === 'StateChange' ? changeHeaders(message) : verificationHeaders),
    },
    body: keys === null ? json : encrypted(json, keys),
  }
}

const verificationHeaders = { TTL: String(verificationSeconds), Urgency: 'high' }

/**
 * RFC 8030 §5.4: a push service forgets an older message of the same topic, so those only have it that tell of the
 * same types of the same accounts. §5.3: new mail is worth waking a device for.
 */
function changeHeaders({ changed }: JsonObject): Record<string, string> {
  const accounts = isObject(changed) ? Object.entries(changed) : []
  const names = accounts.map(([account, states]) => [account, Object.keys(states as object).sort()] as const)
  const topic = createHash('sha256').update(JSON.stringify(names)).digest('base64url').slice(0, 32)
  const hasMail = names.some(([, types]) => types.includes('EmailDelivery'))
  return { TTL: String(changeSeconds), Urgency: hasMail ? 'normal' : 'low', Topic: topic }
}

/** RFC 8291 §2: a key pair for each message; §4: all of it is one record. */
function encrypted(plain: Buffer, { p256dh, auth }: NonNullable<PushSubscriptionRow['keys']>): Buffer {
  const privateKey = createECDH('prime256v1')
  privateKey.generateKeys()
  const rs = Math.max(recordBytes, plain.length + encryptionBytes)
  return encrypt(plain, { version: 'aes128gcm', privateKey, dh: p256dh, authSecret: auth, rs })
}

/**
 * A StateChange in parts that are not larger than may be sent; one account is always in one part.
 */
export function partsOf(change: JsonObject, maxBytes: number): readonly JsonObject[] {
  const whole = Buffer.byteLength(JSON.stringify(change))
  if (whole <= maxBytes || !isObject(change['changed'])) return [change]
  const parts: JsonObject[] = []
  const empty = { ...change, changed: {} }
  const start = Buffer.byteLength(JSON.stringify(empty))
  let some: Record<string, JsonObject> = {}
  let bytes = start
  for (const [account, states] of Object.entries(change['changed'])) {
    const more = Buffer.byteLength(JSON.stringify({ [account]: states })) - 1
    if (bytes + more > maxBytes && bytes > start) {
      parts.push({ ...change, changed: some })
      some = {}
      bytes = start
    }
    some[account] = states as JsonObject
    bytes += more
  }
  return [...parts, { ...change, changed: some }]
}
