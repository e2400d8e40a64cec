/** The pairs of DKIM keys: made, or read from PEM; with the public one as its record has it (RFC 6376 §3.6.1). */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { DkimAlgorithm, DkimKeyRow } from '#account/dkim-tables.ts'

const generate = promisify(generateKeyPair)

/** RFC 8301 §3.2: signers use 2048 bits; what has less than 1024 nobody may take. */
const rsaBits = 2048
const fewestRsaBits = 1024
/** RFC 8301 §3.2: more than this need not be understood. */
const mostRsaBits = 4096

export type DkimKeyPair = Pick<DkimKeyRow, 'algorithm' | 'privateKey' | 'publicKey'>

/** RSA takes a tenth of a second or more, on a thread of its own. */
export async function newDkimKeyPair(algorithm: DkimAlgorithm): Promise<DkimKeyPair> {
  const { privateKey } =
    algorithm === 'ed25519-sha256'
      ? await generate('ed25519')
      : await generate('rsa', { modulusLength: rsaBits })
  return pairOf(algorithm, privateKey)
}

/** A key that somebody brings, or what is wrong with it, to be put after its name. */
export function readDkimKey(pem: string): DkimKeyPair | string {
  if (!/PRIVATE KEY-----/.test(pem)) return 'holds no private key in PEM'
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    return pem.includes('ENCRYPTED')
      ? 'is encrypted: give the key without a passphrase'
      : 'holds a private key that cannot be read'
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return pairOf('ed25519-sha256', key)
    case 'rsa':
      return bits >= fewestRsaBits && bits <= mostRsaBits
        ? pairOf('rsa-sha256', key)
        : `has ${bits} bits: an RSA key for DKIM has ${fewestRsaBits} to ${mostRsaBits}, best ${rsaBits}`
    default:
      return 'must be an RSA or Ed25519 key'
  }
}

const pairOf = (algorithm: DkimAlgorithm, key: KeyObject): DkimKeyPair => ({
  algorithm,
  privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  publicKey: publicKeyText(createPublicKey(key)),
})

/** As the tag `p=` has it, in base64. */
export function publicKeyText(key: KeyObject): string {
  const spki = key.export({ type: 'spki', format: 'der' })
  // RFC 8463 §4.2: the 32 octets alone, which are the end of the structure.
  return (key.asymmetricKeyType === 'ed25519' ? spki.subarray(-32) : spki).toString('base64')
}
