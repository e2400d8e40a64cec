/**
 * The places that a domain asks reports to be sent to: a list of URIs with commas between, in `rua` and `ruf`
 * of DMARC (RFC 9989 §4.6, §4.8).
 *
 * What must hold: what comes out can be sent to as it is. A list is read in linear time, and of a longer one
 * only the first are kept, so that nobody has us send the same report to everybody.
 */
import { splitAddress } from '#base/domain-name.ts'

export type ReportUri =
  /** `address` is decoded, its domain normalised. */
  | { readonly scheme: 'mailto'; readonly uri: string; readonly address: string; readonly domain: string }
  | { readonly scheme: 'https'; readonly uri: string }

/** Of one list, as many as are kept. */
const mostUris = 10
/** A URI longer than this is no place that anybody reads. */
const longestUri = 1000

/** The URIs that reports can be sent to; those that are malformed or of another scheme are left out. */
export function parseReportUris(text: string): readonly ReportUri[] {
  const uris: ReportUri[] = []
  for (const item of text.split(',')) {
    if (uris.length === mostUris) break
    const uri = item.length > longestUri + 100 ? undefined : parseReportUri(item.trim())
    if (uri !== undefined && !uris.some((known) => known.uri === uri.uri)) uris.push(uri)
  }
  return uris
}

function parseReportUri(item: string): ReportUri | undefined {
  // RFC 9989 §4.8: a limit of size, such as `!10m`, is obsolete; it is taken off and not heeded.
  const uri = item.replace(/!\d+[kmgt]?$/i, '')
  // RFC 3986 §2: nothing else stands in a URI; `!` and the comma must be encoded here.
  if (uri.length > longestUri || !/^[A-Za-z0-9\-._~:/?#[\]@$&'()*+;=%]+$/.test(uri)) return undefined
  if (/^https:/i.test(uri)) return parseHttps(uri)
  return /^mailto:/i.test(uri) ? parseMailto(uri) : undefined
}

function parseHttps(uri: string): ReportUri | undefined {
  const url = URL.parse(uri)
  return url === null || url.username !== '' || url.password !== '' ? undefined : { scheme: 'https', uri }
}

/** RFC 6068 §2: a single address; header fields behind a question mark are not taken over. */
function parseMailto(uri: string): ReportUri | undefined {
  const encoded = uri.slice('mailto:'.length).split('?', 1)[0]!
  const split = splitAddress(decodePercent(encoded) ?? '')
  if (split === undefined || split.domain.startsWith('[')) return undefined
  const { localPart, domain } = split
  return { scheme: 'mailto', uri, address: `${localPart}@${domain}`, domain }
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
