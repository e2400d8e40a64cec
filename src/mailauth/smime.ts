/**
 * Whether the signature of an S/MIME message holds (RFC 8551, RFC 8550): the bytes are those that were signed, the
 * certificate is for mail and leads to an anchor that is trusted, and it names who the message says it is from.
 *
 * What must always hold: nothing is verified of which any signer fails; what is too large or too much is not looked
 * at; what is wrong is said in words for a user, in which nothing of the message stands.
 *
 * Revocation lists are not fetched: RFC 8550 §4.2 (not done: a message could make the server ask anybody).
 */
import { X509Certificate } from 'node:crypto'
import type * as pkijs from 'pkijs'
import type { Certificate, SignedData, SignerInfo } from 'pkijs'
import { hasRightShape } from './smime-shape.ts'

/** Of the CMS object; a detached one has certificates only. */
const largestSignatureBytes = 256 * 1024
const mostSigners = 8
const mostCertificates = 20

const emailProtection = '1.3.6.1.5.5.7.3.4'
const anyPurpose = '2.5.29.37.0'
const signedData = '1.2.840.113549.1.7.2'
/** RFC 8551 §2.1, §2.2 and appendix B: SHA-1 and MD5 prove nothing any more. */
const brokenDigests: ReadonlySet<string> = new Set(['1.3.14.3.2.26', '1.2.840.113549.2.5'])

export interface SmimeQuestion {
  /** A CMS object in DER. */
  readonly cms: Uint8Array
  /** What was signed; undefined where it is inside the CMS object. */
  readonly content: Uint8Array | undefined
  /** In DER. */
  readonly anchors: readonly Uint8Array[]
  readonly at: Date
  /** The addresses in From. */
  readonly from: readonly string[]
}

/** What is wrong, in words; nothing where the signature holds. */
export async function smimeErrors(o: SmimeQuestion): Promise<readonly string[]> {
  if (!hasRightShape(o.cms, largestSignatureBytes)) return ['The signature cannot be read.']
  // A library of its own for the few who get such mail.
  const pki = await import('pkijs')
  const signed = readSignedData(pki, o.cms)
  if (signed === undefined) return ['The signature cannot be read.']
  const { signerInfos } = signed
  const certificates = certificatesOf(pki, signed)
  if (signerInfos.length === 0) return ['There is no signature.']
  if (signerInfos.length > mostSigners || certificates.length > mostCertificates)
    return ['There are too many signatures.']
  const errors = new Set<string>()
  for (const [i, signer] of signerInfos.entries())
    for (const error of await signerErrors(pki, { ...o, signed, certificates }, signer, i)) errors.add(error)
  return [...errors]
}

type Pki = typeof pkijs

function readSignedData({ ContentInfo, SignedData: Signed }: Pki, cms: Uint8Array): SignedData | undefined {
  try {
    const info = ContentInfo.fromBER(exactBuffer(cms))
    return info.contentType === signedData ? new Signed({ schema: info.content }) : undefined
  } catch {
    return undefined
  }
}

const certificatesOf = ({ Certificate: X509 }: Pki, { certificates }: SignedData): readonly Certificate[] =>
  (certificates ?? []).filter((one) => one instanceof X509)

interface Case extends SmimeQuestion {
  readonly signed: SignedData
  readonly certificates: readonly Certificate[]
}

async function signerErrors(
  pki: Pki,
  o: Case,
  signer: SignerInfo,
  index: number,
): Promise<readonly string[]> {
  if (brokenDigests.has(signer.digestAlgorithm.algorithmId))
    return ['The signature uses a digest that can be forged.']
  let certificate: Certificate | null | undefined
  try {
    const found = await o.signed.verify({
      signer: index,
      ...(o.content === undefined ? {} : { data: exactBuffer(o.content) }),
      checkChain: false,
      extendedMode: true,
    })
    if (found.signatureVerified !== true) return ['The message was changed after it was signed.']
    certificate = found.signerCertificate
  } catch {
    return ['The message was changed after it was signed, or its certificate is missing.']
  }
  if (certificate === null || certificate === undefined) return ['The certificate of the signer is missing.']
  const errors = [...certificateErrors(certificate, o)]
  if (!(await hasTrustedChain(pki, certificate, o)))
    errors.push('The certificate does not lead to an authority that is trusted here.')
  return errors
}

function* certificateErrors(certificate: Certificate, { at, from }: Case): Generator<string> {
  if (certificate.notBefore.value > at) yield 'The certificate was not valid yet.'
  if (certificate.notAfter.value < at) yield 'The certificate has expired.'
  const read = new X509Certificate(Buffer.from(certificate.toSchema(true).toBER()))
  const purposes = read.keyUsage as readonly string[] | undefined
  if (purposes !== undefined && !purposes.includes(emailProtection) && !purposes.includes(anyPurpose))
    yield 'The certificate is not for mail.'
  // RFC 8550 §3: an address in the certificate must be one in From.
  if (!from.some((address) => read.checkEmail(address) !== undefined))
    yield 'The certificate is not that of the address that the message is from.'
}

/** RFC 5280 §6. */
async function hasTrustedChain(
  { Certificate: X509, CertificateChainValidationEngine: Engine }: Pki,
  certificate: Certificate,
  { certificates, anchors, at }: Case,
): Promise<boolean> {
  try {
    const trustedCerts = anchors.map((der) => X509.fromBER(exactBuffer(der)))
    // The engine takes the last one for that of the signer.
    const certs = [...certificates.filter((one) => one !== certificate), certificate]
    return (await new Engine({ trustedCerts, certs, checkDate: at }).verify()).result
  } catch {
    return false
  }
}

/** The library reads whole buffers. */
const exactBuffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
