/**
 * DKIM signatures of what users send to other servers: by the domain in From where that address is theirs, or
 * else by that of the envelope. What must hold: nobody gets a signature of a domain that they may not send
 * as, and the keys are only those that are published.
 */
import type { Access } from '#account/access.ts'
import { signingDomain } from '#account/sending-address.ts'
import { DkimSigner } from '#mailauth/dkim-sign.ts'
import { readAuthors } from '#mailauth/author-domain.ts'
import { type AddedFields, addedText } from '#message/added-fields.ts'
import type { SmtpSession } from './smtp-command.ts'
import type { Vouching } from './vouching.ts'

export class Signing implements Vouching {
  readonly #session: SmtpSession
  readonly #access: Access
  readonly #envelopeFrom: string
  #header: Buffer | undefined
  #signer: DkimSigner | undefined

  constructor(session: SmtpSession, access: Access, envelopeFrom: string) {
    this.#session = session
    this.#access = access
    this.#envelopeFrom = envelopeFrom
  }

  async header(block: Buffer): Promise<void> {
    const kept = Buffer.from(block)
    const domain = await signingDomain(
      this.#access,
      { authors: readAuthors(kept), envelope: this.#envelopeFrom },
      this.#session.deps.resolve,
    )
    const keys = domain === undefined ? [] : await this.#session.deps.keysOf(domain)
    if (keys.length === 0) return
    this.#header = kept
    this.#signer = new DkimSigner({ keys, nowMs: this.#session.deps.clock.now() })
  }

  body(piece: Buffer): void {
    this.#signer?.body(piece)
  }

  async fields({ added }: { added: AddedFields }): Promise<string> {
    if (this.#signer === undefined) return ''
    this.#signer.header(Buffer.concat([Buffer.from(addedText(added)), this.#header!]))
    return (await this.#signer.end()).toString('latin1')
  }
}
