/**
 * What a listener allows in TLS: versions, cipher suites, whose order counts, and whether clients may show a
 * certificate. Never less than TLS 1.2 (RFC 8996, RFC 9325 §3.1.1), and for TLS 1.2 only suites with forward
 * secrecy and AEAD (RFC 9325 §4.2): an administrator can take away from that and not add to it.
 */
import { createHash } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { Fault } from '#base/fault.ts'

export const tlsVersions = ['tls12', 'tls13'] as const
export type TlsVersion = (typeof tlsVersions)[number]

/** By the words of the settings, in our order of preference, with OpenSSL's names. */
const openSslNames = {
  'tls13-aes-128-gcm-sha256': 'TLS_AES_128_GCM_SHA256',
  'tls13-aes-256-gcm-sha384': 'TLS_AES_256_GCM_SHA384',
  'tls13-chacha20-poly1305-sha256': 'TLS_CHACHA20_POLY1305_SHA256',
  'tls-ecdhe-ecdsa-with-aes-128-gcm-sha256': 'ECDHE-ECDSA-AES128-GCM-SHA256',
  'tls-ecdhe-rsa-with-aes-128-gcm-sha256': 'ECDHE-RSA-AES128-GCM-SHA256',
  'tls-ecdhe-ecdsa-with-aes-256-gcm-sha384': 'ECDHE-ECDSA-AES256-GCM-SHA384',
  'tls-ecdhe-rsa-with-aes-256-gcm-sha384': 'ECDHE-RSA-AES256-GCM-SHA384',
  'tls-ecdhe-ecdsa-with-chacha20-poly1305-sha256': 'ECDHE-ECDSA-CHACHA20-POLY1305',
  'tls-ecdhe-rsa-with-chacha20-poly1305-sha256': 'ECDHE-RSA-CHACHA20-POLY1305',
} as const

export type CipherSuite = keyof typeof openSslNames
export const cipherSuites = Object.keys(openSslNames) as CipherSuite[]

const versionOf = (suite: CipherSuite): TlsVersion => (suite.startsWith('tls13-') ? 'tls13' : 'tls12')

export interface TlsPolicy {
  readonly disabledVersions?: readonly TlsVersion[]
  readonly disabledSuites?: readonly CipherSuite[]
  /** The client's order of cipher suites counts, not ours. */
  readonly useClientOrder?: boolean
  /**
   * PEM certificates of those who may issue client certificates. Where given, clients are asked for one; they
   * may go without.
   */
  readonly clientAuthorities?: string
}

function suitesOf({ disabledVersions = [], disabledSuites = [] }: TlsPolicy): readonly CipherSuite[] {
  return cipherSuites.filter(
    (suite) => !disabledSuites.includes(suite) && !disabledVersions.includes(versionOf(suite)),
  )
}

export const leavesNothing = (policy: TlsPolicy): boolean => suitesOf(policy).length === 0

/** The part of a secure context that is the same for every certificate. Throws Fault where nothing is left. */
export function contextOptions(policy: TlsPolicy): SecureContextOptions {
  const { useClientOrder = false, clientAuthorities } = policy
  const suites = suitesOf(policy)
  const versions = new Set(suites.map(versionOf))
  if (versions.size === 0)
    throw new Fault('invalid', 'leaves no version of TLS with a cipher suite', {
      properties: ['tlsDisableProtocols', 'tlsDisableCipherSuites'],
    })
  return {
    ciphers: suites.map((suite) => openSslNames[suite]).join(':'),
    minVersion: versions.has('tls12') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.has('tls13') ? 'TLSv1.3' : 'TLSv1.2',
    honorCipherOrder: !useClientOrder,
    ...(clientAuthorities === undefined
      ? {}
      : { ca: clientAuthorities, sessionIdContext: sessionContext(clientAuthorities) }),
  }
}

/** A resumed session keeps the client's verified certificate, so it is good for the same authorities only. */
const sessionContext = (authorities: string): string =>
  createHash('sha256').update(authorities).digest('hex').slice(0, 32)
