/**
 * Digests with a name in braces, as LDAP has them (RFC 2307 §5.3): `{SSHA}`, `{SHA256}`, `{MD5}` and so on, in
 * base64 or hex; with a salt behind the digest where the name begins with S twice (`{SMD5}` for MD5).
 *
 * They are fast to guess: whoever signs in with one gets a better hash.
 */
import { hash } from 'node:crypto'
import { damaged, type HashForm, isSame, readBase64 } from './hash-form.ts'

interface Digest {
  readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512'
  readonly bytes: number
  readonly isSalted: boolean
}

const digests: ReadonlyMap<string, Digest> = new Map([
  ['MD5', { algorithm: 'md5', bytes: 16, isSalted: false }],
  ['SMD5', { algorithm: 'md5', bytes: 16, isSalted: true }],
  ['SHA', { algorithm: 'sha1', bytes: 20, isSalted: false }],
  ['SHA1', { algorithm: 'sha1', bytes: 20, isSalted: false }],
  ['SSHA', { algorithm: 'sha1', bytes: 20, isSalted: true }],
  ['SHA256', { algorithm: 'sha256', bytes: 32, isSalted: false }],
  ['SSHA256', { algorithm: 'sha256', bytes: 32, isSalted: true }],
  ['SHA512', { algorithm: 'sha512', bytes: 64, isSalted: false }],
  ['SSHA512', { algorithm: 'sha512', bytes: 64, isSalted: true }],
])

export const digest: HashForm = {
  shown: '"{SSHA512}", "{SHA512}", "{SSHA256}", "{SHA256}", "{SSHA}", "{SHA}", "{SMD5}", "{MD5}"',
  read(text) {
    const match = /^\{([A-Za-z0-9-]{1,20})\}(.*)$/s.exec(text)
    const kind = match === null ? undefined : digests.get(match[1]!.toUpperCase().replace('-', ''))
    if (kind === undefined) return undefined
    const bytes = readDigest(match![2]!, kind)
    if (bytes === undefined) damaged(`{${match![1]}}`)
    const [wanted, salt] = [bytes.subarray(0, kind.bytes), bytes.subarray(kind.bytes)]
    return (password) => isSame(hash(kind.algorithm, Buffer.concat([password, salt]), 'buffer'), wanted)
  },
}

function readDigest(text: string, { bytes, isSalted }: Digest): Buffer | undefined {
  // No base64 of a digest looks like its hex: the lengths differ.
  const isHex =
    /^(?:[0-9a-f]{2})+$/i.test(text) && (isSalted ? text.length > 2 * bytes + 40 : text.length === 2 * bytes)
  const read = isHex ? Buffer.from(text, 'hex') : readBase64(text)
  if (read === undefined) return undefined
  return (isSalted ? read.length > bytes && read.length <= bytes + 64 : read.length === bytes)
    ? read
    : undefined
}
