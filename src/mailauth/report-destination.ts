/**
 * Whether the address that a DMARC record names for reports wants them (RFC 9990 §4, RFC 9991 §5): one of
 * another organization has to say so in the DNS, since otherwise anybody could have us flood it.
 *
 * What must hold: a report goes nowhere but to the host that the record names, or that is the domain's own.
 */
import { type DmarcRecords, findOrganizationalDomain } from './dmarc-tree-walk.ts'
import type { ReportUri } from './report-uri.ts'

export type MailDestination = ReportUri & { readonly scheme: 'mailto' }

export type DestinationCheck =
  /** `addresses` are those to send to, which the destination may have replaced. */
  | { readonly kind: 'allowed'; readonly addresses: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string }
  /** No answer from the DNS; trying later may help. */
  | { readonly kind: 'failed'; readonly reason: string }

/**
 * `policyDomain` is where the record was found, with A-labels; `tag` says which list of it `uri` is from.
 * Throws nothing but the signal's reason of `records`.
 */
export async function checkDestination(
  policyDomain: string,
  tag: 'rua' | 'ruf',
  uri: MailDestination,
  records: DmarcRecords,
): Promise<DestinationCheck> {
  const own: DestinationCheck = { kind: 'allowed', addresses: [uri.address] }
  if (uri.domain === policyDomain) return own
  const ours = await findOrganizationalDomain(policyDomain, records)
  if (ours.kind === 'failed') return ours
  const theirs = await findOrganizationalDomain(uri.domain, records)
  if (theirs.kind === 'failed') return theirs
  if (ours.domain === theirs.domain) return own
  const name = `${policyDomain}._report._dmarc.${uri.domain}`
  const found = await records.at(name)
  if (found.kind === 'failed') return found
  if (found.records.length === 0) {
    return { kind: 'refused', reason: `${name} has no DMARC record, so ${uri.domain} wants no such reports` }
  }
  const replacements = found.records.find((record) => record[tag].length > 0)?.[tag] ?? [uri]
  const addresses = replacements.flatMap((one) =>
    one.scheme === 'mailto' && one.domain === uri.domain ? [one.address] : [],
  )
  // RFC 9990 §4: with a replacement at another host, neither gets anything.
  return addresses.length === replacements.length
    ? { kind: 'allowed', addresses }
    : { kind: 'refused', reason: `${name} names a place that is not at ${uri.domain}` }
}
