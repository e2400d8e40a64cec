/**
 * Verification of DKIM signatures (RFC 6376 §6.1) while a message comes in: keys are looked up as soon as the
 * header is there, the body is hashed as it passes, and what is left at the end is to compare.
 *
 * What must hold: of any message a bounded number of signatures is looked up and computed, and no step costs
 * more than linear time in the message. Whatever the message or the DNS says, each signature gets its check;
 * nothing is thrown for it.
 */
import { BodyHasher, type BodyHash } from './canonical.ts'
import { type DkimCheck, dkimCheck, type DkimReason, noClaims } from './dkim-check.ts'
import { type DkimKey, isSignedBy, type KeyProblem, type KnownKeys, type UnusableKey } from './dkim-key.ts'
import { findKey } from './dkim-key-lookup.ts'
import { type DkimSignature, readDkimSignature } from './dkim-signature.ts'
import { HeaderFields } from './header-fields.ts'
import type { AuthResolver } from './resolver.ts'
import { emptied, signedData, tagText } from './signed-data.ts'

export interface DkimVerifierOptions {
  readonly resolver: AuthResolver
  /** Keys that were read before, of all messages. */
  readonly known: KnownKeys
  /** When the message was received. */
  readonly nowMs: number
  /** How far our clock and a signer's may differ. */
  readonly clockSkewMs: number
  /** As many signatures are checked, from the top of the header. */
  readonly maxSignatures: number
  /** Signatures of a part of the body (`l=`) are not accepted (RFC 6376 §8.2). */
  readonly strict: boolean
  /** Ends look-ups: a signature whose key is not there yet is then one whose key is unavailable. */
  readonly signal?: AbortSignal
}

/** A signature that is still to be decided. */
interface Pending {
  readonly place: number
  readonly signature: DkimSignature
  readonly key: Promise<DkimKey | UnusableKey | Failure>
}

/** An error that is to be thrown where it is waited for. */
interface Failure {
  readonly kind: 'failure'
  readonly error: unknown
}

const keyReasons: Readonly<Record<KeyProblem, DkimReason>> = {
  missing: 'keyMissing',
  unavailable: 'keyUnavailable',
  syntax: 'keySyntax',
  revoked: 'keyRevoked',
  type: 'keyType',
  hash: 'keyHash',
  service: 'keyService',
  tooShort: 'keyTooShort',
  tooLong: 'keyTooLong',
}

const beyondLimit = dkimCheck(noClaims, 'tooMany', 'the message has too many signatures')

export class DkimVerifier {
  readonly #o: DkimVerifierOptions
  #header: HeaderFields | undefined
  /** In the order of the header. */
  #signatures: readonly (DkimCheck | Pending)[] = []
  /** By what is hashed. */
  readonly #hashers = new Map<string, BodyHasher>()

  constructor(o: DkimVerifierOptions) {
    this.#o = o
  }

  /**
   * Takes the whole header, with or without the empty line behind it, once and before any of the body. The
   * bytes must stay as they are until `end`. `header` may be shared with others who look at it.
   */
  header(block: Uint8Array, header = new HeaderFields(block)): void {
    this.#header = header
    this.#signatures = header
      .named('dkim-signature')
      .map((place, i) => (i < this.#o.maxSignatures ? this.#begin(header, place) : beyondLimit))
  }

  /** Takes the next bytes of the body; the chunk is not kept. */
  body(chunk: Uint8Array): void {
    for (const hasher of this.#hashers.values()) hasher.update(chunk)
  }

  /**
   * A check for each DKIM-Signature field, from the top; none where the message has none. Rejects with what
   * the resolver throws against its contract, and with nothing else.
   */
  async end(): Promise<readonly DkimCheck[]> {
    const hashes = new Map<string, BodyHash>()
    for (const [name, hasher] of this.#hashers) hashes.set(name, hasher.end())
    const checks: DkimCheck[] = []
    for (const one of this.#signatures) {
      if ('result' in one) checks.push(one)
      else {
        const key = await one.key
        if (key.kind === 'failure') throw key.error
        checks.push(this.#decide(one, key, hashes.get(hasherName(one.signature))!))
      }
    }
    return checks
  }

  #begin(header: HeaderFields, place: number): DkimCheck | Pending {
    const signature = readDkimSignature(tagText(header, place))
    if (signature.kind === 'refused') return dkimCheck(signature.claims, signature.reason, signature.text)
    const refusal = this.#policy(signature)
    if (refusal !== undefined) return dkimCheck(signature.claims, ...refusal)
    const name = hasherName(signature)
    if (!this.#hashers.has(name)) {
      this.#hashers.set(name, new BodyHasher(signature.body, signature.bodyLength))
    }
    return { place, signature, key: this.#findKey(signature) }
  }

  /** What needs no key to be decided. */
  #policy({ bodyLength, signedAt, expiresAt }: DkimSignature): readonly [DkimReason, string] | undefined {
    const { nowMs, clockSkewMs, strict } = this.#o
    if (strict && bodyLength !== undefined) {
      return ['partialBody', 'the signature allows additions to the body (l=)']
    }
    if (expiresAt !== undefined && nowMs - clockSkewMs > expiresAt * 1000) {
      return ['expired', 'the signature has expired']
    }
    if (signedAt !== undefined && nowMs + clockSkewMs < signedAt * 1000) {
      return ['signedInFuture', 'the signature is from the future']
    }
    return undefined
  }

  /** Never rejects, since nobody waits for it before `end`, and perhaps nobody ever does. */
  async #findKey({ keyName, keyType }: DkimSignature): Promise<DkimKey | UnusableKey | Failure> {
    try {
      return await findKey(keyName, keyType, this.#o)
    } catch (error) {
      if (this.#o.signal?.aborted !== true) return { kind: 'failure', error }
      return { kind: 'unusable', problem: 'unavailable', text: 'the key could not be looked up in time' }
    }
  }

  #decide({ place, signature }: Pending, key: DkimKey | UnusableKey, body: BodyHash): DkimCheck {
    const { claims, names, bodyLength = 0 } = signature
    if (key.kind === 'unusable') return dkimCheck(claims, keyReasons[key.problem], key.text)
    const check = (reason: DkimReason, text: string) => dkimCheck(claims, reason, text, key, names)
    // RFC 6376 §3.6.1: the flag s.
    if (key.isExact && !signature.isIdentityExact) {
      return check('identityMismatch', 'the key does not allow an identity below the signing domain')
    }
    // RFC 6376 §3.5: l= must not be larger than the body.
    if (bodyLength > body.length) return check('bodyHash', 'the body is shorter than the signature says')
    if (!body.sha256.equals(signature.bodyHash)) return check('bodyHash', 'the body has been changed')
    const header = this.#header!
    const own = emptied(header, place, signature.signatureTag, signature.header)
    const data = signedData(header, header.select(names, place), signature.header, own)
    return isSignedBy(key, data, signature.signature)
      ? check('verified', 'the signature is good')
      : check('signature', 'the signature does not match the header')
  }
}

const hasherName = ({ body, bodyLength }: DkimSignature): string => `${body} ${bodyLength ?? ''}`
