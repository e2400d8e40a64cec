/**
 * What proxies write about the client of a request: Forwarded (RFC 7239), or X-Forwarded-For and -Proto, which
 * most of them write instead. Each proxy adds at the right, and what stands left of a trusted proxy's entry
 * anybody may have written, so both are read from the right.
 *
 * Where both are there, X-Forwarded-For counts: a proxy that writes it mostly hands on a Forwarded of the
 * client as it is. One that writes Forwarded has to remove the other.
 */
import { type IpNetwork, networkContains, parseIp } from '#base/ip.ts'

type ForwardedHeaders = Readonly<
  Partial<Record<'forwarded' | 'x-forwarded-for' | 'x-forwarded-proto', string | string[] | undefined>>
>

export interface ForwardedClient {
  readonly ip: Uint8Array
  /** Of the way into the nearest proxy: `https`; undefined where it does not tell. */
  readonly protocol: string | undefined
}

/** One proxy's entry: the address of whoever asked it, undefined where that is hidden or no address. */
interface Hop {
  readonly ip: Uint8Array | undefined
  readonly protocol: string | undefined
}

/** Entries beyond so many are not looked at: no chain of proxies is that long. */
const maxHops = 50

export const isForwarded = (headers: ForwardedHeaders): boolean =>
  headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined

/** From the right, the first address that is not a trusted proxy's. `peer` is one. */
export function forwardedClient(
  headers: ForwardedHeaders,
  peer: Uint8Array,
  trusted: readonly IpNetwork[],
): ForwardedClient {
  const hops = hopsOf(headers)
  let ip = peer
  for (const hop of hops) {
    if (hop.ip === undefined) break
    ip = hop.ip
    if (!trusted.some((network) => networkContains(network, hop.ip!))) break
  }
  return { ip, protocol: hops[0]?.protocol }
}

/** From the right. */
function hopsOf(headers: ForwardedHeaders): readonly Hop[] {
  const forwardedFor = joined(headers['x-forwarded-for'])
  if (forwardedFor === undefined)
    return readForwarded(joined(headers.forwarded) ?? '')
      .toReversed()
      .slice(0, maxHops)
  const protocol = joined(headers['x-forwarded-proto'])?.split(',').at(-1)?.trim().toLowerCase()
  return forwardedFor
    .split(',')
    .toReversed()
    .slice(0, maxHops)
    .map((part) => ({ ip: parseNode(part.trim()), protocol }))
}

// RFC 7239 §4: elements of parameters, whose values are tokens or quoted strings. Quotes hold commas. Each run of
// white space has one place to be in: clients can write what a proxy hands on, and two would try all ways to share it.
const parameter =
  /[\t ]*(?:([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w:[\]-]+)|"((?:[^"\\]|\\.)*)")[\t ]*)?(;|,|$)/y

/** From the left. What is malformed hides all that stands left of it, being no longer certain. */
function readForwarded(header: string): readonly Hop[] {
  let hops: Hop[] = []
  let hop: Record<string, string> = {}
  parameter.lastIndex = 0
  for (let at = 0; at <= header.length; at = parameter.lastIndex) {
    parameter.lastIndex = at
    const match = parameter.exec(header)
    if (match === null) {
      // The next element may be right again.
      const comma = header.indexOf(',', at)
      if (comma === -1) return [...hops, { ip: undefined, protocol: undefined }]
      hops = [{ ip: undefined, protocol: undefined }]
      hop = {}
      parameter.lastIndex = comma + 1
      continue
    }
    const [, name, token, quoted, end] = match
    if (name !== undefined) hop[name.toLowerCase()] = token ?? quoted!.replace(/\\(.)/g, '$1')
    if (end === ';') continue
    hops.push({ ip: parseNode(hop['for'] ?? ''), protocol: hop['proto']?.toLowerCase() })
    if (end === '') break
    hop = {}
  }
  return hops
}

/** RFC 7239 §6: an address, in brackets where it is IPv6, maybe with a port; `unknown` and `_names` hide one. */
function parseNode(text: string): Uint8Array | undefined {
  const bracketed = /^\[([^\]]{1,64})\](?::\d{1,5})?$/.exec(text)
  if (bracketed !== null) return parseIp(bracketed[1]!)
  return parseIp(text) ?? parseIp(/^([\d.]{7,15}):\d{1,5}$/.exec(text)?.[1] ?? '')
}

const joined = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(',') : header
