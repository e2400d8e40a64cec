/** A client of SCRAM by the book (RFC 5802 section 3), for tests: what it says last, and what it expects then. */
import assert from 'node:assert/strict'
import { createHmac, hash, pbkdf2Sync } from 'node:crypto'

export const clientNonce = 'fyko+d2lbbFgONRv9qkxdawL'

export interface ScramClient {
  /** With its header. */
  readonly first: string
  answer(serverFirst: string): { readonly final: string; readonly expected: string; readonly salt: string }
}

export function scramClient(o: {
  readonly name: string
  readonly password: string
  readonly header: string
  readonly bound?: Uint8Array
}): ScramClient {
  const bare = `n=${o.name},r=${clientNonce}`
  return {
    first: o.header + bare,
    answer(serverFirst) {
      const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst)!
      assert.ok(nonce!.startsWith(clientNonce) && nonce!.length > 40)
      const channel = Buffer.concat([Buffer.from(o.header), o.bound ?? Buffer.alloc(0)]).toString('base64')
      const withoutProof = `c=${channel},r=${nonce}`
      const signed = `${bare},${serverFirst},${withoutProof}`
      const salted = pbkdf2Sync(o.password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      const signature = hmac(hash('sha256', clientKey, 'buffer'), signed)
      const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)).toString('base64')
      const expected = `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`
      return { final: `${withoutProof},p=${proof}`, expected, salt: salt! }
    },
  }
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
