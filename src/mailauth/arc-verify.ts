/**
 * Verification of an Authenticated Received Chain (RFC 8617 §5.2) while a message comes in, as
 * `dkim-verify.ts` does it: the newest keys are looked up as soon as the header is there, the body is hashed as
 * it passes.
 *
 * What must hold: whatever is wrong, a failure of the DNS among it, is a failure for good (§5.2.1). An older set
 * is looked at only after all newer seals are good, so that a message cannot make us ask for the keys of others;
 * at most a hundred keys are looked up, and as many signatures computed.
 */
import { SyntaxFault } from '#base/fault.ts'
import type { MethodResult } from '#message/auth-results.ts'
import { unfold } from '#message/headers.ts'
import { type ArcChain, type ArcProblem, type ArcSet, readChain } from './arc-set.ts'
import { type ArcMessageSignature, type ArcSignature, readMessageSignature } from './arc-signature.ts'
import { BodyHasher, type BodyHash, type Canonicalization } from './canonical.ts'
import { type DkimKey, isSignedBy, type KnownKeys, type UnusableKey } from './dkim-key.ts'
import { findKey } from './dkim-key-lookup.ts'
import { HeaderFields } from './header-fields.ts'
import type { AuthResolver } from './resolver.ts'
import { emptied, signedData } from './signed-data.ts'

export interface ArcVerifierOptions {
  readonly resolver: AuthResolver
  /** Keys that were read before, of all messages. */
  readonly known: KnownKeys
  /** When the message was received. */
  readonly nowMs: number
  /** How far our clock and a sealer's may differ. */
  readonly clockSkewMs: number
  /** Ends look-ups: a key that is not there yet is then one that is missing. */
  readonly signal?: AbortSignal
}

/** What a sealer vouches for, by the domain and the selector of the seal. */
interface ArcClaims {
  readonly instance: number
  readonly domain: string
  readonly selector: string
  /** What they found out about the message: the unfolded value of ARC-Authentication-Results, one character per byte. */
  readonly results: string
}

export type ArcCheck =
  | { readonly result: 'none' }
  | {
      readonly result: 'pass'
      /** The lowest instance from which on all message signatures are good; 0 where all are. */
      readonly oldestPass: number
      /** From instance 1 on. */
      readonly sets: readonly ArcClaims[]
    }
  | ({ readonly result: 'fail' } & ArcProblem)

/** For Authentication-Results (RFC 8617 §6); `remoteIp` is where the message came from. */
export function arcResult(check: ArcCheck, remoteIp: string): MethodResult {
  const oldestPass = check.result === 'pass' ? [String(check.oldestPass)] : []
  return {
    method: 'arc',
    result: check.result,
    ...(check.result === 'fail' && { reason: check.text }),
    properties: [
      ...oldestPass.map((value) => ({ ptype: 'header', property: 'oldest-pass', value })),
      ...(check.result === 'none' ? [] : [{ ptype: 'smtp', property: 'remote-ip', value: remoteIp }]),
    ],
  }
}

/** An error that is to be thrown where it is waited for. */
interface Failure {
  readonly kind: 'failure'
  readonly error: unknown
}

export class ArcVerifier {
  readonly #o: ArcVerifierOptions
  #header = new HeaderFields(new Uint8Array(0))
  #chain: ArcChain = { kind: 'none' }
  readonly #hashers = new Map<Canonicalization, BodyHasher>()
  readonly #hashes = new Map<Canonicalization, BodyHash>()
  /** By name and type. */
  readonly #keys = new Map<string, Promise<DkimKey | UnusableKey | Failure>>()

  constructor(o: ArcVerifierOptions) {
    this.#o = o
  }

  /**
   * Takes the whole header, with or without the empty line behind it, once and before any of the body. The
   * bytes must stay as they are until `end`. `header` may be shared with others who look at it.
   */
  header(block: Uint8Array, header = new HeaderFields(block)): void {
    this.#header = header
    this.#chain = readChain(this.#header)
    if (this.#chain.kind !== 'chain') return
    for (const method of ['simple', 'relaxed'] as const) this.#hashers.set(method, new BodyHasher(method))
    const newest = this.#chain.sets.at(-1)!
    void this.#key(newest.sealed)
    const signature = messageSignatureOf(newest)
    if (!('reason' in signature)) void this.#key(signature)
  }

  /** Takes the next bytes of the body; the chunk is not kept. */
  body(chunk: Uint8Array): void {
    for (const hasher of this.#hashers.values()) hasher.update(chunk)
  }

  /** Rejects with what the resolver throws against its contract, and with nothing else. */
  async end(): Promise<ArcCheck> {
    const chain = this.#chain
    if (chain.kind === 'none') return { result: 'none' }
    if (chain.kind === 'broken') return failed(chain)
    for (const [method, hasher] of this.#hashers) this.#hashes.set(method, hasher.end())
    // RFC 8617 §5.2 steps 4 and 6, then step 5, which decides nothing.
    const newestFirst = chain.sets.toReversed()
    const problem = await this.#messageProblem(newestFirst[0]!)
    if (problem !== undefined) return failed(problem)
    for (const set of newestFirst) {
      const sealProblem = await this.#sealProblem(set, chain.sets)
      if (sealProblem !== undefined) return failed(sealProblem)
    }
    const oldestPass = await this.#oldestPass(newestFirst)
    return { result: 'pass', oldestPass, sets: chain.sets.map((set) => this.#claims(set)) }
  }

  async #oldestPass([newest, ...older]: readonly ArcSet[]): Promise<number> {
    let oldest = newest!.instance
    for (const set of older) {
      if ((await this.#messageProblem(set)) !== undefined) return oldest
      oldest = set.instance
    }
    return 0
  }

  async #messageProblem(set: ArcSet): Promise<ArcProblem | undefined> {
    const signature = messageSignatureOf(set)
    if ('reason' in signature) return signature
    const { header, body, names, bodyHash, signatureTag, expiresAt } = signature
    const bad = (text: string) => messageProblem(set, text)
    if (!this.#hashes.get(body)!.sha256.equals(bodyHash)) return bad('the body has been changed')
    const { nowMs, clockSkewMs } = this.#o
    if (expiresAt !== undefined && nowMs - clockSkewMs > expiresAt * 1000) return bad('it has expired')
    const own = emptied(this.#header, set.message, signatureTag, header)
    const places = this.#header.select(names, set.message)
    const problem = await this.#problem(signature, () => signedData(this.#header, places, header, own))
    return problem === undefined ? undefined : bad(problem)
  }

  async #sealProblem(set: ArcSet, sets: readonly ArcSet[]): Promise<ArcProblem | undefined> {
    const problem = await this.#problem(set.sealed, () => sealedData(this.#header, sets, set))
    return problem === undefined
      ? undefined
      : { reason: 'seal', text: `the seal of set ${set.instance} does not hold: ${problem}` }
  }

  /** What is wrong with a signature of these data. */
  async #problem(signature: ArcSignature, data: () => Buffer): Promise<string | undefined> {
    const key = await this.#key(signature)
    if (key.kind === 'failure') throw key.error
    if (key.kind === 'unusable') return key.text
    return isSignedBy(key, data(), signature.signature) ? undefined : 'it does not match the header'
  }

  /** Each key is looked up once. */
  #key({ keyName, keyType }: ArcSignature): Promise<DkimKey | UnusableKey | Failure> {
    const id = `${keyType} ${keyName}`
    const key = this.#keys.get(id) ?? this.#findKey(keyName, keyType)
    this.#keys.set(id, key)
    return key
  }

  /** Never rejects, since perhaps nobody waits for it. */
  async #findKey(name: string, type: ArcSignature['keyType']): Promise<DkimKey | UnusableKey | Failure> {
    try {
      return await findKey(name, type, this.#o)
    } catch (error) {
      if (this.#o.signal?.aborted !== true) return { kind: 'failure', error }
      return { kind: 'unusable', problem: 'unavailable', text: 'the key could not be looked up in time' }
    }
  }

  #claims({ instance, sealed, results }: ArcSet): ArcClaims {
    const { domain, selector } = sealed
    const { valueStart, end } = this.#header.all[results]!
    return { instance, domain, selector, results: unfold(this.#header.bytes, valueStart, end) }
  }
}

const failed = ({ reason, text }: ArcProblem): ArcCheck => ({ result: 'fail', reason, text })

const messageProblem = ({ instance }: ArcSet, text: string): ArcProblem => ({
  reason: 'messageSignature',
  text: `the message signature of set ${instance} does not hold: ${text}`,
})

function messageSignatureOf(set: ArcSet): ArcMessageSignature | ArcProblem {
  try {
    return readMessageSignature(set.messageTags)
  } catch (error) {
    if (error instanceof SyntaxFault) return messageProblem(set, error.message)
    throw error
  }
}

/** What a seal is made over: all sets up to its own, itself without the value of `b=` (RFC 8617 §5.1.1). */
function sealedData(
  header: HeaderFields,
  sets: readonly ArcSet[],
  { instance, sealed, seal }: ArcSet,
): Buffer {
  const places = sets
    .slice(0, instance)
    .flatMap(({ results, message, seal: place }) => [results, message, place])
    .slice(0, -1)
  return signedData(header, places, 'relaxed', emptied(header, seal, sealed.signatureTag, 'relaxed'))
}
