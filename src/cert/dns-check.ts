/**
 * Compares what the DNS should have of a domain with what it has. What others put there for purposes of their own
 * is passed over; what is told as foreign would take mail elsewhere, or is left from before.
 *
 * What must always hold: a record is `ok` only where those who ask for it would come to what we want; where the
 * DNS does not answer, nothing is said to be missing.
 */
import { parseIp } from '#base/ip.ts'
import type { DnsRecord, RecordOf, RecordType } from '#dns/record.ts'
import { recordText } from '#dns/record-text.ts'
import type { Resolution, Resolver } from '#dns/resolution.ts'
import { parseDmarcRecord } from '#mailauth/dmarc-record.ts'
import { checkSpf } from '#mailauth/spf.ts'
import { dkimRecordName } from '#account/dkim-selector.ts'
import { hasDkimKey } from './dkim-record.ts'
import { type DnsPurpose, type DomainFacts, textsOf, type WantedRecord } from './dns-records.ts'

export type DnsResult = 'ok' | 'missing' | 'wrong' | 'foreign' | 'unknown'

export interface CheckedRecord {
  readonly purpose: DnsPurpose
  /** Without a final dot. */
  readonly name: string
  readonly type: RecordType
  readonly result: DnsResult
  /** The data of what is there and matters, as zone files have it. */
  readonly found: readonly string[]
  /** Why, where that does not show. */
  readonly said?: string
  /** What should be there; absent for what should not. */
  readonly wanted?: WantedRecord
}

interface Asking {
  readonly resolver: Resolver
  readonly facts: DomainFacts
  readonly nowMs: number
  readonly signal: AbortSignal
}

type Judged = Pick<CheckedRecord, 'result' | 'said'> & {
  /** Those of the records that matter; absent: all. */
  readonly found?: readonly string[]
  readonly foreign?: readonly string[]
}

export async function checkRecords(
  wanted: readonly WantedRecord[],
  o: Asking,
): Promise<readonly CheckedRecord[]> {
  const checked = await Promise.all(wanted.map((one) => check(one, o)))
  const retired = o.facts.keys.filter(({ stage }) => stage === 'retired')
  const left = await Promise.all(retired.map(({ selector }) => leftOver(selector, o)))
  return [...checked.flat(), ...left.flat()]
}

async function ask<T extends RecordType>(name: string, type: T, { resolver, signal }: Asking) {
  return resolver.resolve(name, type, { signal, fresh: true })
}

async function check(wanted: WantedRecord, o: Asking): Promise<readonly CheckedRecord[]> {
  const { purpose, record } = wanted
  const { name, type } = record
  const answer: Resolution = await ask(name, type, o)
  const about = { purpose, name, type, wanted }
  if (answer.kind === 'failed')
    return [{ ...about, result: 'unknown', found: [], said: `the DNS does not answer: ${answer.reason}` }]
  const records: readonly DnsRecord[] = answer.kind === 'answer' ? answer.records : []
  const { result, said, found = records.map(recordText), foreign = [] } = await judge(wanted, records, o)
  return [
    { ...about, result, found, ...(said === undefined ? {} : { said }) },
    ...foreign.map((one): CheckedRecord => ({ purpose, name, type, result: 'foreign', found: [one] })),
  ]
}

async function judge(wanted: WantedRecord, records: readonly DnsRecord[], o: Asking): Promise<Judged> {
  switch (wanted.purpose) {
    case 'MX':
      return judgeMx(records as readonly RecordOf<'MX'>[], o)
    case 'SPF':
      return judgeSpf(wanted.record.name, records, o)
    case 'DKIM':
      return judgeDkim(wanted, records, o)
    case 'DMARC':
      return judgeOne(versioned(records, /^v[ \t]*=[ \t]*DMARC1\b/i), dmarcProblem)
    case 'TLS-RPT':
      return judgeOne(versioned(records, /^v=TLSRPTv1\b/), (text) =>
        /;[ \t]*rua=(?:mailto|https):/.test(text) ? undefined : 'it names nobody to report to',
      )
    case 'MTA-STS':
      return wanted.record.type === 'CNAME'
        ? judgeHost(records, wanted.record.name, o)
        : judgeOne(versioned(records, /^v=STSv1\b/), mtaStsProblem)
    case 'AUTOCONFIG':
      return judgeHost(records, wanted.record.name, o)
    case 'SRV':
      return judgeSrv(wanted.record as RecordOf<'SRV'>, records as readonly RecordOf<'SRV'>[])
    case 'TLSA':
    case 'CAA':
      return judgeAmong(recordText(wanted.record), records)
  }
}

/** Any id will do that changes with the policy: what matters is that there is one. */
const mtaStsProblem = (text: string): string | undefined =>
  /^v=STSv1[ \t]*;[ \t]*id=[A-Za-z0-9]{1,32}[ \t]*(?:;|$)/.test(text) ? undefined : 'it has no id'

/** By an alias, or by addresses of its own. */
async function judgeHost(records: readonly DnsRecord[], name: string, o: Asking): Promise<Judged> {
  const [alias] = records.filter((record): record is RecordOf<'CNAME'> => record.type === 'CNAME')
  const found = alias === undefined ? await addressesOf(name, o) : [recordText(alias)]
  if (found.length === 0) return { result: 'missing' }
  return (await leadsHere(plain(alias?.target ?? name), o))
    ? { result: 'ok', found }
    : { result: 'wrong', found, said: 'it leads elsewhere' }
}

const plain = (name: string): string => name.replace(/\.$/, '').toLowerCase()

async function judgeMx(records: readonly RecordOf<'MX'>[], o: Asking): Promise<Judged> {
  if (records.length === 0) return { result: 'missing' }
  const here = await Promise.all(records.map(({ exchange }) => leadsHere(plain(exchange), o)))
  const foreign = records.filter((_, i) => !here[i])
  if (foreign.length === records.length)
    return { result: 'wrong', said: 'mail goes to servers that are not known to be this one' }
  const ours = records.filter((_, i) => here[i])
  return { result: 'ok', found: ours.map(recordText), foreign: foreign.map(recordText) }
}

async function addressesOf(name: string, o: Asking): Promise<readonly string[]> {
  const answers = await Promise.all([ask(name, 'A', o), ask(name, 'AAAA', o)])
  return answers.flatMap((answer) => (answer.kind === 'answer' ? answer.records.map(({ ip }) => ip) : []))
}

/** Another name may stand for this server as well. */
async function leadsHere(name: string, o: Asking): Promise<boolean> {
  const { hostname } = o.facts
  if (name === hostname) return true
  const [own, its] = await Promise.all([addressesOf(hostname, o), addressesOf(name, o)])
  return its.some((ip) => own.includes(ip))
}

const textRecords = (records: readonly DnsRecord[]): readonly RecordOf<'TXT'>[] =>
  records.filter((record): record is RecordOf<'TXT'> => record.type === 'TXT')

const joined = ({ strings }: RecordOf<'TXT'>): string => Buffer.concat(strings).toString('latin1')

/** Texts of a version; at some names there are others. */
const versioned = (records: readonly DnsRecord[], version: RegExp): readonly RecordOf<'TXT'>[] =>
  textRecords(records).filter((record) => version.test(joined(record)))

function judgeOne(
  records: readonly RecordOf<'TXT'>[],
  problemIn: (text: string) => string | undefined,
): Judged {
  const found = records.map(recordText)
  const [first, ...others] = records
  if (first === undefined) return { result: 'missing', found }
  if (others.length > 0) return { result: 'wrong', found, said: 'of several none counts' }
  const said = problemIn(joined(first))
  return said === undefined ? { result: 'ok', found } : { result: 'wrong', found, said }
}

/** Another policy than ours is for the domain to say. */
function dmarcProblem(text: string): string | undefined {
  const read = parseDmarcRecord(text)
  return read === undefined ? 'it is no DMARC record' : read.problems[0]
}

/** What it says of the addresses of this server is what others will find, whatever its words. */
async function judgeSpf(name: string, records: readonly DnsRecord[], o: Asking): Promise<Judged> {
  const texts = versioned(records, /^v=spf1(?: |$)/i)
  const read = judgeOne(texts, () => undefined)
  if (read.result !== 'ok') return read
  const { hostname } = o.facts
  const ips = await addressesOf(hostname, o)
  if (ips.length === 0)
    return {
      ...read,
      result: 'unknown',
      said: `${hostname} has no address in the DNS, so nothing can be tried`,
    }
  const results = await Promise.all(
    ips.map(async (ip) => {
      const sender = `postmaster@${name}`
      const question = {
        ip: parseIp(ip)!,
        identity: 'mailfrom',
        helo: hostname,
        sender,
        receiver: hostname,
      } as const
      const { result } = await checkSpf({ ...question, ...o })
      return `${ip}: ${result}`
    }),
  )
  const failed = results.filter((one) => !one.endsWith(': pass'))
  if (failed.length === 0) return read
  const isUnknown = failed.every((one) => one.endsWith(': temperror'))
  return { ...read, result: isUnknown ? 'unknown' : 'wrong', said: `mail from ${failed.join(', ')}` }
}

const seenFirst = 'it is seen now, and its key signs from now on'

/** Whether it is the record of a key that waited for it. */
export const isSeenFirst = ({ said }: CheckedRecord): boolean => said === seenFirst

function judgeDkim(wanted: WantedRecord, records: readonly DnsRecord[], { facts }: Asking): Judged {
  const key = facts.keys.find(
    ({ selector }) => dkimRecordName(facts.domain, selector) === wanted.record.name,
  )!
  const texts = textRecords(records).map(joined)
  if (texts.length === 0) return { result: 'missing' }
  if (hasDkimKey(texts, key))
    return key.stage === 'pending' ? { result: 'ok', said: seenFirst } : { result: 'ok' }
  return { result: 'wrong', ...(texts.length > 1 ? { said: 'of several none counts' } : {}) }
}

function judgeSrv(wanted: RecordOf<'SRV'>, records: readonly RecordOf<'SRV'>[]): Judged {
  if (records.length === 0) return { result: 'missing' }
  const isOurs = ({ target, port }: RecordOf<'SRV'>): boolean =>
    port === wanted.port && plain(target) === plain(wanted.target)
  const ours = records.filter(isOurs)
  if (ours.length === 0) return { result: 'wrong' }
  const foreign = records.filter((record) => !isOurs(record)).map(recordText)
  return { result: 'ok', found: ours.map(recordText), foreign }
}

function judgeAmong(wanted: string, records: readonly DnsRecord[]): Judged {
  if (records.length === 0) return { result: 'missing' }
  return { result: records.some((record) => recordText(record) === wanted) ? 'ok' : 'wrong' }
}

/** The record of a key that is over. */
async function leftOver(selector: string, o: Asking): Promise<readonly CheckedRecord[]> {
  const name = dkimRecordName(o.facts.domain, selector)
  const found = await ask(name, 'TXT', o)
  if (found.kind !== 'answer' || textsOf(found).length === 0) return []
  const said = 'this key is over: remove its record'
  return [
    { purpose: 'DKIM', name, type: 'TXT', result: 'foreign', found: found.records.map(recordText), said },
  ]
}
