/**
 * What the DNS should have of a domain so that its mail comes here, is believed elsewhere, and its users' programs
 * find the server: from facts, without asking anybody. Only of what this server does.
 */
import { type DkimKeyRow, type DkimStage } from '#account/dkim-tables.ts'
import { dkimRecordName } from '#account/dkim-selector.ts'
import type { DnsRecord, RecordOf } from '#dns/record.ts'
import { recordText } from '#dns/record-text.ts'
import type { Resolution } from '#dns/resolution.ts'
import { type MtaStsPolicy, mtaStsRecordText } from '#mailauth/mta-sts.ts'
import { dkimRecordText } from './dkim-record.ts'

const dnsPurposes = [
  'MX',
  'SPF',
  'DKIM',
  'DMARC',
  'MTA-STS',
  'TLS-RPT',
  'SRV',
  'AUTOCONFIG',
  'TLSA',
  'CAA',
] as const
export type DnsPurpose = (typeof dnsPurposes)[number]

export interface WantedRecord {
  readonly purpose: DnsPurpose
  readonly record: DnsRecord
  /** What it is for, in a few words. */
  readonly note: string
  /** Not for everybody: when it is for one. */
  readonly onlyIf?: string
}

/** Of a key what its record needs. */
type PublishedKey = Pick<DkimKeyRow, 'algorithm' | 'publicKey'> & {
  readonly selector: string
  readonly stage: DkimStage
}

export interface DomainFacts {
  readonly domain: string
  /** The name of this server. */
  readonly hostname: string
  readonly keys: readonly PublishedKey[]
  /** Whom reports are for, as a URI; undefined: nobody. */
  readonly reportUri: string | undefined
  /** What mail programs can connect to, from anywhere: the names of RFC 6186 and RFC 8314. */
  readonly services: readonly { readonly name: ServiceName; readonly port: number }[]
  /** SHA-256 of the public keys of the certificates that others are shown; none where nobody issued them. */
  readonly certificateKeys: readonly Buffer[]
  /** What those who bring mail are told to demand; undefined: nothing. */
  readonly mtaSts: MtaStsPolicy | undefined
  /** Of names of the domain, that this server has a certificate for. */
  readonly hasCertificate: (name: string) => boolean
  /** Whether mail programs can ask it over HTTPS how to connect. */
  readonly hasWeb: boolean
  /** The domains of the authorities that issue its certificates. */
  readonly authorities: readonly string[]
}

export type ServiceName = 'submissions' | 'submission' | 'imaps' | 'imap'

const ttl = 3600
/** RFC 1035 §3.3: a string has one octet for its length. */
const longestString = 255

function txt(name: string, text: string): RecordOf<'TXT'> {
  const bytes = Buffer.from(text, 'latin1')
  const strings: Buffer[] = []
  for (let at = 0; at < bytes.length; at += longestString)
    strings.push(bytes.subarray(at, at + longestString))
  return { type: 'TXT', name, ttl, strings }
}

/** In the order in which people look for them. Keys that are retired have none. */
export function wantedRecords(facts: DomainFacts): readonly WantedRecord[] {
  const { domain, hostname } = facts
  const exchange = `${hostname}.`
  return [
    {
      purpose: 'MX',
      record: { type: 'MX', name: domain, ttl, preference: 10, exchange },
      note: 'where its mail goes',
    },
    ...spf(facts),
    ...facts.keys.filter(({ stage }) => stage !== 'retired').map((key) => dkim(domain, key)),
    ...reports(facts),
    ...mtaSts(facts),
    ...srv(facts),
    ...autoconfig(facts),
    ...certificates(facts),
  ]
}

const isBelow = (name: string, domain: string): boolean => name === domain || name.endsWith(`.${domain}`)

function spf({ domain, hostname }: DomainFacts): readonly WantedRecord[] {
  const own: WantedRecord = {
    purpose: 'SPF',
    record: txt(domain, 'v=spf1 mx -all'),
    note: 'which servers send its mail',
  }
  if (hostname === domain || !isBelow(hostname, domain)) return [own]
  // RFC 7208 §2.3: notifications have no sender but the name of the server.
  const ofServer = {
    purpose: 'SPF',
    record: txt(hostname, 'v=spf1 a -all'),
    note: 'the same for this server itself',
  } as const
  return [own, ofServer]
}

const stageNotes: Readonly<Record<DkimStage, string>> = {
  pending: 'waits for this record and signs when it is there',
  active: 'signs',
  retiring: 'signs no more; the record stays for mail that is on its way',
  retired: 'is over',
}

const dkim = (domain: string, key: PublishedKey): WantedRecord => ({
  purpose: 'DKIM',
  record: txt(dkimRecordName(domain, key.selector), dkimRecordText(key)),
  note: `the key ${key.selector}: ${stageNotes[key.stage]}`,
})

function reports({ domain, reportUri }: DomainFacts): readonly WantedRecord[] {
  const rua = reportUri === undefined ? '' : `; rua=${reportUri}`
  const dmarc = {
    purpose: 'DMARC',
    record: txt(`_dmarc.${domain}`, `v=DMARC1; p=reject${rua}`),
    note: 'what becomes of mail that only says that it is from here',
  } as const
  if (reportUri === undefined) return [dmarc]
  // RFC 8460 §3.
  const tls = {
    purpose: 'TLS-RPT',
    record: txt(`_smtp._tls.${domain}`, `v=TLSRPTv1; rua=${reportUri}`),
    note: 'who hears that others cannot encrypt mail for it',
  } as const
  return [dmarc, tls]
}

/** A name that leads to this server for what it answers over HTTPS. */
function webName(facts: DomainFacts, purpose: DnsPurpose, label: string, note: string): WantedRecord {
  const name = `${label}.${facts.domain}`
  return {
    purpose,
    record: { type: 'CNAME', name, ttl, target: `${facts.hostname}.` },
    note,
    ...(facts.hasCertificate(name) ? {} : { onlyIf: `if there is a certificate for ${name}` }),
  }
}

/** RFC 8461 §3.1, §3.3. */
function mtaSts(facts: DomainFacts): readonly WantedRecord[] {
  const { domain, mtaSts: policy, hasWeb } = facts
  if (policy === undefined || !hasWeb) return []
  const host = webName(facts, 'MTA-STS', 'mta-sts', 'where that policy is')
  const named: WantedRecord = {
    purpose: 'MTA-STS',
    record: txt(`_mta-sts.${domain}`, mtaStsRecordText(policy)),
    note: 'there is a policy of TLS for mail to it',
    ...(host.onlyIf === undefined ? {} : { onlyIf: host.onlyIf }),
  }
  return [named, host]
}

const autoconfig = (facts: DomainFacts): readonly WantedRecord[] =>
  facts.hasWeb && facts.services.length > 0
    ? [webName(facts, 'AUTOCONFIG', 'autoconfig', 'where mail programs ask how to connect')]
    : []

/** RFC 8314 §5.1: what is encrypted from the first octet is preferred. */
const srv = ({ domain, hostname, services }: DomainFacts): readonly WantedRecord[] =>
  services.map(({ name, port }) => ({
    purpose: 'SRV',
    record: {
      type: 'SRV',
      name: `_${name}._tcp.${domain}`,
      ttl,
      priority: name.endsWith('s') ? 0 : 10,
      weight: 1,
      port,
      target: `${hostname}.`,
    },
    note: 'where mail programs find this server',
  }))

function certificates(facts: DomainFacts): readonly WantedRecord[] {
  const { domain, hostname, certificateKeys, authorities } = facts
  // RFC 7672 §3.1.1: DANE-EE, the public key, SHA-256.
  const shown = isBelow(hostname, domain) ? certificateKeys : []
  const tlsa = shown.map((association): WantedRecord => ({
    purpose: 'TLSA',
    record: {
      type: 'TLSA',
      name: `_25._tcp.${hostname}`,
      ttl,
      usage: 3,
      selector: 1,
      matching: 1,
      association,
    },
    note: 'the certificate of this server (DANE)',
    onlyIf: 'if DNSSEC signs the zone, and it is changed before the key of the certificate is',
  }))
  const caa = authorities.map((authority): WantedRecord => ({
    purpose: 'CAA',
    record: { type: 'CAA', name: domain, ttl, flags: 0, tag: 'issue', value: Buffer.from(authority) },
    note: 'who may issue certificates for its names',
    onlyIf: 'if nobody else issues any, also for other servers of the domain',
  }))
  return [...tlsa, ...caa]
}

/** A record as text. */
export interface ZoneLine {
  /** With a final dot. */
  readonly name: string
  readonly ttl: number
  readonly type: string
  /** As zone files have it (RFC 1035 §5.1). */
  readonly content: string
  readonly purpose: string
  readonly note: string
  readonly onlyIf?: string
}

export const zoneLine = ({ purpose, record, note, onlyIf }: WantedRecord): ZoneLine => ({
  name: `${record.name}.`,
  ttl: record.ttl,
  type: record.type,
  content: recordText(record),
  purpose,
  note,
  ...(onlyIf === undefined ? {} : { onlyIf }),
})

/** For people to publish; what is not for everybody is a comment. */
export function zoneText(domain: string, lines: readonly ZoneLine[]): string {
  const texts = lines.map(({ name, ttl: seconds, type, content, purpose, note, onlyIf }) => {
    const line = `${name} ${seconds} IN ${type} ${content}\n`
    const head = `\n; ${purpose}: ${note}\n`
    return onlyIf === undefined ? head + line : `${head}; Only ${onlyIf}:\n; ${line}`
  })
  const lacking = lackingOf(lines).map(
    (text) => `; Not yet as it should be: ${text.replaceAll('\n', '\n;   ')}\n`,
  )
  return `; DNS records of ${domain}\n${lacking.join('')}${texts.join('')}`
}

/** What would make the records worthless, or more to come: nobody should publish them and think that it is done.
 * What to do about it follows in a line of its own. */
export function lackingOf(
  lines: readonly Pick<ZoneLine, 'name' | 'type' | 'content' | 'purpose'>[],
): readonly string[] {
  const exchange =
    lines
      .find(({ purpose, content }) => purpose === 'MX' && content !== '')
      ?.content.split(' ')
      .at(-1) ?? ''
  const isFull = exchange.slice(0, -1).includes('.')
  const hasKey = lines.some(({ purpose }) => purpose === 'DKIM')
  return [
    ...(isFull
      ? []
      : [
          `this server is called ${exchange.slice(0, -1)}, which is no full name.\npostern update SystemSettings defaultHostname=mail.example.org`,
        ]),
    ...(hasKey ? [] : ['there is no DKIM key. Those of a new domain come within minutes: ask again.']),
  ]
}

/** The texts of TXT records, each with its strings joined. */
export const textsOf = (found: Resolution<RecordOf<'TXT'>>): readonly string[] =>
  found.kind === 'answer' ? found.records.map(({ strings }) => Buffer.concat(strings).toString('latin1')) : []
