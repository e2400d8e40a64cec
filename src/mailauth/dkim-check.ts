/** What is found out about one DKIM signature, in the words of RFC 8601 §2.7.1. */

/** RFC 8601 §2.7.1. `none` is for a message without a signature. */
type DkimResult = 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror'

/**
 * Every outcome, with its result. A signature that cannot be read or that uses what we do not know is neutral,
 * one that the standard forbids is a permanent error, one that we do not care to accept is policy.
 */
const results = {
  verified: 'pass',
  /** The signature is none over the header by this key. */
  signature: 'fail',
  bodyHash: 'fail',
  syntax: 'neutral',
  version: 'permerror',
  missingTag: 'permerror',
  unknownAlgorithm: 'neutral',
  /** RFC 8301 §3.1: rsa-sha1. */
  historicAlgorithm: 'permerror',
  unknownCanonicalization: 'neutral',
  unknownQueryMethod: 'neutral',
  fromNotSigned: 'permerror',
  identityMismatch: 'permerror',
  expired: 'policy',
  signedInFuture: 'policy',
  /** The tag `l=`, with which anybody may add to the body (RFC 6376 §8.2). */
  partialBody: 'policy',
  /** As many signatures of this message were checked as may be. */
  tooMany: 'policy',
  keyMissing: 'permerror',
  keyUnavailable: 'temperror',
  keySyntax: 'permerror',
  keyRevoked: 'permerror',
  keyType: 'permerror',
  keyHash: 'permerror',
  keyService: 'permerror',
  keyTooShort: 'permerror',
  keyTooLong: 'policy',
} as const satisfies Record<string, DkimResult>

export type DkimReason = keyof typeof results

/** What a signature says of itself; a value that is none is the empty text. */
export interface DkimClaims {
  /** `d=` with A-labels, in lower case. */
  readonly domain: string
  /** `s=`; U-labels stay. */
  readonly selector: string
  /** `i=`, or what stands for it, its domain as `domain`. */
  readonly identity: string
  /** `a=` in lower case. */
  readonly algorithm: string
  /** The first characters of `b=`, by which signatures are told apart (RFC 6008 §4). */
  readonly signatureStart: string
}

export interface DkimCheck extends DkimClaims {
  readonly result: DkimResult
  readonly reason: DkimReason
  /** The reason for people, in ASCII. */
  readonly text: string
  /** The key record says that the domain is only testing (`t=y`). */
  readonly isTesting: boolean
  /** Of the key, once it was found. */
  readonly keyBits: number | undefined
  /** Names of the fields that are signed, in lower case; none before the key was found. */
  readonly names: readonly string[]
}

export const noClaims: DkimClaims = {
  domain: '',
  selector: '',
  identity: '',
  algorithm: '',
  signatureStart: '',
}

export const dkimCheck = (
  claims: DkimClaims,
  reason: DkimReason,
  text: string,
  key?: { readonly isTesting: boolean; readonly bits: number },
  names: readonly string[] = [],
): DkimCheck => ({
  domain: claims.domain,
  selector: claims.selector,
  identity: claims.identity,
  algorithm: claims.algorithm,
  signatureStart: claims.signatureStart,
  result: results[reason],
  reason,
  text,
  isTesting: key?.isTesting ?? false,
  keyBits: key?.bits,
  names,
})
