/** Which page asks: a browser may not use what it remembers for somebody else's. */

/** Browsers say which page asks (RFC 6454 §7); programs say nothing. */
export function isForeign(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return false
  const url = URL.parse(origin)
  return url === null || url.host.toLowerCase() !== host?.toLowerCase()
}
