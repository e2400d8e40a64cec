/**
 * The subject alternative names of a certificate (RFC 5280 §4.2.1.6), from the text that node gives of them.
 *
 * Whoever made the certificate chose the names, so one may hold the separators of that text; node then quotes
 * it as JSON. It must never be split into names that the certificate does not have.
 */

export interface AlternativeNames {
  /** Lower case, as A-labels; `*.example.org` is a wildcard. */
  readonly dns: readonly string[]
  readonly ip: readonly string[]
  readonly email: readonly string[]
  readonly uri: readonly string[]
}

const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y

/** Names that cannot be read, or are of another kind, are left out. */
export function alternativeNames(text: string | undefined): AlternativeNames {
  const names = { dns: [] as string[], ip: [] as string[], email: [] as string[], uri: [] as string[] }
  entry.lastIndex = 0
  for (let match = text && entry.exec(text); match; match = entry.exec(text!)) {
    // What needed quotes is no name of a host or a person.
    if (match[2]!.startsWith('"')) continue
    const value = match[2]!
    if (match[1] === 'DNS') names.dns.push(value.toLowerCase())
    else if (match[1] === 'IP Address') names.ip.push(value)
    else if (match[1] === 'email') names.email.push(value)
    else if (match[1] === 'URI') names.uri.push(value)
  }
  return names
}
