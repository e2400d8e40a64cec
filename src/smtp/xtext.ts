/** xtext (RFC 3461 §4): values of parameters in printable ASCII, other octets as `+` and two hex digits. */

/** The octets as text of UTF-8; undefined where it is no xtext. */
export function decodeXtext(given: string): string | undefined {
  // RFC 6533 §3: with SMTPUTF8 other characters may stand as they are.
  if (!/^(?:[!-*,-<>-~\u0080-\u{10ffff}]|\+[0-9A-F]{2})*$/u.test(given)) return undefined
  const bytes = Buffer.from(
    Buffer.from(given, 'utf8')
      .toString('latin1')
      .replaceAll(/\+([0-9A-F]{2})/g, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 16)),
      ),
    'latin1',
  )
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

export const encodeXtext = (text: string): string =>
  [...Buffer.from(text, 'utf8')]
    .map((byte) =>
      byte >= 0x21 && byte <= 0x7e && byte !== 0x2b && byte !== 0x3d
        ? String.fromCharCode(byte)
        : `+${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
