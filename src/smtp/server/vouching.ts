/**
 * How this server vouches for what it sends to others: it signs what its users submit, and seals what it passes
 * on. The bytes go by while they come in; the fields are made once the message is accepted.
 */
import type { Verdict } from '#mailauth/message-verifier.ts'
import type { AddedFields } from '#message/added-fields.ts'
import type { Maybe } from '#base/maybe.ts'
import type { DkimSigningKey } from '#mailauth/dkim-sign.ts'

/** Gives the keys that mail of a domain is signed with, none where it has none. */
export type KeysOf = (domain: string) => Maybe<readonly DkimSigningKey[]>

export interface Vouching {
  /** Takes the whole header, before any of the body; what is needed of it is kept. */
  header(block: Buffer): Promise<void>
  body(piece: Buffer): void
  /** Each ended with CRLF, for the message with what was added to it; empty where nothing is vouched for. */
  fields(found: { readonly added: AddedFields; readonly verdict: Verdict | undefined }): Promise<string>
}
