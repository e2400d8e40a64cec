/** What the DNS says about this server and its domains, and what it should say. */
import type { Finding } from '#admin/doctor.ts'
import { isFullHostName } from '#base/domain-name.ts'
import { networkContains, parseIp, parseNetwork, reverseName } from '#base/ip.ts'
import type { Failed, Resolver } from '#dns/resolution.ts'

export interface DnsCheckDeps {
  readonly resolver: Resolver
  readonly hostname: string
  readonly signal: AbortSignal
}

const offline =
  'Look whether this machine is online, and whom it asks: the servers in /etc/resolv.conf, unless DnsResolver names others. Until they answer, mail to others waits.'

/**
 * Whether the DNS can be asked at all: what it has of a domain that is surely there. Some name servers say of
 * every name that it does not exist while they are offline themselves.
 */
export async function checkNameServers(
  { resolver, signal }: Pick<DnsCheckDeps, 'resolver' | 'signal'>,
  domain: string,
): Promise<Finding> {
  const about = { check: 'DNS' }
  const ok: Finding = { ...about, result: 'ok', said: 'the name servers answer' }
  const found = await resolver.resolve(domain, 'MX', { signal })
  if (found.kind === 'answer' || found.kind === 'noData') return ok
  // It may be the domain alone that is wrong.
  const top = domain.slice(domain.lastIndexOf('.') + 1)
  const above = await resolver.resolve(top, 'NS', { signal })
  if (above.kind === 'answer' || above.kind === 'noData') return ok
  const said =
    above.kind === 'failed'
      ? failureText(above)
      : `the name servers know neither ${domain} nor anything else in ${top}, so they are not in touch with the Internet`
  return { ...about, result: 'problem', said, advice: offline }
}

const failures: Partial<Record<Failed['why'], string>> = {
  timeout: 'no name server answers in time',
  network: 'no name server can be reached',
  refused: 'the name servers refuse to answer',
  servFail: 'the name servers find nothing out',
}

const failureText = ({ why, reason }: Failed): string =>
  `${failures[why] ?? 'the name servers do not answer as they should'} (${reason})`

/** What is wrong with the name by itself: that needs no DNS. */
export function hostNameFinding(hostname: string): Finding | undefined {
  if (isFullHostName(hostname)) return undefined
  return {
    check: 'name',
    of: hostname,
    result: 'problem',
    said: `${hostname} is no full name, so other servers refuse mail from it`,
    advice:
      'Give it the name that this machine has in the DNS: postern update SystemSettings defaultHostname=mail.example.org',
  }
}

/** What the rest stands on: the addresses that the name of this server has. */
export async function ownAddresses({
  resolver,
  hostname,
  signal,
}: DnsCheckDeps): Promise<{ readonly ips: readonly string[]; readonly finding: Finding }> {
  const about = { check: 'name', of: hostname }
  const wrong = hostNameFinding(hostname)
  if (wrong !== undefined) return { ips: [], finding: wrong }
  const answers = await Promise.all([
    resolver.resolve(hostname, 'A', { signal }),
    resolver.resolve(hostname, 'AAAA', { signal }),
  ])
  const ips = answers.flatMap((answer) =>
    answer.kind === 'answer' ? answer.records.map(({ ip }) => ip) : [],
  )
  if (ips.length > 0)
    return { ips, finding: { ...about, result: 'ok', said: `${hostname} is ${ips.join(', ')}` } }
  const failed = answers.find((answer) => answer.kind === 'failed')
  if (failed !== undefined)
    return {
      ips,
      finding: { ...about, result: 'skipped', said: `the DNS does not answer: ${failed.reason}` },
    }
  return {
    ips,
    finding: {
      ...about,
      result: 'problem',
      said: `the name ${hostname} has no address in the DNS`,
      advice:
        'Add an A or AAAA record for it, or set SystemSettings.defaultHostname to the name that this machine has.',
    },
  }
}

/** For each address the name that leads back to it; many servers refuse mail without. */
export async function checkReverse(
  { resolver, hostname, signal }: DnsCheckDeps,
  ip: string,
): Promise<Finding> {
  const about = { check: 'reverse DNS', of: ip }
  const found = await resolver.resolve(reverseName(parseIp(ip)!), 'PTR', { signal })
  if (found.kind === 'failed')
    return { ...about, result: 'skipped', said: `the DNS does not answer: ${found.reason}` }
  const names = found.kind === 'answer' ? found.records.map(({ target }) => plainName(target)) : []
  if (names.includes(hostname.toLowerCase())) return { ...about, result: 'ok', said: `${ip} is ${hostname}` }
  return {
    ...about,
    result: 'problem',
    said: names.length === 0 ? `${ip} has no name` : `${ip} is ${names.join(', ')}, not ${hostname}`,
    advice: `Ask the provider of this machine to set the reverse DNS of ${ip} to ${hostname}: many servers refuse mail without.`,
  }
}

export async function checkMx(deps: DnsCheckDeps, domain: string, ips: readonly string[]): Promise<Finding> {
  const { resolver, hostname, signal } = deps
  const about = { check: 'MX', of: domain }
  const found = await resolver.resolve(domain, 'MX', { signal })
  if (found.kind === 'failed')
    return { ...about, result: 'skipped', said: `the DNS does not answer: ${found.reason}` }
  const advice = `Add the record: ${domain}. MX 10 ${hostname}.`
  if (found.kind !== 'answer')
    return {
      ...about,
      result: 'problem',
      said: `${domain} has no MX record: mail for it does not come here`,
      advice,
    }
  const names = found.records.map(({ exchange }) => plainName(exchange))
  for (const name of names) {
    if (name === hostname.toLowerCase())
      return { ...about, result: 'ok', said: `mail for ${domain} comes here` }
    if (await isHere(deps, name, ips))
      return { ...about, result: 'ok', said: `mail for ${domain} comes here, by the name ${name}` }
  }
  const said = `mail for ${domain} goes to ${names.join(', ')}, which is not known to be this server`
  return {
    ...about,
    result: 'problem',
    said,
    advice: `${advice} Where another server passes it on to this one, all is well.`,
  }
}

async function isHere(
  { resolver, signal }: DnsCheckDeps,
  name: string,
  ips: readonly string[],
): Promise<boolean> {
  const answers = await Promise.all([
    resolver.resolve(name, 'A', { signal }),
    resolver.resolve(name, 'AAAA', { signal }),
  ])
  return answers.some(
    (answer) => answer.kind === 'answer' && answer.records.some(({ ip }) => ips.includes(ip)),
  )
}

/** Whether the SPF record names this server. What it includes of others is not followed. */
export async function checkSpf(
  { resolver, hostname, signal }: DnsCheckDeps,
  domain: string,
  o: { readonly ips: readonly string[]; readonly hasMx: boolean },
): Promise<Finding> {
  const about = { check: 'SPF', of: domain }
  const found = await resolver.resolve(domain, 'TXT', { signal })
  if (found.kind === 'failed')
    return { ...about, result: 'skipped', said: `the DNS does not answer: ${found.reason}` }
  const texts =
    found.kind === 'answer' ? found.records.map(({ strings }) => Buffer.concat(strings).toString()) : []
  const records = texts.filter((text) => /^v=spf1(?: |$)/i.test(text))
  if (records.length !== 1)
    return {
      ...about,
      result: 'problem',
      said:
        records.length === 0
          ? `${domain} has no SPF record`
          : `${domain} has ${records.length} SPF records, so none counts`,
      advice: `Have one record: ${domain}. TXT "v=spf1 mx -all"`,
    }
  const words = records[0]!.toLowerCase().split(/ +/).slice(1)
  if (words.some((word) => names(word, { hostname, ...o })))
    return { ...about, result: 'ok', said: `the SPF record of ${domain} names this server` }
  if (words.some((word) => /^\+?(?:include:|redirect=|a$|a:|mx:|exists:|\?all|\+?all)/.test(word)))
    return {
      ...about,
      result: 'note',
      said: `the SPF record of ${domain} may name this server by way of others: ${records[0]!}`,
    }
  return {
    ...about,
    result: 'problem',
    said: `the SPF record of ${domain} does not name this server: ${records[0]!}`,
    advice: 'Add "mx" to it, or the addresses of this server, such as "ip4:192.0.2.1".',
  }
}

function names(
  word: string,
  o: { readonly hostname: string; readonly ips: readonly string[]; readonly hasMx: boolean },
): boolean {
  const plain = word.replace(/^\+/, '')
  if (plain === 'mx') return o.hasMx
  if (plain === `a:${o.hostname.toLowerCase()}`) return true
  const [, given] = /^ip[46]:(.+)$/.exec(plain) ?? []
  const network = given === undefined ? undefined : parseNetwork(given)
  return network !== undefined && o.ips.some((ip) => networkContains(network, parseIp(ip)!))
}

const plainName = (name: string): string => name.replace(/\.$/, '').toLowerCase()
