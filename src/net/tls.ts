/**
 * Certificates and TLS handshakes of the server side: TLS 1.2 and 1.3 only, the certificate chosen by the
 * name the client asks for (RFC 6066 §3), and certificates that can be exchanged while connections live.
 * No renegotiation; session tickets (RFC 5077, RFC 8446 §4.6.1) stay valid across an exchange, and across
 * workers that were given the same ticket keys.
 */
import { constants, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { Fault } from '#base/fault.ts'

/** A certificate chain, leaf first, and its key, both PEM. */
export interface CertificatePair {
  readonly certificate: string
  readonly key: string
}

export interface TlsOptions {
  /** 48 secret bytes, the same in all workers; random when left out. */
  readonly ticketKeys?: Buffer
}

/** Facts of a connection's TLS, as sessions need them. */
export interface TlsFacts {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string
  /** The IANA name of the cipher suite. */
  readonly cipher: string
  /** The name that the client asked for. */
  readonly sni?: string
  /** DER; only where the client was asked for a certificate and had one. */
  readonly peerCertificate?: Uint8Array
  /** Keying material (RFC 5705, RFC 8446 §7.5) with an empty context, as RFC 9266 §2 wants it for channel binding. */
  exportKey(label: string, bytes: number): Uint8Array
}

// Forward secrecy and AEAD only for TLS 1.2 (RFC 9325 §4.2); the three of TLS 1.3 come first.
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

interface Loaded {
  readonly context: SecureContext
  readonly names: readonly string[]
  readonly validFromMs: number
}

export class TlsContexts {
  readonly #ticketKeys: Buffer
  #byName = new Map<string, SecureContext>()
  #fallback: SecureContext

  /** The first certificate also answers clients that name no host, or one we do not know. */
  constructor(certificates: readonly CertificatePair[], o: TlsOptions = {}) {
    this.#ticketKeys = o.ticketKeys ?? randomBytes(48)
    this.#fallback = this.#replace(certificates)
  }

  /** Takes effect for new handshakes. Throws, and changes nothing, where a pair cannot be loaded. */
  setCertificates(certificates: readonly CertificatePair[]): void {
    this.#fallback = this.#replace(certificates)
  }

  /** The context for a name: its own, that of a wildcard (RFC 9525 §6.3), or the first. */
  select(name: string): SecureContext {
    const lower = name.toLowerCase()
    const own = this.#byName.get(lower)
    if (own !== undefined) return own
    const dot = lower.indexOf('.')
    const wildcard = dot > 0 ? this.#byName.get(`*${lower.slice(dot)}`) : undefined
    return wildcard ?? this.#fallback
  }

  #replace(certificates: readonly CertificatePair[]): SecureContext {
    const loaded = certificates.map((pair) => this.#load(pair))
    const first = loaded[0]
    if (first === undefined) throw new Fault('invalid', 'TLS needs at least one certificate', {})
    const byName = new Map<string, SecureContext>()
    // Of two certificates for one name the newer wins.
    for (const { names, context } of loaded.toSorted((a, b) => a.validFromMs - b.validFromMs)) {
      for (const name of names) byName.set(name, context)
    }
    this.#byName = byName
    return first.context
  }

  #load(pair: CertificatePair): Loaded {
    try {
      const leaf = new X509Certificate(pair.certificate)
      // node:tls takes a missing key without a word.
      if (!leaf.checkPrivateKey(createPrivateKey(pair.key)))
        throw new Error('the key is of another certificate')
      const context = createSecureContext({
        cert: pair.certificate,
        key: pair.key,
        ciphers,
        minVersion: 'TLSv1.2',
        secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
        honorCipherOrder: true,
        ticketKeys: this.#ticketKeys,
      })
      return { context, names: dnsNames(leaf), validFromMs: leaf.validFromDate.getTime() }
    } catch (cause) {
      throw new Fault(
        'invalid',
        'The certificate or its key cannot be used',
        {},
        { cause, reason: String(cause) },
      )
    }
  }
}

function dnsNames(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice(4).toLowerCase())
}

export interface HandshakeOptions {
  readonly contexts: TlsContexts
  /** What the protocol answers to ALPN (RFC 7301 §3.2); empty: the extension is ignored. */
  readonly alpn: readonly string[]
  readonly timeoutMs: number
}

/**
 * Starts a handshake as server over any stream, which belongs to the TLS socket from then on.
 * `done` settles when it is over; where it fails (Fault `unavailable` with the reason) the socket is gone.
 */
export function acceptTls(stream: Duplex, o: HandshakeOptions): { socket: TLSSocket; done: Promise<void> } {
  const socket = new TLSSocket(stream, {
    isServer: true,
    secureContext: o.contexts.select(''),
    SNICallback: (name, chosen) => chosen(null, o.contexts.select(name)),
    ...(o.alpn.length > 0 ? { ALPNProtocols: [...o.alpn] } : {}),
  })
  const done = new Promise<void>((resolve, reject) => {
    let failure = 'connection closed'
    const timer = setTimeout(() => {
      failure = 'timed out'
      socket.destroy()
    }, o.timeoutMs)
    const onClose = (): void => {
      clearTimeout(timer)
      reject(new Fault('unavailable', 'TLS handshake failed', {}, { reason: `TLS handshake: ${failure}` }))
    }
    const onError = (error: Error): void => {
      failure = error.message
      socket.destroy()
    }
    socket.once('close', onClose)
    socket.once('end', () => socket.destroy())
    // OpenSSL's errors come as this event while node:tls has not handed the socket to a tls.Server.
    socket.on('_tlsError', onError)
    socket.on('error', onError)
    socket.once('secure', () => {
      clearTimeout(timer)
      socket.off('close', onClose)
      socket.removeAllListeners('end')
      resolve()
    })
  })
  return { socket, done }
}

export function tlsFacts(socket: TLSSocket): TlsFacts {
  // With `servername` false or null the client named no host.
  const sni = (socket as TLSSocket & { servername?: string | false | null }).servername
  const peer = socket.getPeerX509Certificate()
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    ...(typeof sni === 'string' && sni !== '' ? { sni } : {}),
    ...(peer === undefined ? {} : { peerCertificate: peer.raw }),
    exportKey: (label, bytes) => socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0)),
  }
}
