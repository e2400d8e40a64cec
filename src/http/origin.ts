/** Which page asks: a browser may not use what it remembers for somebody else's. */

/**
 * Browsers say which page asks (RFC 6454 §7); programs say nothing. A page that came in clear is another's, whatever
 * its host, where the request came by TLS: its scheme is part of what it is (§4), and anybody on the way could make it.
 */
export function isForeign(origin: string | undefined, host: string | undefined, isSecure: boolean): boolean {
  if (origin === undefined) return false
  const url = URL.parse(origin)
  if (url === null || (isSecure && url.protocol !== 'https:')) return true
  return url.host.toLowerCase() !== host?.toLowerCase()
}
