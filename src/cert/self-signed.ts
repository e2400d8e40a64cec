/**
 * A certificate of our own making, so that TLS works from the first start until a real one is there:
 * ECDSA P-256, with the given names and addresses, valid for ten years, since nobody renews it and no client
 * trusts it anyway. RFC 5280 in plain DER: the X.509 library wants a global polyfill at start-up for this.
 * Kept in one PEM file that its owner only can read.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { domainToASCII } from 'node:url'
import { Fault } from '#base/fault.ts'
import type { CertificatePair } from '#net/certificate-set.ts'

const dayMs = 86_400_000
const validDays = 3650

/** The names (host names in any script, or IP addresses; the first is the subject) at the time `nowMs`. */
export function createSelfSigned(names: readonly string[], nowMs: number): CertificatePair {
  const first = names[0]
  if (first === undefined) throw new Fault('invalid', 'A certificate needs a name', {})
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const toBeSigned = tbsCertificate({
    subject: isIP(first) === 0 ? asciiName(first) : first,
    names: names.map(generalName),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    // A day back, for clients whose clock is behind.
    notBefore: new Date(nowMs - dayMs),
    notAfter: new Date(nowMs + validDays * dayMs),
  })
  const signature = sign('sha256', toBeSigned, privateKey)
  const certificate = der(tag.sequence, toBeSigned, ecdsaWithSha256, bitString(signature))
  return {
    certificate: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

/** RFC 5280 §4.1, in DER. */
function tbsCertificate(c: {
  subject: string
  names: readonly Buffer[]
  publicKey: Buffer
  notBefore: Date
  notAfter: Date
}): Buffer {
  // RFC 5280 §4.1.2.2: positive, at most 20 octets.
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x7f) | 0x40
  // RFC 5280 §A.1: a common name has at most 64 characters.
  const commonName = der(tag.utf8String, Buffer.from(c.subject.slice(0, 64)))
  const name = der(tag.sequence, der(tag.set, der(tag.sequence, oid.commonName, commonName)))
  const isTrue = der(tag.boolean, Buffer.from([0xff]))
  const keyId = createHash('sha1').update(c.publicKey).digest()
  const extensions = [
    // Empty: not a CA.
    der(tag.sequence, oid.basicConstraints, isTrue, der(tag.octetString, der(tag.sequence))),
    // One bit, digitalSignature; seven are unused.
    der(tag.sequence, oid.keyUsage, isTrue, der(tag.octetString, Buffer.from([tag.bitString, 2, 7, 0x80]))),
    der(tag.sequence, oid.extKeyUsage, der(tag.octetString, der(tag.sequence, oid.serverAuth))),
    der(tag.sequence, oid.subjectKeyIdentifier, der(tag.octetString, der(tag.octetString, keyId))),
    der(tag.sequence, oid.subjectAltName, der(tag.octetString, der(tag.sequence, ...c.names))),
  ]
  return der(
    tag.sequence,
    // Version 3.
    der(tag.context0, der(tag.integer, Buffer.from([2]))),
    der(tag.integer, serial),
    ecdsaWithSha256,
    name,
    der(tag.sequence, time(c.notBefore), time(c.notAfter)),
    name,
    c.publicKey,
    der(tag.context3, der(tag.sequence, ...extensions)),
  )
}

/**
 * The pair kept in the directory, or a new one where there is none yet, it has expired at `nowMs`, or it does
 * not cover all names.
 */
export async function loadOrCreateSelfSigned(
  dir: string,
  names: readonly string[],
  nowMs: number,
): Promise<CertificatePair> {
  const kept = await load(dir)
  if (kept !== undefined && fits(kept.certificate, names, nowMs)) return kept
  const pair = createSelfSigned(names, nowMs)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  // One file with both, so that no crash leaves a certificate beside another one's key.
  await writeAtomically(join(dir, fileName), pair.key + pair.certificate)
  return pair
}

const fileName = 'self-signed.pem'

async function load(dir: string): Promise<CertificatePair | undefined> {
  const text = await readFile(join(dir, fileName), 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const certificate = text.indexOf('-----BEGIN CERTIFICATE-----')
  return certificate > 0
    ? { key: text.slice(0, certificate), certificate: text.slice(certificate) }
    : undefined
}

function fits(certificate: string, names: readonly string[], nowMs: number): boolean {
  try {
    const leaf = new X509Certificate(certificate)
    return (
      leaf.validToDate.getTime() > nowMs &&
      names.every((name) =>
        isIP(name) === 0 ? leaf.checkHost(asciiName(name)) !== undefined : leaf.checkIP(name) !== undefined,
      )
    )
  } catch {
    return false
  }
}

async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text, 'latin1')
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

function asciiName(name: string): string {
  const ascii = domainToASCII(name)
  if (ascii === '') throw new Fault('invalid', `Not a host name: ${name}`, {})
  return ascii
}

/** RFC 5280 §4.2.1.6: dNSName or iPAddress. */
function generalName(name: string): Buffer {
  return isIP(name) === 0
    ? der(tag.dnsName, Buffer.from(asciiName(name), 'latin1'))
    : der(tag.ipAddress, ipBytes(name))
}

function ipBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number))
  // The URL parser writes any form of the address with its groups in hex.
  const [head = '', tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const before = groups(head)
  const after = groups(tail ?? '')
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  const bytes = Buffer.alloc(16)
  for (const [i, group] of [...before, ...zeros, ...after].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2)
  }
  return bytes
}

// ---- the little of DER (X.690) that a certificate takes

const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  ipAddress: 0x87,
  context0: 0xa0,
  context3: 0xa3,
} as const

function der(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  let head = [type, length]
  if (length > 0xff) head = [type, 0x82, length >> 8, length & 0xff]
  else if (length > 0x7f) head = [type, 0x81, length]
  return Buffer.concat([Buffer.from(head), ...parts])
}

const bitString = (bytes: Buffer): Buffer => der(tag.bitString, Buffer.from([0]), bytes)

const objectId = (hex: string): Buffer => der(tag.objectId, Buffer.from(hex, 'hex'))

const oid = {
  commonName: objectId('550403'),
  subjectKeyIdentifier: objectId('551d0e'),
  keyUsage: objectId('551d0f'),
  subjectAltName: objectId('551d11'),
  basicConstraints: objectId('551d13'),
  extKeyUsage: objectId('551d25'),
  serverAuth: objectId('2b06010505070301'),
  ecdsaWithSha256: objectId('2a8648ce3d040302'),
}

const ecdsaWithSha256 = der(tag.sequence, oid.ecdsaWithSha256)

/** RFC 5280 §4.1.2.5: two digits for the year through 2049. */
function time(at: Date): Buffer {
  const digits = `${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
  return at.getUTCFullYear() < 2050
    ? der(tag.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : der(tag.generalizedTime, Buffer.from(digits, 'latin1'))
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
