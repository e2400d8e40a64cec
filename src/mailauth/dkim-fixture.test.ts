/** What the tests of DKIM share: records in place of the DNS, keys, and a message signed or checked at once. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { latin1 } from '#base/bytes.ts'
import { Lru } from '#base/lru.ts'
import type { DkimCheck } from './dkim-check.ts'
import type { DkimKey, UnusableKey } from './dkim-key.ts'
import { DkimSigner, type DkimSigningKey } from './dkim-sign.ts'
import { DkimVerifier, type DkimVerifierOptions } from './dkim-verify.ts'
import type { AuthResolver } from './resolver.ts'

/** In November 2025. */
export const nowMs = 1_762_164_672_000

export const knownKeys = () => new Lru<string, DkimKey | UnusableKey>(100)

type Records = Readonly<Record<string, string>>

/** TXT records by name; a name that is not among them is not there. */
export function resolverOf(records: Records): AuthResolver {
  const resolve = (name: string) => {
    const text = records[name]
    return Promise.resolve(
      text === undefined
        ? { kind: 'noName' }
        : { kind: 'answer', records: [{ strings: [latin1(text)] }], authentic: false },
    )
  }
  return { resolve: resolve as AuthResolver['resolve'] }
}

export function recordOf(privateKey: KeyObject, tags = ''): string {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const isRsa = privateKey.asymmetricKeyType === 'rsa'
  const data = (isRsa ? spki : spki.subarray(-32)).toString('base64')
  return `v=DKIM1; k=${isRsa ? 'rsa' : 'ed25519'}; ${tags}p=${data}`
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey

const common = {
  domain: 'example.com',
  canonicalization: 'relaxed/relaxed',
  headers: [],
  expireSeconds: undefined,
} as const

export const rsaKey: DkimSigningKey = {
  ...common,
  selector: 'r',
  algorithm: 'rsa-sha256',
  privateKey: rsa,
}

export const edKey: DkimSigningKey = {
  ...common,
  selector: 'e',
  algorithm: 'ed25519-sha256',
  privateKey: ed25519,
}

export const records: Records = {
  'r._domainkey.example.com': recordOf(rsa),
  'e._domainkey.example.com': recordOf(ed25519),
}

export interface Split {
  readonly header: Buffer
  readonly body: Buffer
}

/** Behind the first empty line; the texts here have one. */
export function split(message: string | Buffer): Split {
  const bytes = typeof message === 'string' ? latin1(message) : message
  const end = bytes.indexOf('\r\n\r\n') + 4
  return { header: bytes.subarray(0, end), body: bytes.subarray(end) }
}

export function check(
  message: string | Buffer,
  o: Partial<DkimVerifierOptions> & { readonly records?: Records } = {},
): Promise<readonly DkimCheck[]> {
  const verifier = new DkimVerifier({
    resolver: resolverOf(o.records ?? records),
    known: knownKeys(),
    nowMs,
    clockSkewMs: 300_000,
    maxSignatures: 10,
    strict: true,
    ...o,
  })
  const { header, body } = split(message)
  verifier.header(header)
  verifier.body(body)
  return verifier.end()
}

/** The message with its signatures in front of it. */
export async function signed(
  message: string | Buffer,
  keys: readonly DkimSigningKey[] = [edKey],
  identity?: string,
): Promise<Buffer> {
  const signer = new DkimSigner({ keys, nowMs, ...(identity === undefined ? {} : { identity }) })
  const { header, body } = split(message)
  signer.header(header)
  signer.body(body)
  return Buffer.concat([await signer.end(), header, body])
}
