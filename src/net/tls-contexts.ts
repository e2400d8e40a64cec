/**
 * What a listener's handshakes are made with: the server's certificates under the listener's policy. No
 * renegotiation; session tickets (RFC 5077, RFC 8446 §4.6.1) stay valid across an exchange of certificates,
 * and across workers that were given the same ticket keys.
 */
import { constants, randomBytes } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { type CertificatePair, CertificateSet, type LoadedPair, type Offer } from './certificate-set.ts'
import { contextOptions, type TlsPolicy } from './tls-policy.ts'

export interface TlsOptions {
  /** 48 secret bytes, the same in all workers; random when left out. */
  readonly ticketKeys?: Buffer
  readonly policy?: TlsPolicy
}

export class TlsContexts {
  readonly #certificates: CertificateSet
  readonly #options: SecureContextOptions
  /** Contexts go with the certificates that they were made of. */
  readonly #contexts = new WeakMap<Offer | LoadedPair, SecureContext>()
  /** Clients are asked for a certificate. */
  readonly asksClients: boolean

  /** The set may be shared: what is exchanged in it, is exchanged here. */
  constructor(certificates: CertificateSet | readonly CertificatePair[], o: TlsOptions = {}) {
    this.#certificates =
      certificates instanceof CertificateSet ? certificates : new CertificateSet(certificates)
    this.asksClients = o.policy?.clientAuthorities !== undefined
    this.#options = {
      ...contextOptions(o.policy ?? {}),
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ticketKeys: o.ticketKeys ?? randomBytes(48),
    }
  }

  /** Takes effect for new handshakes. Throws, and changes nothing, where a pair cannot be loaded. */
  setCertificates(pairs: readonly CertificatePair[]): void {
    this.#certificates.replace(pairs)
  }

  /** What a handshake begins with: the certificates for clients that name no host. */
  initial(): SecureContext {
    const offer = this.#certificates.select('')
    return this.#context(offer, offer)
  }

  /**
   * For a client that asks for this name and can verify these signatures (as OpenSSL names them:
   * `ECDSA+SHA256`); undefined: what the handshake began with. node:tls takes one certificate only of a context
   * that is given now, so where there are several types of key, the client's is found here.
   */
  named(name: string, signatures: readonly string[]): SecureContext | undefined {
    const offer = this.#certificates.select(name)
    if (offer === this.#certificates.select('')) return undefined
    const canVerify = ({ keyType }: LoadedPair): boolean =>
      signatures.some((signature) => signature.startsWith(signatureOf[keyType] ?? ''))
    // Of what it can verify not RSA: that is slower and larger.
    const wanted =
      offer.find((pair) => pair.keyType !== 'rsa' && canVerify(pair)) ?? offer.find(canVerify) ?? offer[0]!
    return this.#context(wanted, [wanted])
  }

  #context(from: Offer | LoadedPair, pairs: Offer): SecureContext {
    const known = this.#contexts.get(from)
    if (known !== undefined) return known
    const context = createSecureContext({
      ...this.#options,
      cert: pairs.map(({ certificate }) => certificate),
      key: pairs.map(({ key }) => key),
    })
    this.#contexts.set(from, context)
    return context
  }
}

const signatureOf: Readonly<Record<string, string>> = { ec: 'ECDSA', rsa: 'RSA', ed25519: 'Ed25519' }
