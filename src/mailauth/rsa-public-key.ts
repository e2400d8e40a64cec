/**
 * RSA public keys in DER as key records carry them: RSAPublicKey as RFC 6376 §3.6.1 says, or inside
 * SubjectPublicKeyInfo as nearly everybody publishes them. They are read here far enough to know their size
 * before OpenSSL sees them: what a stranger publishes must not choose how much work a signature is.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'

const SEQUENCE = 0x30
const INTEGER = 0x02
const BIT_STRING = 0x03

/** AlgorithmIdentifier of rsaEncryption with NULL (RFC 3279 §2.3.1). */
const rsaEncryption = Buffer.from('300d06092a864886f70d0101010500', 'hex')

export interface RsaPublicKey {
  readonly bits: number
  /** Undefined where OpenSSL takes it for no key. */
  toKeyObject(): KeyObject | undefined
}

interface Element {
  readonly content: Buffer
  readonly rest: Buffer
}

/** The element that begins the bytes, if it has this tag; lengths are those of DER, below 64 KiB. */
function element(bytes: Buffer, tag: number): Element | undefined {
  if (bytes.length < 2 || bytes[0] !== tag) return undefined
  const first = bytes[1]!
  const lengthBytes = first < 0x80 ? 0 : first - 0x80
  if (lengthBytes > 2 || first === 0x80 || bytes.length < 2 + lengthBytes) return undefined
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes)
  const start = 2 + lengthBytes
  if (length > bytes.length - start) return undefined
  return { content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) }
}

/** A positive integer without its leading zero. */
function positive(bytes: Buffer): { readonly value: Buffer; readonly rest: Buffer } | undefined {
  const found = element(bytes, INTEGER)
  if (found === undefined || found.content.length === 0 || found.content[0]! >= 0x80) return undefined
  const value = found.content[0] === 0 ? found.content.subarray(1) : found.content
  return value.length === 0 || value[0] === 0 ? undefined : { value, rest: found.rest }
}

/** RFC 8017 §A.1.1. */
function readKey(der: Buffer): RsaPublicKey | undefined {
  const sequence = element(der, SEQUENCE)
  if (sequence === undefined || sequence.rest.length > 0) return undefined
  const modulus = positive(sequence.content)
  const exponent = modulus && positive(modulus.rest)
  if (exponent === undefined || exponent.rest.length > 0) return undefined
  // RFC 6376 §8.13: a large exponent would make each verification expensive.
  if (exponent.value.length > 4 || exponent.value.at(-1)! % 2 === 0) return undefined
  const bits = modulus!.value.length * 8 - Math.clz32(modulus!.value[0]!) + 24
  return {
    bits,
    toKeyObject: () => makeKeyObject(der),
  }
}

function makeKeyObject(der: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'pkcs1' })
  } catch {
    return undefined
  }
}

/** Undefined where the bytes are no RSA public key, or one with an exponent of more than 32 bits. */
export function readRsaPublicKey(der: Buffer): RsaPublicKey | undefined {
  const outer = element(der, SEQUENCE)
  if (outer === undefined || outer.rest.length > 0) return undefined
  if (outer.content[0] === INTEGER) return readKey(der)
  if (!outer.content.subarray(0, rsaEncryption.length).equals(rsaEncryption)) return undefined
  const bitString = element(outer.content.subarray(rsaEncryption.length), BIT_STRING)
  if (bitString === undefined || bitString.rest.length > 0 || bitString.content[0] !== 0) return undefined
  return readKey(bitString.content.subarray(1))
}
