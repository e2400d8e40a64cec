/**
 * A mark certificate, verified or common, as evidence that an indicator belongs to a domain
 * (draft-fetch-validation-vmc-wchuang §5): the chain from the certificate to a root that is trusted for this
 * purpose, its times, its purpose, its names, and the indicator inside. What must hold: nothing inside a
 * certificate is believed before its chain is; a critical extension that is not understood is a refusal.
 *
 * Revocation lists and the signatures of Certificate Transparency are not looked at: RFC 5280 §6.3 (not done:
 * lists come over plain HTTP, fetching here is HTTPS only).
 */
import { X509Certificate } from 'node:crypto'
import { Integer } from 'asn1js'
import { asBuffer } from '#base/bytes.ts'
import { readIndicator } from './bimi-svg.ts'
import { type Extension, members, readDer, readExtensions } from './certificate-extensions.ts'
import { hasRightHashes, logotypeExtension, readLogotype } from './bimi-logotype.ts'

/** Of an evidence document: a few certificates, one of them with an indicator in it. */
export const largestEvidenceBytes = 256 * 1024
const mostCertificates = 8

const markPurpose = '1.3.6.1.5.5.7.3.31'
const basicConstraints = '2.5.29.19'
/** Key usage, alternative names, constraints, policies, purposes: Node looks at them, or they bind issuers only. */
const understood: ReadonlySet<string> = new Set([
  '2.5.29.15',
  '2.5.29.17',
  basicConstraints,
  '2.5.29.32',
  '2.5.29.37',
  logotypeExtension,
])
/** Of the working group itself, such as the type of the mark; they say more and restrict nothing. */
const ownExtensions = '1.3.6.1.4.1.53087.'

interface EvidenceQuestion {
  /** The document, as it was fetched: certificates in PEM, the mark's first, each followed by its issuer. */
  readonly evidence: Uint8Array
  readonly trustedRoots: readonly X509Certificate[]
  /** The record's domain, and its organizational domain where that is another. */
  readonly domains: readonly string[]
  readonly selector: string
  readonly now: Date
}

/** `problem` is a few words of ASCII. */
export type Evidence = { readonly svg: Buffer } | { readonly problem: string }

interface Link {
  readonly certificate: X509Certificate
  readonly extensions: ReadonlyMap<string, Extension>
}

/** The certificates of a PEM document (RFC 7468 §5); undefined where one cannot be read or there are too many. */
function readCertificates(pem: Uint8Array): readonly Link[] | undefined {
  const [begin, end] = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----']
  const bytes = asBuffer(pem)
  const found: Link[] = []
  for (let at = bytes.indexOf(begin); at >= 0; at = bytes.indexOf(begin, at + 1)) {
    const stop = bytes.indexOf(end, at)
    const link = stop < 0 ? undefined : readLink(bytes.subarray(at, stop + end.length))
    if (link === undefined || found.length === mostCertificates) return undefined
    found.push(link)
  }
  return found
}

function readLink(pem: Buffer): Link | undefined {
  try {
    const certificate = new X509Certificate(pem)
    const extensions = readExtensions(certificate.raw)
    return extensions === undefined ? undefined : { certificate, extensions }
  } catch {
    return undefined
  }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    // A key of a kind that cannot verify this signature.
    return false
  }
}

/** How many certificates of authorities may follow below (RFC 5280 §4.2.1.9). */
function pathLength({ extensions }: Link): number {
  const value = extensions.get(basicConstraints)?.value
  const length = members(value === undefined ? undefined : readDer(value)).at(-1)
  return length instanceof Integer ? length.valueBlock.valueDec : Infinity
}

const isInTime = ({ certificate }: Link, now: Date): boolean =>
  certificate.validFromDate <= now && now <= certificate.validToDate

const isUnderstood = ({ extensions }: Link): boolean =>
  [...extensions].every(
    ([id, { isCritical }]) => !isCritical || understood.has(id) || id.startsWith(ownExtensions),
  )

/** From the first certificate to its root, which is one of those that are trusted (RFC 5280 §6.1). */
function chainOf(listed: readonly Link[], roots: readonly Link[]): readonly Link[] | undefined {
  const chain: Link[] = []
  for (const [i, link] of listed.entries()) {
    chain.push(link)
    const root = roots.find((one) => isIssuedBy(link.certificate, one.certificate))
    if (root !== undefined) return [...chain, root]
    const next = listed[i + 1]
    if (next === undefined || !isIssuedBy(link.certificate, next.certificate)) return undefined
  }
  return undefined
}

function chainProblem(chain: readonly Link[], now: Date): string | undefined {
  if (!chain.every((link) => isInTime(link, now))) return 'certificate not in its time'
  if (!chain.every(isUnderstood)) return 'unknown critical extension'
  // The first is the mark's; between it and an authority stand the other authorities.
  if (chain.some((link, i) => i > 0 && pathLength(link) < i - 1)) return 'certificate chain too long'
  const hasPurpose = chain.slice(0, 2).every(({ certificate }) => certificate.keyUsage?.includes(markPurpose))
  if (chain[0]!.certificate.ca || !hasPurpose) return 'not a mark certificate'
  return undefined
}

/** A name is there as it is, or with selector and `_bimi` in front (§5.2); wildcards match nothing. */
function isFor({ certificate }: Link, domains: readonly string[], selector: string): boolean {
  return domains
    .flatMap((domain) => [domain, `${selector}._bimi.${domain}`])
    .some((name) => certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined)
}

/** Checks a document and takes the indicator out of it, uncompressed and checked as well. Never throws. */
export function readEvidence(question: EvidenceQuestion): Evidence {
  const { evidence, trustedRoots, domains, selector, now } = question
  if (evidence.length > largestEvidenceBytes) return { problem: 'evidence too large' }
  const listed = readCertificates(evidence)
  if (listed === undefined || listed.length === 0) return { problem: 'evidence is no certificate' }
  const roots = trustedRoots.flatMap((certificate) => {
    const extensions = readExtensions(certificate.raw)
    return extensions === undefined ? [] : [{ certificate, extensions }]
  })
  const chain = chainOf(listed, roots)
  if (chain === undefined) return { problem: 'certificate not issued by a trusted authority' }
  const problem = chainProblem(chain, now)
  if (problem !== undefined) return { problem }
  if (!isFor(chain[0]!, domains, selector)) return { problem: 'certificate is for another domain' }
  return indicatorOf(chain[0]!)
}

function indicatorOf({ extensions }: Link): Evidence {
  const extension = extensions.get(logotypeExtension)
  const logotype = extension === undefined ? undefined : readLogotype(extension.value)
  if (logotype === undefined) return { problem: 'no indicator in the certificate' }
  const indicator = readIndicator(logotype.data)
  return 'svg' in indicator && !hasRightHashes(logotype, indicator.svg)
    ? { problem: 'wrong hash in the certificate' }
    : indicator
}
