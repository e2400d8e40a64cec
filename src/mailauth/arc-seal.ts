/**
 * Sealing a message (RFC 8617 §5.1) as it leaves: a set of ARC with what we found out about the message when it
 * came, its signature, and a seal over the chain so far. What is sealed must be the message as it is sent, after
 * everything else was changed or signed.
 *
 * What must hold: a seal says that the chain is good only where it was checked and its sets still form one. Of a
 * chain that has failed, it covers nothing but its own set (§5.1.2), and after such a seal comes none (§5.1 step 2).
 */
import { latin1 } from '#base/bytes.ts'
import { type AuthResults, composeArcAuthResults } from '#message/auth-results.ts'
import { type ArcChain, type ArcPlaces, mostSets, readChain } from './arc-set.ts'
import type { ArcCheck } from './arc-verify.ts'
import { BodyHasher } from './canonical.ts'
import { type DkimSigningKey, mostOfOneName, namesToSign, signData } from './dkim-sign.ts'
import { FoldedField } from './folded-field.ts'
import { HeaderFields } from './header-fields.ts'
import { signedData, unsignedField } from './signed-data.ts'

export type ArcSealingKey = Pick<DkimSigningKey, 'domain' | 'selector' | 'algorithm' | 'privateKey'>

export interface ArcSealerOptions {
  readonly key: ArcSealingKey
  readonly nowMs: number
}

/** What the new set will be. */
interface Plan {
  readonly instance: number
  readonly status: 'none' | 'pass' | 'fail'
  /** Sets that the seal covers besides its own, from instance 1 on. */
  readonly sealed: readonly ArcPlaces[]
}

const lineEnd = latin1('\r\n')

export class ArcSealer {
  readonly #o: ArcSealerOptions
  #header = new HeaderFields(new Uint8Array(0))
  readonly #hasher = new BodyHasher('relaxed')

  constructor(o: ArcSealerOptions) {
    this.#o = o
  }

  /**
   * Takes the whole header, with or without the empty line behind it, once and before any of the body. The
   * bytes must stay as they are until `end`.
   */
  header(block: Uint8Array): void {
    this.#header = new HeaderFields(block)
  }

  /** Takes the next bytes of the body; the chunk is not kept. */
  body(chunk: Uint8Array): void {
    this.#hasher.update(chunk)
  }

  /**
   * The fields to put in front of the message, each ended with CRLF; empty where it is not to be sealed.
   * `checked` and `results` are what the chain and all methods came to when the message arrived.
   */
  async end(checked: ArcCheck['result'], results: AuthResults): Promise<Buffer> {
    const plan = planOf(readChain(this.#header), checked)
    if (plan === undefined) return Buffer.alloc(0)
    const found = composeArcAuthResults(plan.instance, results)
    const signed = await this.#signMessage(plan)
    const seal = await this.#seal(plan, found, signed)
    return latin1(`${seal}${signed}${found}`)
  }

  /** ARC-Message-Signature, over the message without any field of ARC (RFC 8617 §4.1.2). */
  async #signMessage(plan: Plan): Promise<string> {
    const header = this.#header
    const signatures = Math.min(header.named('dkim-signature').length, mostOfOneName)
    const names = [...namesToSign(header, []), ...Array<string>(signatures).fill('DKIM-Signature')]
    const field = this.#begin('ARC-Message-Signature', plan)
      .tag('c', ['relaxed/relaxed'])
      .tag(
        'h',
        names.map((name, i) => (i < names.length - 1 ? `${name}:` : name)),
      )
      .tag('bh', [this.#hasher.end().sha256.toString('base64')])
      .open('b')
    const places = header.select(names.map((name) => name.toLowerCase()))
    return this.#fill(field, signedData(header, places, 'relaxed', unsignedField(field.text, 'relaxed')))
  }

  /** ARC-Seal (RFC 8617 §4.1.3, §5.1.1). */
  async #seal(plan: Plan, found: string, signed: string): Promise<string> {
    const field = this.#begin('ARC-Seal', plan).tag('cv', [plan.status]).open('b')
    const places = plan.sealed.flatMap(({ results, message, seal }) => [results, message, seal])
    const own = [found, signed].flatMap((one) => [unsignedField(one.trimEnd(), 'relaxed'), lineEnd])
    own.push(unsignedField(field.text, 'relaxed'))
    return this.#fill(field, signedData(this.#header, places, 'relaxed', Buffer.concat(own)))
  }

  #begin(name: string, { instance }: Plan): FoldedField {
    const { key, nowMs } = this.#o
    return new FoldedField(name)
      .tag('i', [String(instance)])
      .tag('a', [key.algorithm])
      .tag('d', [key.domain])
      .tag('s', [key.selector])
      .tag('t', [String(Math.floor(nowMs / 1000))])
  }

  async #fill(field: FoldedField, data: Buffer): Promise<string> {
    const signature = await signData(this.#o.key, data)
    return `${field.fill(signature.toString('base64')).text}\r\n`
  }
}

/** Undefined where the message is not to be sealed. */
function planOf(chain: ArcChain, checked: ArcCheck['result']): Plan | undefined {
  if (chain.kind === 'none') return { instance: 1, status: 'none', sealed: [] }
  if (chain.kind === 'broken' && chain.reason === 'markedFailed') return undefined
  const highest = chain.kind === 'chain' ? chain.sets.length : chain.highest
  if (highest >= mostSets) return undefined
  return chain.kind === 'chain' && checked === 'pass'
    ? { instance: highest + 1, status: 'pass', sealed: chain.sets }
    : { instance: highest + 1, status: 'fail', sealed: [] }
}
