/** The schemes of HTTP authentication that we know: Basic (RFC 7617), with UTF-8, and Bearer (RFC 6750). */

export interface BasicCredentials {
  readonly user: string
  readonly password: string
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** From an Authorization header; undefined where it has another scheme or is malformed. */
export function basicCredentials(header: string | undefined): BasicCredentials | undefined {
  if (header === undefined || header.slice(0, 6).toLowerCase() !== 'basic ') return undefined
  const encoded = header.slice(6).trim()
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined
  let text: string
  try {
    text = utf8.decode(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
  // RFC 7617 §2: the first colon ends the user-id; neither part has control characters.
  const colon = text.indexOf(':')
  if (colon === -1 || /[\0-\x1f\x7f]/.test(text)) return undefined
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** RFC 6750 §2.1: undefined where the header has another scheme. */
export function bearerToken(header: string | undefined): string | undefined {
  if (header === undefined || header.slice(0, 7).toLowerCase() !== 'bearer ') return undefined
  return header.slice(7).trim()
}
