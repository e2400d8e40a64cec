/**
 * The certificates of a server, chosen by the name that a client asks for (RFC 6066 §3): those that name it,
 * else those with a wildcard for it (RFC 9525 §6.3), else the first. Of several for one name the newest of
 * each type of key is offered, so a server may have RSA beside ECDSA. Exchanged as a whole or not at all.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { Fault } from '#base/fault.ts'
import { alternativeNames } from './alternative-names.ts'

/** A certificate chain, leaf first, and its key, both PEM. */
export interface CertificatePair {
  readonly certificate: string
  readonly key: string
}

export interface LoadedPair extends CertificatePair {
  /** As node names it: `ec`, `rsa`, `ed25519`. */
  readonly keyType: string
  readonly names: readonly string[]
  readonly validFromMs: number
}

/** One for each type of key. The same object until the certificates are exchanged. */
export type Offer = readonly LoadedPair[]

export class CertificateSet {
  #loaded: readonly LoadedPair[] = []
  #byName = new Map<string, Offer>()
  #default: Offer

  /** The first is for clients that name no host, or one that none is for. */
  constructor(pairs: readonly CertificatePair[]) {
    this.#default = this.#take(pairs)
  }

  /** Takes effect for new handshakes. Throws, and changes nothing, where a pair cannot be loaded. */
  replace(pairs: readonly CertificatePair[]): void {
    this.#default = this.#take(pairs)
  }

  /** For a client that asks for this name; empty where it asks for none. */
  select(name: string): Offer {
    const lower = name.toLowerCase()
    const dot = lower.indexOf('.')
    return (
      this.#byName.get(lower) ??
      (dot > 0 ? this.#byName.get(`*${lower.slice(dot)}`) : undefined) ??
      this.#default
    )
  }

  #take(pairs: readonly CertificatePair[]): Offer {
    const loaded = pairs.map((pair) => this.#loaded.find((one) => isSame(one, pair)) ?? load(pair))
    const first = loaded[0]
    if (first === undefined) throw new Fault('invalid', 'TLS needs at least one certificate', {})
    const byName = new Map<string, Map<string, LoadedPair>>()
    for (const one of loaded.toSorted((a, b) => a.validFromMs - b.validFromMs)) {
      for (const name of one.names) {
        const types = byName.get(name) ?? new Map<string, LoadedPair>()
        byName.set(name, types.set(one.keyType, one))
      }
    }
    this.#loaded = loaded
    this.#byName = new Map([...byName].map(([name, types]) => [name, [...types.values()]]))
    const beside = this.#byName.get(first.names[0] ?? '') ?? []
    return beside.includes(first)
      ? beside
      : [first, ...beside.filter(({ keyType }) => keyType !== first.keyType)]
  }
}

const isSame = (a: CertificatePair, b: CertificatePair): boolean =>
  a.certificate === b.certificate && a.key === b.key

function load(pair: CertificatePair): LoadedPair {
  try {
    const leaf = new X509Certificate(pair.certificate)
    // node:tls takes a missing key without a word.
    if (!leaf.checkPrivateKey(createPrivateKey(pair.key)))
      throw new Error('the key is of another certificate')
    // What OpenSSL refuses, such as a key that is too short, it refuses here.
    createSecureContext({ cert: pair.certificate, key: pair.key })
    return {
      ...pair,
      names: alternativeNames(leaf.subjectAltName).dns,
      keyType: leaf.publicKey.asymmetricKeyType ?? '',
      validFromMs: leaf.validFromDate.getTime(),
    }
  } catch (cause) {
    throw new Fault(
      'invalid',
      'The certificate or its key cannot be used',
      {},
      { cause, reason: String(cause) },
    )
  }
}
