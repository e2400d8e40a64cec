/**
 * The oldest forms of crypt(3): 13 characters with a salt of two, which know eight characters of a password, and
 * BSDi's `_` with four characters of rounds, four of salt and a password of any length.
 *
 * Kept since old password files have them. Seven bits of each character count.
 */
import { type DesBlock, desEncrypt, desKey } from './des.ts'
import { bounded, cryptAlphabet, damaged, type HashForm, isSameText } from './hash-form.ts'

/** A second. The form has room for sixteen times as many. */
const mostRounds = 1 << 20

export const bsdiCrypt: HashForm = {
  shown: 'BSDi crypt "_"',
  read(text) {
    if (!text.startsWith('_')) return undefined
    const [, rounds, salt, digest] =
      /^_([./A-Za-z0-9]{4})([./A-Za-z0-9]{4})([./A-Za-z0-9]{11})$/.exec(text) ?? damaged('BSDi crypt')
    const times = bounded('rounds of BSDi crypt', String(fromGroups(rounds!)), 1, mostRounds)
    const saltBits = fromGroups(salt!)
    return (password) => isSameText(encode(desEncrypt(foldedKey(password), zero, saltBits, times)), digest!)
  },
}

/** Nothing marks this form but its length, so it is read only where `{CRYPT}` stands before it. */
export const desCrypt: HashForm = {
  shown: 'DES crypt "{CRYPT}"',
  read(text) {
    const match = /^([./A-Za-z0-9]{2})([./A-Za-z0-9]{11})$/.exec(text)
    if (match === null) return undefined
    const [, salt, digest] = match
    const saltBits = fromGroups(salt!)
    return (password) =>
      isSameText(encode(desEncrypt(desKey(keyBytes(password)), zero, saltBits, 25)), digest!)
  },
}

const zero: DesBlock = { high: 0, low: 0 }

/** Six bits a character, lowest first. */
const fromGroups = (text: string): number =>
  text.split('').reduce((value, character, i) => value + cryptAlphabet.indexOf(character) * 64 ** i, 0)

/** Eight characters, each moved up by the bit that DES ignores. */
function keyBytes(characters: Uint8Array): Buffer {
  const key = Buffer.alloc(8)
  for (let i = 0; i < 8; i++) key[i] = (characters[i] ?? 0) << 1
  return key
}

/** The first eight characters; for each further eight the key is encrypted by itself and they are added to it. */
function foldedKey(password: Buffer): ReturnType<typeof desKey> {
  let key = keyBytes(password)
  for (let at = 8; at < password.length; at += 8) {
    const block = { high: key.readUInt32BE(0), low: key.readUInt32BE(4) }
    const encrypted = desEncrypt(desKey(key), block, 0, 1)
    const next = keyBytes(password.subarray(at))
    next.writeUInt32BE((next.readUInt32BE(0) ^ encrypted.high) >>> 0, 0)
    next.writeUInt32BE((next.readUInt32BE(4) ^ encrypted.low) >>> 0, 4)
    key = next
  }
  return desKey(key)
}

/** 64 bits and two of zero as 11 characters, highest first. */
function encode({ high, low }: DesBlock): string {
  const bits = high.toString(2).padStart(32, '0') + low.toString(2).padStart(32, '0') + '00'
  let text = ''
  for (let i = 0; i < 66; i += 6) text += cryptAlphabet[Number.parseInt(bits.slice(i, i + 6), 2)]
  return text
}
