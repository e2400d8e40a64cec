/**
 * How mail programs find out how to connect, in the format of Thunderbird that most of them read
 * (draft-ietf-mailmaint-autoconfig): by an address, or by the name `autoconfig.<domain>` alone. It tells nothing
 * of the address but what anybody can read in the DNS: whether its domain is here.
 */
import { domainToUnicode } from 'node:url'
import { splitAddress } from '#base/domain-name.ts'
import { hostOf } from './request.ts'
import type { PlainRoute } from './route.ts'
import type { ServerFacts, ServiceName } from './server-facts.ts'
import { isLoopbackIp, parseIp } from '#base/ip.ts'

export interface AutoconfigOptions {
  readonly facts: () => ServerFacts
  /** Whether mail of the domain comes here. */
  readonly hasDomain: (domain: string) => Promise<boolean>
}

const paths = [
  '/mail/config-v1.1.xml',
  '/.well-known/autoconfig/mail/config-v1.1.xml',
  '/.well-known/mail-v1.xml',
] as const

const label = 'autoconfig.'

export const autoconfigPages = (o: AutoconfigOptions): readonly PlainRoute[] =>
  paths.map((path) => ({
    path,
    summary: 'How a mail program connects, for an address (emailaddress) or the domain of the host',
    type: 'application/xml',
    open: true,
    handle: async (c) => {
      const address = c.req.query('emailaddress')
      const domain = address === undefined ? domainOf(hostOf(c)) : splitAddress(address)?.domain
      if (domain === undefined || !(await o.hasDomain(domain))) return c.notFound()
      return c.body(configuration(domain, o.facts()), 200, {
        'Content-Type': 'application/xml; charset=utf-8',
      })
    },
  }))

/** `autoconfig.example.org`, or the domain itself. */
const domainOf = (host: string | undefined): string | undefined =>
  host?.startsWith(label) === true ? host.slice(label.length) : host

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => escapes[c]!)

function configuration(domain: string, facts: ServerFacts): string {
  const shown = escaped(domainToUnicode(domain) || domain)
  return `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="${escaped(domain)}">
    <domain>${escaped(domain)}</domain>
    <displayName>${shown}</displayName>
    <displayShortName>${shown}</displayShortName>
${servers(facts, 'imap', 'incomingServer', 'imap')}${servers(facts, 'submission', 'outgoingServer', 'smtp')}  </emailProvider>
</clientConfig>
`
}

/** Programs take the first that they can use: what is encrypted from the first octet (RFC 8314 §3). */
function servers(
  { listeners, hostName }: ServerFacts,
  service: ServiceName,
  element: string,
  type: string,
): string {
  return (['tls', 'starttls'] as const)
    .flatMap((security) =>
      listeners.filter((one) => one.service === service && one.security === security && isReachable(one.ip)),
    )
    .map(
      ({ port, security }) => `    <${element} type="${type}">
      <hostname>${escaped(hostName)}</hostname>
      <port>${port}</port>
      <socketType>${security === 'tls' ? 'SSL' : 'STARTTLS'}</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </${element}>
`,
    )
    .join('')
}

/** What is bound to this machine alone is for nobody else. */
function isReachable(address: string): boolean {
  const ip = parseIp(address)
  return ip === undefined || !isLoopbackIp(ip)
}
