/**
 * What a certificate chain and its key say, and what is wrong with them as they stand. Without a clock: whether
 * a certificate has expired is another question, which has another answer tomorrow.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { alternativeNames } from '#net/alternative-names.ts'
import type { Complaint } from '#settings/object.ts'

export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  readonly notValidBeforeMs: number
  readonly notValidAfterMs: number
  readonly subjectAlternativeNames: readonly string[]
  /** `ec`, `rsa`, `ed25519`. */
  readonly keyType: string
}

/** Of the first certificate; undefined where there is none that can be read. */
export function certificateFacts(pem: string): CertificateFacts | undefined {
  const leaf = readChain(pem)?.[0]
  if (leaf === undefined) return undefined
  const { dns, ip } = alternativeNames(leaf.subjectAltName)
  return {
    subject: oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    notValidBeforeMs: leaf.validFromDate.getTime(),
    notValidAfterMs: leaf.validToDate.getTime(),
    subjectAlternativeNames: [...dns, ...ip],
    keyType: leaf.publicKey.asymmetricKeyType ?? '',
  }
}

/** What keeps a pair from being used, field by field. */
export function checkPair(certificate: string, key: string): readonly Complaint[] {
  const chain = readChain(certificate)
  if (chain === undefined || chain.length === 0)
    return [{ field: 'certificate', text: noCertificate(certificate, chain) }]
  const read = readKey(key)
  if (typeof read === 'string') return [{ field: 'privateKey', text: read }]
  if (!chain[0]!.checkPrivateKey(read)) {
    const own = chain.findIndex((one) => one.checkPrivateKey(read))
    return own === -1
      ? [{ field: 'privateKey', text: 'is not the key of the certificate' }]
      : [
          {
            field: 'certificate',
            text: `must begin with the certificate of the server, which is number ${own + 1}`,
          },
        ]
  }
  const refusal = refusalOf(certificate, key)
  if (refusal !== undefined) return [{ field: 'certificate', text: `cannot be used: ${refusal}` }]
  return chain.slice(1).flatMap((issuer, i) => {
    if (chain[i]!.checkIssued(issuer)) return []
    const text = `has a chain in the wrong order: number ${i + 2}, ${oneLine(issuer.subject)}, did not issue number ${i + 1}`
    return [{ field: 'certificate', text }]
  })
}

/** What OpenSSL has against it, such as a key that is too short. */
function refusalOf(certificate: string, key: string): string | undefined {
  try {
    createSecureContext({ cert: certificate, key })
    return undefined
  } catch (error) {
    return (error as { reason?: string }).reason ?? (error as Error).message
  }
}

const blocks = /-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]{0,100000}-----END \1-----/g

/** Undefined where a certificate in there cannot be read. */
function readChain(pem: string): readonly X509Certificate[] | undefined {
  try {
    return [...pem.matchAll(blocks)]
      .filter(([, kind]) => kind!.endsWith('CERTIFICATE'))
      .map(([block]) => new X509Certificate(block))
  } catch {
    return undefined
  }
}

function noCertificate(pem: string, chain: readonly X509Certificate[] | undefined): string {
  if (chain === undefined) return 'holds a certificate that cannot be read'
  return /PRIVATE KEY-----/.test(pem) ? 'is a key and no certificate' : 'holds no certificate in PEM'
}

/** The key, or why it is none. */
function readKey(pem: string): KeyObject | string {
  if (!/PRIVATE KEY-----/.test(pem)) return 'holds no private key in PEM'
  try {
    return createPrivateKey(pem)
  } catch {
    return /ENCRYPTED/.test(pem)
      ? 'is encrypted: give the key without a passphrase'
      : 'holds a private key that cannot be read'
  }
}

const oneLine = (name: string): string => name.replaceAll('\n', ', ')
