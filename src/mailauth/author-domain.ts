/**
 * The domains in the From field of a message: what DMARC protects (RFC 9989 §5.3.1). There should be one. A
 * message may have several addresses or even several From fields, and any of them may be what its reader
 * sees, so that all are given.
 */
import { latin1 } from '#base/bytes.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { parseAddresses } from '#message/address.ts'
import { FieldScanner } from '#message/headers.ts'

/** Of one From field, as much as is read. */
const longestField = 65_536

/**
 * Each once, with A-labels, in the order of the header. An empty text stands for addresses whose domain is
 * none, such as one with an IP address in brackets; groups without members give nothing.
 */
export function readAuthorDomains(header: Uint8Array): readonly string[] {
  const domains = new Set<string>()
  for (const { host } of authors(header)) domains.add(normaliseDomain(host) ?? '')
  return [...domains]
}

/** All addresses, as they are written. */
export const readAuthors = (header: Uint8Array): readonly string[] =>
  [...authors(header)].map(({ mailbox, host }) => `${mailbox}@${host}`)

function* authors(header: Uint8Array): Generator<{ mailbox: string; host: string }> {
  const scanner = new FieldScanner(header)
  while (scanner.next()) {
    if (!scanner.is('from')) continue
    for (const { mailbox, host } of parseAddresses(scanner.value(longestField))) {
      // A group's beginning and end have no host.
      if (mailbox === undefined || host === undefined) continue
      yield { mailbox: latin1(mailbox).toString('utf8'), host: latin1(host).toString('utf8') }
    }
  }
}
