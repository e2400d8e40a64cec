/**
 * Signing with DKIM (RFC 6376 §5) while a message passes: one field for each key, so that a domain with an RSA
 * and an Ed25519 key signs with both (RFC 8463 §6). What is signed must be the message as it is sent.
 *
 * What must hold: From is signed always (RFC 6376 §5.4). A field that can be there once and that readers are
 * shown is named once more than it is there, so that nobody can add another one (RFC 6376 §8.15).
 */
import { createHash, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { latin1 } from '#base/bytes.ts'
import { BodyHasher, type Canonicalization } from './canonical.ts'
import { FoldedField } from './folded-field.ts'
import { HeaderFields } from './header-fields.ts'
import { signedData, unsignedField } from './signed-data.ts'

export interface DkimSigningKey {
  /** What `d=` says: with A-labels. */
  readonly domain: string
  /** In ASCII. */
  readonly selector: string
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256'
  readonly privateKey: KeyObject
  /** Of the header, then of the body. */
  readonly canonicalization: `${Canonicalization}/${Canonicalization}`
  /** Names of the fields to sign; none: those of RFC 6376 §5.4.1 and what is shown or acted upon besides. */
  readonly headers: readonly string[]
  /** How long the signature holds; undefined: for good. */
  readonly expireSeconds: number | undefined
}

export interface DkimSignerOptions {
  readonly keys: readonly DkimSigningKey[]
  readonly nowMs: number
  /** For whom it is signed (`i=`): an address, perhaps without its local part, of each key's domain or below it. */
  readonly identity?: string
}

/** Signed and protected against additions; by default also where they are absent. */
const oversigned = [
  'From',
  'Reply-To',
  'To',
  'Cc',
  'Subject',
  'Date',
  'Message-ID',
  'MIME-Version',
  'Content-Type',
  'Content-Transfer-Encoding',
]

/** Signed where they are there; mailing lists add some of them, and need not break the signature for that. */
const signedIfThere = [
  'Sender',
  'In-Reply-To',
  'References',
  'Content-Disposition',
  'Content-ID',
  'Content-Description',
  'Resent-Date',
  'Resent-From',
  'Resent-Sender',
  'Resent-To',
  'Resent-Cc',
  'Resent-Message-ID',
  'List-Id',
  'List-Help',
  'List-Unsubscribe',
  'List-Unsubscribe-Post',
  'List-Subscribe',
  'List-Post',
  'List-Owner',
  'List-Archive',
  'Feedback-ID',
  'Autocrypt',
]

/** As many fields of one name are signed, from the bottom; more than anybody sends. */
export const mostOfOneName = 20

const isOversigned = new Set(oversigned.map((name) => name.toLowerCase()))

const signInPool = promisify(sign)

export class DkimSigner {
  readonly #o: DkimSignerOptions
  #header: HeaderFields | undefined
  /** One for each body canonicalization that a key wants. */
  readonly #hashers: ReadonlyMap<Canonicalization, BodyHasher>

  constructor(o: DkimSignerOptions) {
    this.#o = o
    this.#hashers = new Map(o.keys.map((key) => [methods(key)[1], new BodyHasher(methods(key)[1])]))
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
    for (const hasher of this.#hashers.values()) hasher.update(chunk)
  }

  /** The fields to put in front of the message, in the order of the keys, each ended with CRLF. */
  async end(): Promise<Buffer> {
    const hashes = new Map(
      [...this.#hashers].map(([method, hasher]) => [method, hasher.end().sha256.toString('base64')]),
    )
    const fields = this.#o.keys.map((key) => this.#sign(key, hashes.get(methods(key)[1])!))
    return Buffer.concat(await Promise.all(fields))
  }

  async #sign(key: DkimSigningKey, bodyHash: string): Promise<Buffer> {
    const header = this.#header!
    const names = namesToSign(header, key.headers)
    const field = this.#unsigned(key, names, bodyHash)
    const [method] = methods(key)
    const places = header.select(names.map((name) => name.toLowerCase()))
    const own = unsignedField(field.text, method)
    const signature = await signData(key, signedData(header, places, method, own))
    return latin1(`${field.fill(signature.toString('base64')).text}\r\n`)
  }

  /** The field up to its `b=`, the value of which is missing. */
  #unsigned(key: DkimSigningKey, names: readonly string[], bodyHash: string): FoldedField {
    const { nowMs, identity } = this.#o
    const seconds = Math.floor(nowMs / 1000)
    const field = new FoldedField('DKIM-Signature')
      .tag('v', ['1'])
      .tag('a', [key.algorithm])
      .tag('c', [key.canonicalization])
      .tag('d', [key.domain])
      .tag('s', [key.selector])
    if (identity !== undefined) field.tag('i', [quoted(identity)])
    field.tag('t', [String(seconds)])
    if (key.expireSeconds !== undefined) field.tag('x', [String(seconds + key.expireSeconds)])
    const lastName = names.length - 1
    return field
      .tag(
        'h',
        names.map((name, i) => (i < lastName ? `${name}:` : name)),
      )
      .tag('bh', [bodyHash])
      .open('b')
  }
}

const methods = ({ canonicalization }: DkimSigningKey) =>
  canonicalization.split('/') as [Canonicalization, Canonicalization]

/** Each name as often as it is to stand in `h=`; where none is chosen, those that are signed by default. */
export function namesToSign(header: HeaderFields, chosen: readonly string[]): readonly string[] {
  const wanted = chosen.length === 0 ? [...oversigned, ...signedIfThere] : ['From', ...chosen]
  const names: string[] = []
  const seen = new Set<string>()
  for (const name of wanted) {
    const lowerCase = name.toLowerCase()
    if (seen.has(lowerCase)) continue
    seen.add(lowerCase)
    const count = header.named(lowerCase).length
    const times = Math.min(count, mostOfOneName) + (isOversigned.has(lowerCase) ? 1 : 0)
    for (let i = 0; i < times; i++) names.push(name)
  }
  return names
}

/** RFC 6376 §2.11. */
const quoted = (identity: string): string =>
  Buffer.from(identity, 'utf8')
    .toString('latin1')
    .replace(/[^!-:<>-~]/g, (c) => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

/** RFC 6376 §3.3.2, RFC 8463 §3. RSA takes long enough to leave the event loop for it. */
export function signData(
  { algorithm, privateKey }: Pick<DkimSigningKey, 'algorithm' | 'privateKey'>,
  data: Buffer,
): Promise<Buffer> | Buffer {
  if (algorithm === 'rsa-sha256') return signInPool('sha256', data, privateKey)
  return sign(null, createHash('sha256').update(data).digest(), privateKey)
}
