/**
 * The header of the PROXY protocol, versions 1 and 2, by which a proxy in front of us tells whose connection it
 * hands on. It comes before the first byte of anything else, TLS too.
 *
 * Standard: "The PROXY protocol, versions 1 & 2" of HAProxy. Whoever may send one is configured; guessing is
 * forbidden by it, since then every client could claim to be another. Checksums and other additions (TLVs) are
 * skipped, their bounds checked.
 */
import { SyntaxFault } from '#base/fault.ts'
import { formatIp, normaliseIp } from '#base/ip.ts'
import type { Endpoint } from './connection.ts'

export interface ProxyHeader {
  /** How many bytes it took. */
  readonly length: number
  /** Undefined where the proxy speaks for itself (health checks), or for a client without such an address. */
  readonly ends: { readonly source: Endpoint; readonly destination: Endpoint } | undefined
}

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const textStart = Buffer.from('PROXY ')

/** §2.1: the longest line of version 1, with its CRLF. */
const maxLine = 107
/** Addresses take up to 216 bytes; the rest are additions, of which certificates are the largest. */
const maxBinary = 4096

/**
 * The header at the start of these bytes; undefined where they are its beginning. Throws SyntaxFault where no
 * header begins so.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsAlike(bytes, signature)) return bytes.length < 16 ? checkStart(bytes) : readBinary(bytes)
  if (startsAlike(bytes, textStart)) return readText(bytes)
  throw new SyntaxFault('no PROXY header', 0)
}

/** Whether one begins with all of the other that is there. */
function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const common = Math.min(bytes.length, start.length)
  return bytes.subarray(0, common).equals(start.subarray(0, common))
}

// ---- version 1: PROXY TCP4 192.0.2.1 192.0.2.2 40000 25 CRLF

function readText(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, maxLine).indexOf('\r\n')
  if (end === -1) {
    if (bytes.length >= maxLine) throw new SyntaxFault('PROXY line without end', maxLine)
    return undefined
  }
  const length = end + 2
  const [, family, ...rest] = bytes.toString('latin1', 0, end).split(' ')
  // §2.1: whatever stands behind UNKNOWN is ignored.
  if (family === 'UNKNOWN') return { length, ends: undefined }
  const [from = '', to = '', fromPort = '', toPort = ''] = rest
  if ((family !== 'TCP4' && family !== 'TCP6') || rest.length !== 4)
    throw new SyntaxFault('PROXY line with another form', textStart.length)
  const endpoint = (address: string, port: string): Endpoint => {
    const ip = (family === 'TCP6') === address.includes(':') ? normaliseIp(address) : undefined
    if (
      ip === undefined ||
      address.includes('%') ||
      !/^(?:0|[1-9]\d{0,4})$/.test(port) ||
      Number(port) > 65_535
    )
      throw new SyntaxFault('PROXY line with a wrong address', textStart.length)
    return { ip, port: Number(port) }
  }
  return { length, ends: { source: endpoint(from, fromPort), destination: endpoint(to, toPort) } }
}

// ---- version 2

/** The four bytes behind the signature, as far as they are there. */
function checkStart(bytes: Buffer): undefined {
  const versionAndCommand = bytes[12]
  if (versionAndCommand !== undefined && versionAndCommand !== 0x20 && versionAndCommand !== 0x21)
    throw new SyntaxFault('PROXY header of another version', 12)
  return undefined
}

function readBinary(bytes: Buffer): ProxyHeader | undefined {
  checkStart(bytes)
  const length = 16 + bytes.readUInt16BE(14)
  if (length > maxBinary) throw new SyntaxFault('PROXY header too long', 14)
  if (bytes.length < length) return undefined
  const family = bytes[13]!
  const addressBytes = { 0x1: 4, 0x2: 16 }[family >> 4]
  const body = bytes.subarray(16, length)
  // §2.2: LOCAL speaks of the proxy itself, and what is not TCP over IP has nothing to tell us.
  const isKnown = bytes[12] === 0x21 && (family & 0xf) === 0x1 && addressBytes !== undefined
  if (!isKnown) return { length, ends: undefined }
  const portsAt = 2 * addressBytes
  if (body.length < portsAt + 4) throw new SyntaxFault('PROXY header with cut addresses', 16)
  checkAdditions(body.subarray(portsAt + 4), 16 + portsAt + 4)
  const endpoint = (at: number, portAt: number): Endpoint => ({
    ip: normaliseIp(formatIp(body.subarray(at, at + addressBytes)))!,
    port: body.readUInt16BE(portAt),
  })
  return { length, ends: { source: endpoint(0, portsAt), destination: endpoint(addressBytes, portsAt + 2) } }
}

/** §2.2.7: type, two bytes of length, value. */
function checkAdditions(bytes: Buffer, offset: number): void {
  for (let at = 0; at < bytes.length;) {
    const end = at + 3 <= bytes.length ? at + 3 + bytes.readUInt16BE(at + 1) : Infinity
    if (end > bytes.length) throw new SyntaxFault('PROXY header with a cut addition', offset + at)
    at = end
  }
}
