/**
 * TLS handshakes of the server side, and what sessions may know of them.
 */
import type { X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { Fault } from '#base/fault.ts'
import { type AlternativeNames, alternativeNames } from './alternative-names.ts'
import type { TlsContexts } from './tls-contexts.ts'

/** A client's certificate: issued by one of the listener's authorities, for clients, and valid now. */
interface PeerCertificate {
  readonly der: Uint8Array
  /** For people: `O=Example, CN=alice`. Names to decide by are below. */
  readonly subject: string
  /** Undefined where the subject has none, or several. */
  readonly commonName: string | undefined
  readonly names: AlternativeNames
}

/** Facts of a connection's TLS, as sessions need them. */
export interface TlsFacts {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string
  /** The IANA name of the cipher suite. */
  readonly cipher: string
  /** The name that the client asked for. */
  readonly sni?: string
  /** Only where the client was asked for a certificate and had one that is good; others are as good as none. */
  readonly peerCertificate?: PeerCertificate
  /**
   * Keying material (RFC 5705, RFC 8446 §7.5) with an empty context, as RFC 9266 §2 wants it for channel binding.
   * Throws Fault `unavailable` where the connection is gone.
   */
  exportKey(label: string, bytes: number): Uint8Array
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
  const socket: TLSSocket = new TLSSocket(stream, {
    isServer: true,
    secureContext: o.contexts.initial(),
    // A bad certificate is treated as none: the session says what cannot be done without one.
    requestCert: o.contexts.asksClients,
    rejectUnauthorized: false,
    SNICallback: (name, chosen) => chosen(null, o.contexts.named(name, socket.getSharedSigalgs())),
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
  const peer = isVerified(socket) ? socket.getPeerX509Certificate() : undefined
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    ...(typeof sni === 'string' && sni !== '' ? { sni } : {}),
    ...(peer === undefined ? {} : { peerCertificate: describePeer(peer) }),
    exportKey(label, bytes) {
      if (socket.destroyed) throw new Fault('unavailable', 'Connection ended', {})
      return socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0))
    },
  }
}

/**
 * OpenSSL's verdict on the client's chain. node:tls hands it on only for sockets of a tls.Server; without a
 * certificate it is an error too.
 */
function isVerified(socket: TLSSocket): boolean {
  const handle = (socket as TLSSocket & { _handle: { verifyError(): Error | null | undefined } | null })
    ._handle
  return handle !== null && !handle.verifyError()
}

function describePeer(certificate: X509Certificate): PeerCertificate {
  const { CN: commonName } = certificate.toLegacyObject().subject as { CN?: string | readonly string[] }
  return {
    der: certificate.raw,
    subject: certificate.subject.replaceAll('\n', ', '),
    commonName: typeof commonName === 'string' ? commonName : undefined,
    names: alternativeNames(certificate.subjectAltName),
  }
}
