/**
 * Key records (RFC 6376 §3.6.1, RFC 8463 §4.2) and what is done with the key in one. A record is what a
 * stranger publishes: it is bounded first, and its key is measured before OpenSSL is given it. Records that
 * were read are kept by their text in a store that the caller owns, since making a key costs more than
 * verifying with it.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { SyntaxFault } from '#base/fault.ts'
import type { Lru } from '#base/lru.ts'
import { readRsaPublicKey } from './rsa-public-key.ts'
import { base64Value, colonList, parseTagList, type TagList } from './tag-list.ts'

export type KeyType = 'rsa' | 'ed25519'

export interface DkimKey {
  readonly kind: 'key'
  readonly type: KeyType
  readonly bits: number
  readonly publicKey: KeyObject
  /** The flag `y`: the domain is only testing. */
  readonly isTesting: boolean
  /** The flag `s`: the domain of an identity must be the signing domain, not one below it. */
  readonly isExact: boolean
}

/** Why a record gives no key for mail signed with SHA-256. */
export type KeyProblem =
  /** There is no record. */
  | 'missing'
  /** It could not be found out whether there is one. */
  | 'unavailable'
  | 'syntax'
  | 'revoked'
  /** A type of key that we do not know, or not the one that the signature is made with. */
  | 'type'
  /** Not for SHA-256. */
  | 'hash'
  /** Not for mail. */
  | 'service'
  | 'tooShort'
  | 'tooLong'

export interface UnusableKey {
  readonly kind: 'unusable'
  readonly problem: KeyProblem
  /** For people. */
  readonly text: string
}

/** What was read of each record, by its text; an entry weighs 1. */
export type KnownKeys = Lru<string, DkimKey | UnusableKey>

/** A key of 4096 bits takes about 750 characters. */
const longestRecord = 4096
/** RFC 8301 §3.2: shorter ones never, up to 4096 always. Longer ones cost more than they prove. */
const shortestKeyBits = 1024
const longestKeyBits = 4096
/** A modulus of that size with what stands around it in DER. */
const longestKeyBytes = longestKeyBits / 8 + 64

/** SubjectPublicKeyInfo of Ed25519 up to the key (RFC 8410 §4). */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex')

/** Reads a record, given as the strings of its TXT record joined, or remembers what was read of it. */
export function readKeyRecord(text: string, known: KnownKeys): DkimKey | UnusableKey {
  if (text.length > longestRecord) return unusable('syntax', 'the key record is too long')
  const before = known.get(text)
  if (before !== undefined) return before
  const read = parseKeyRecord(text)
  known.set(text, read)
  return read
}

export const unusable = (problem: KeyProblem, text: string): UnusableKey => ({
  kind: 'unusable',
  problem,
  text,
})

function parseKeyRecord(text: string): DkimKey | UnusableKey {
  let tags: TagList
  try {
    tags = parseTagList(text)
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    return unusable('syntax', `the key record is malformed: ${error.message}`)
  }
  // RFC 6376 §3.6.1: where there is a version it comes first.
  const version = tags.get('v')
  if (version !== undefined && (version.value !== 'DKIM1' || tags.keys().next().value !== 'v')) {
    return unusable('syntax', 'the key record does not begin with v=DKIM1')
  }
  const list = (name: string) => {
    const tag = tags.get(name)
    return tag && colonList(tag.value.toLowerCase())
  }
  const data = tags.get('p')
  if (data === undefined) return unusable('syntax', 'the key record has no p=')
  if (list('h')?.includes('sha256') === false) {
    return unusable('hash', 'the key record does not allow SHA-256')
  }
  if (data.value === '') return unusable('revoked', 'the key has been revoked')
  const services = list('s')
  if (services?.some((service) => service === '*' || service === 'email') === false) {
    return unusable('service', 'the key record is not for mail')
  }
  const flags = list('t') ?? []
  return withKey(tags.get('k')?.value.toLowerCase() ?? 'rsa', data.value, {
    isTesting: flags.includes('y'),
    isExact: flags.includes('s'),
  })
}

function withKey(
  type: string,
  data: string,
  flags: Pick<DkimKey, 'isTesting' | 'isExact'>,
): DkimKey | UnusableKey {
  const bytes = base64Value(data)
  if (bytes === undefined) return unusable('syntax', 'the key is not base64')
  if (type === 'ed25519') {
    if (bytes.length !== 32) return unusable('syntax', 'the key is no Ed25519 key of 32 bytes')
    const der = Buffer.concat([ed25519Prefix, bytes])
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
    return { kind: 'key', type, bits: 256, publicKey, ...flags }
  }
  if (type !== 'rsa') return unusable('type', 'the type of the key is unknown')
  if (bytes.length > longestKeyBytes) return tooLong
  const key = readRsaPublicKey(bytes)
  if (key === undefined) return unusable('syntax', 'the key is no RSA public key')
  if (key.bits < shortestKeyBits) {
    return unusable('tooShort', `the key has ${key.bits} bits, fewer than ${shortestKeyBits}`)
  }
  if (key.bits > longestKeyBits) return tooLong
  const publicKey = key.toKeyObject()
  if (publicKey === undefined) return unusable('syntax', 'the key is no RSA public key')
  return { kind: 'key', type, bits: key.bits, publicKey, ...flags }
}

const tooLong = unusable('tooLong', `the key has more than ${longestKeyBits} bits`)

/** Whether the signature is this key's over the data, hashed with SHA-256 (RFC 6376 §3.3.2, RFC 8463 §3). */
export function isSignedBy(key: DkimKey, data: Buffer, signature: Buffer): boolean {
  if (key.type === 'rsa') return verify('sha256', data, key.publicKey, signature)
  return verify(null, createHash('sha256').update(data).digest(), key.publicKey, signature)
}
