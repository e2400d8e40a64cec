/**
 * The seal of ARC (RFC 8617 §5.1) on what a list passes on to members elsewhere, by the domain of the list: so
 * that they can believe what was found out here. What was not checked here is not sealed.
 */
import { splitAddress } from '#base/domain-name.ts'
import { ArcSealer, type ArcSealingKey } from '#mailauth/arc-seal.ts'
import type { Origin, Verdict } from '#mailauth/message-verifier.ts'
import { verdictResults } from '#mailauth/verdict-results.ts'
import type { SmtpDeps } from './smtp-command.ts'
import type { Vouching } from './vouching.ts'

export class Sealing implements Vouching {
  readonly #deps: Pick<SmtpDeps, 'keysOf' | 'clock' | 'hostname'>
  readonly #listAddress: string
  readonly #origin: Origin
  #sealer: ArcSealer | undefined

  constructor(deps: Pick<SmtpDeps, 'keysOf' | 'clock' | 'hostname'>, listAddress: string, origin: Origin) {
    this.#deps = deps
    this.#listAddress = listAddress
    this.#origin = origin
  }

  async header(block: Buffer): Promise<void> {
    const domain = splitAddress(this.#listAddress)?.domain
    const keys = domain === undefined ? [] : await this.#deps.keysOf(domain)
    const key = bestKey(keys)
    if (key === undefined) return
    this.#sealer = new ArcSealer({ key, nowMs: this.#deps.clock.now() })
    this.#sealer.header(Buffer.from(block))
  }

  body(piece: Buffer): void {
    this.#sealer?.body(piece)
  }

  async fields({ verdict }: { verdict: Verdict | undefined }): Promise<string> {
    if (this.#sealer === undefined || verdict?.arc === undefined) return ''
    const results = verdictResults(verdict, this.#origin)
    const fields = await this.#sealer.end(verdict.arc.result, { authservId: this.#deps.hostname(), results })
    return fields.toString('latin1')
  }
}

/** One seal is all there may be, and RSA is what every verifier knows (RFC 8617 §4.1.3). */
const bestKey = <K extends ArcSealingKey>(keys: readonly K[]): K | undefined =>
  keys.find(({ algorithm }) => algorithm === 'rsa-sha256') ?? keys[0]
