/**
 * The messages of SCRAM as a client sends them (RFC 5802 §7). Pure; undefined stands for malformed. Whatever is
 * signed is kept as it came.
 */
import { readSafeText } from './mechanism.ts'

/** Names and nonces are short; extensions nobody has. */
const longestMessage = 4096

export interface ClientFirst {
  /** With its last comma, as the client must repeat it. */
  readonly gs2Header: string
  /** `n`: it cannot bind, `y`: it could and thinks that we cannot, or the type it binds by. */
  readonly binding: 'n' | 'y' | { readonly type: string }
  /** Whom to act as. */
  readonly actAs: string | undefined
  readonly name: string
  readonly nonce: string
  /** Without the header, as it is signed. */
  readonly bare: string
}

// An empty identity is against the grammar, and what gsasl sends where it is given none.
const header = /^(?:(n)|(y)|p=([A-Za-z0-9.-]+)),(?:a=([^,]*))?,/
// RFC 5802 §5.1: `m=` stands before the name and must make it fail, which it does here. Extensions are ignored.
const firstBare = /^n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]+)*$/

export function readClientFirst(bytes: Uint8Array): ClientFirst | undefined {
  const text = readSafeText(bytes, longestMessage)
  const start = text === undefined ? null : header.exec(text)
  if (text === undefined || start === null) return undefined
  const [gs2Header, no, yes, type, authorization] = start
  const bare = text.slice(gs2Header.length)
  const rest = firstBare.exec(bare)
  const name = rest === null ? undefined : readName(rest[1]!)
  const hasNone = authorization === undefined || authorization === ''
  const actAs = hasNone ? undefined : readName(authorization)
  if (name === undefined || (!hasNone && actAs === undefined)) return undefined
  const binding = no === 'n' || yes === 'y' ? (no === 'n' ? 'n' : 'y') : { type: type! }
  return { gs2Header, binding, actAs, name, nonce: rest![2]!, bare }
}

/** RFC 5802 §5.1: `=2C` is a comma and `=3D` an equals sign; any other `=` is wrong. */
function readName(text: string): string | undefined {
  if (/=(?!2C|3D)/.test(text)) return undefined
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

export interface ClientFinal {
  /** The header and what the client binds to. */
  readonly channel: Buffer
  readonly nonce: string
  readonly proof: Buffer
  /** All before the proof, as it is signed. */
  readonly withoutProof: string
}

const final =
  /^(c=([A-Za-z0-9+/]+={0,2}),r=([\x21-\x2b\x2d-\x7e]+)(?:,(?!p=)[A-Za-z]=[^,]+)*),p=([A-Za-z0-9+/]+={0,2})$/

export function readClientFinal(bytes: Uint8Array): ClientFinal | undefined {
  const text = readSafeText(bytes, longestMessage)
  const match = text === undefined ? null : final.exec(text)
  if (match === null) return undefined
  const [, withoutProof, channel, nonce, proof] = match
  const [channelBytes, proofBytes] = [canonical(channel!), canonical(proof!)]
  if (channelBytes === undefined || proofBytes === undefined) return undefined
  return { channel: channelBytes, nonce: nonce!, proof: proofBytes, withoutProof: withoutProof! }
}

/** Base64 with its padding and without bits left over. */
function canonical(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
