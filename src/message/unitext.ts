/**
 * Addresses of the type utf-8 (RFC 6533 §3) as ORCPT has them: `\x{F6}` stands for a character beyond ASCII,
 * which may also stand for itself, and for those of ASCII that a parameter may not have. Kept as they were
 * given; made into one of their forms where they go on.
 */

/** utf-8-addr-xtext: ASCII only. */
export const unitextInAscii = (given: string): string =>
  given.replace(
    /[^\x00-\x7f]/gu,
    (character) => `\\x{${character.codePointAt(0)!.toString(16).toUpperCase()}}`,
  )

/** utf-8-address, in clear; as it was given where it is of another form. */
export function addressOfUnitext(given: string): string {
  if (!/^(?:[^\\]|\\x\{[0-9A-F]{2,6}\})*$/iu.test(given)) return given
  let isMeant = true
  const address = given.replace(/\\x\{([0-9A-F]+)\}/gi, (_, digits: string) => {
    const point = Number.parseInt(digits, 16)
    isMeant &&= (point >= 0xa0 && point <= 0x10_ffff && !isSurrogate(point)) || specials.has(point)
    return isMeant ? String.fromCodePoint(point) : ''
  })
  return isMeant ? address : given
}

/** An address as an original recipient, of the type that it needs. */
export const originalOf = (address: string): string =>
  /^[\x00-\x7f]*$/.test(address)
    ? `rfc822;${address}`
    : `utf-8;${address.replace(/[ +=\\]/g, (special) => `\\x{${special.charCodeAt(0).toString(16).toUpperCase()}}`)}`

/** Space, `+`, `=` and `\`. Control characters have no place in an address. */
const specials: ReadonlySet<number> = new Set([0x20, 0x2b, 0x3d, 0x5c])

const isSurrogate = (point: number): boolean => point >= 0xd800 && point <= 0xdfff
