/**
 * Time-based one-time passwords (RFC 6238) as authenticator programs have them: HMAC-SHA-1, six digits, a new
 * one every 30 seconds. Pure: the time is given.
 *
 * What must always hold: a step counts once (RFC 6238 §5.2), which the caller keeps by `after`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

const stepMs = 30_000
const digits = 6
/** RFC 6238 §5.2: one step for the way and one for clocks that differ. */
const window = 1

/** RFC 4226 §4 R6 recommends 160 bits. */
export const totpSecretBytes = 20

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4648 §6, without padding, as programs take it. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += base32Alphabet[(held >>> (bits - 5)) & 31]
    held &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + base32Alphabet[(held << (5 - bits)) & 31]
}

/** RFC 4226 §5.3: the last four bits choose which four bytes are the number. */
export function hotp(secret: Uint8Array, counter: number): string {
  const moving = Buffer.alloc(8)
  moving.writeBigUInt64BE(BigInt(counter))
  const mac = createHmac('sha1', secret).update(moving).digest()
  const number = mac.readUInt32BE(mac.at(-1)! & 15) & 0x7fff_ffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

export const totpStep = (nowMs: number): number => Math.floor(nowMs / stepMs)

/** The step whose code this is, among those that count now and come after `after`; undefined where there is none. */
export function matchingStep(
  secret: Uint8Array,
  code: string,
  nowMs: number,
  after: number,
): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined
  const now = totpStep(nowMs)
  for (let step = Math.max(now - window, after + 1); step <= now + window; step++)
    if (timingSafeEqual(Buffer.from(hotp(secret, step)), Buffer.from(code))) return step
  return undefined
}

/** What authenticator programs read from a QR code. */
export function otpauthUrl(o: { issuer: string; account: string; secret: Uint8Array }): string {
  const issuer = encodeURIComponent(o.issuer)
  const label = `${issuer}:${encodeURIComponent(o.account)}`
  return `otpauth://totp/${label}?secret=${base32(o.secret)}&issuer=${issuer}&algorithm=SHA1&digits=${digits}&period=30`
}

const leastSecretBytes = 16

/** The secret in such a URL; undefined where it is none, or of codes that are not counted here. */
export function readOtpauthUrl(text: string): Buffer | undefined {
  const url = text.length > 1000 ? null : URL.parse(text)
  const secret = url?.searchParams.get('secret')?.toUpperCase().replaceAll(/[ =-]/g, '')
  if (url?.protocol !== 'otpauth:' || url.host !== 'totp' || secret === undefined) return undefined
  const says = (name: string, only: string): boolean =>
    (url.searchParams.get(name) ?? only).toUpperCase() === only
  if (!says('algorithm', 'SHA1') || !says('digits', String(digits)) || !says('period', '30')) return undefined
  const bytes = readBase32(secret)
  return bytes === undefined || bytes.length < leastSecretBytes || bytes.length > 64 ? undefined : bytes
}

function readBase32(letters: string): Buffer | undefined {
  const bytes: number[] = []
  let bits = 0
  let held = 0
  for (const letter of letters) {
    const value = base32Alphabet.indexOf(letter)
    if (value < 0) return undefined
    held = (held << 5) | value
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((held >>> bits) & 255)
    held &= (1 << bits) - 1
  }
  return Buffer.from(bytes)
}
