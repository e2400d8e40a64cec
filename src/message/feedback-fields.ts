/**
 * The fields of a feedback report for programs, message/feedback-report (RFC 5965 §3), with those for
 * authentication that failed (RFC 6591 §3.2, RFC 9991 §4) and the client's port (RFC 6692).
 *
 * What must always hold: what is written is ASCII (RFC 5965 §7.1), each field on its own lines. What is read
 * is somebody's claim: bounded, and left out where it is malformed, since most writers are not exact.
 */
import { latin1 } from '#base/bytes.ts'
import { formatIp, parseIp } from '#base/ip.ts'
import { optional } from '#base/optional.ts'
import { type AuthResults, composeAuthResults } from './auth-results.ts'
import { parseAuthResults } from './auth-results-reader.ts'
import { formatDate, parseDate } from './date.ts'
import { FieldScanner } from './headers.ts'

export type AuthFailure = 'adsp' | 'bodyhash' | 'revoked' | 'signature' | 'spf' | 'dmarc'
type DeliveryResult = 'delivered' | 'spam' | 'policy' | 'reject' | 'other'
/** A method that gave no aligned identifier. */
type UnalignedMethod = 'dkim' | 'spf'

export interface FeedbackFields {
  /** `abuse`, `fraud`, `virus`, `not-spam`, `other`, `auth-failure`. */
  readonly feedbackType: string
  /** The program that wrote it, with its version behind a slash. */
  readonly userAgent?: string
  readonly originalEnvelopeId?: string
  /** Without brackets; empty: the reverse-path was. */
  readonly originalMailFrom?: string
  readonly originalRecipients: readonly string[]
  /** Milliseconds. */
  readonly arrivedAt?: number
  readonly reportingMta?: string
  readonly sourceIp?: string
  readonly sourcePort?: number
  /** How many messages it is about; one where absent. */
  readonly incidents?: number
  readonly authResults: readonly AuthResults[]
  readonly reportedDomains: readonly string[]
  readonly reportedUris: readonly string[]
  /** These are for `auth-failure`; the first must be there. */
  readonly authFailure?: AuthFailure
  readonly deliveryResult?: DeliveryResult
  /** Empty: all methods gave an aligned identifier. */
  readonly identityAlignment?: readonly UnalignedMethod[]
  readonly dkimDomain?: string
  readonly dkimIdentity?: string
  readonly dkimSelector?: string
  /** SPF records that were used. */
  readonly spfRecords: readonly { readonly domain: string; readonly record: string }[]
}

const crlf = '\r\n'
const longestValue = 900
/** Of what may be there several times. */
const mostValues = 100

/** On one line, in ASCII. */
const clean = (text: string): string =>
  text
    .slice(0, longestValue)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replace(/[^\x20-\x7e]/gu, '?')

/** All fields, each with its line end. RFC 6591 §3.2.4 (not done: canonical forms of the message are optional) */
export function composeFeedbackFields(fields: FeedbackFields): string {
  const { arrivedAt, identityAlignment, incidents, originalMailFrom, reportingMta, sourceIp, sourcePort } =
    fields
  return [
    line('Feedback-Type', fields.feedbackType),
    line('User-Agent', fields.userAgent ?? 'unknown'),
    line('Version', '1'),
    line('Auth-Failure', fields.authFailure),
    ...fields.authResults.slice(0, mostValues).map((results) => composeAuthResults(results)),
    line('Identity-Alignment', identityAlignment && (identityAlignment.join(', ') || 'none')),
    line('Delivery-Result', fields.deliveryResult),
    line('DKIM-Domain', fields.dkimDomain),
    line('DKIM-Identity', fields.dkimIdentity),
    line('DKIM-Selector', fields.dkimSelector),
    ...fields.spfRecords.slice(0, mostValues).map(spfRecord),
    line('Original-Envelope-Id', fields.originalEnvelopeId),
    line('Original-Mail-From', originalMailFrom === undefined ? undefined : `<${originalMailFrom}>`),
    ...fields.originalRecipients.slice(0, mostValues).map((one) => line('Original-Rcpt-To', `<${one}>`)),
    line('Arrival-Date', arrivedAt === undefined ? undefined : formatDate(arrivedAt)),
    line('Reporting-MTA', reportingMta === undefined ? undefined : `dns; ${reportingMta}`),
    // RFC 5321 §4.1.3.
    line('Source-IP', sourceIp?.includes(':') === true ? `IPv6:${sourceIp}` : sourceIp),
    line('Source-Port', sourcePort === undefined ? undefined : String(sourcePort)),
    line('Incidents', incidents === undefined ? undefined : String(incidents)),
    ...fields.reportedDomains.slice(0, mostValues).map((one) => line('Reported-Domain', one)),
    ...fields.reportedUris.slice(0, mostValues).map((one) => line('Reported-URI', one)),
  ].join('')
}

const line = (name: string, value: string | undefined): string =>
  value === undefined ? '' : `${name}: ${clean(value)}${crlf}`

function spfRecord({ domain, record }: { readonly domain: string; readonly record: string }): string {
  const quoted = clean(record)
    .slice(0, longestValue / 3)
    .replace(/["\\]/g, '\\$&')
  return line('SPF-DNS', `txt : ${domain.slice(0, 255)} : "${quoted}"`)
}

/** Undefined where the part does not say what type of report it is. */
export function parseFeedbackFields(part: Uint8Array): FeedbackFields | undefined {
  const values = new Values(part)
  const feedbackType = values.word('feedback-type')
  if (feedbackType === undefined) return undefined
  // RFC 5965 §3.2 still takes the second name.
  const arrival = values.first('arrival-date') ?? values.first('received-date')
  const ip = parseIp((values.first('source-ip') ?? '').replace(/^\[?(?:ipv6:)?|\]$/gi, ''))
  const alignment = values.first('identity-alignment')?.toLowerCase()
  return {
    feedbackType,
    ...optional('userAgent', values.first('user-agent')),
    ...optional('originalEnvelopeId', values.first('original-envelope-id')),
    ...optional('originalMailFrom', values.paths('original-mail-from')[0]),
    originalRecipients: values.paths('original-rcpt-to'),
    ...optional('arrivedAt', arrival === undefined ? undefined : parseDate(arrival)?.ms),
    ...optional('reportingMta', /^\s*dns\s*;\s*(\S+)/i.exec(values.first('reporting-mta') ?? '')?.[1]),
    ...optional('sourceIp', ip && formatIp(ip)),
    ...optional('sourcePort', values.number('source-port', 65_535)),
    ...optional('incidents', values.number('incidents', 0xffff_ffff)),
    authResults: values.all('authentication-results').flatMap((text) => {
      const results = parseAuthResults(text)
      return results === undefined ? [] : [results]
    }),
    reportedDomains: values.decoded('reported-domain').map((domain) => domain.toLowerCase()),
    reportedUris: values.decoded('reported-uri'),
    ...optional('authFailure', wordOf(authFailures, values.word('auth-failure'))),
    ...optional('deliveryResult', wordOf(deliveryResults, values.word('delivery-result'))),
    ...optional(
      'identityAlignment',
      alignment === undefined ? undefined : methods.filter((one) => alignment.includes(one)),
    ),
    ...optional('dkimDomain', values.first('dkim-domain')?.toLowerCase()),
    ...optional('dkimIdentity', values.first('dkim-identity')),
    ...optional('dkimSelector', values.first('dkim-selector')),
    spfRecords: values.all('spf-dns').flatMap(readSpfRecord),
  }
}

const authFailures: readonly AuthFailure[] = ['adsp', 'bodyhash', 'revoked', 'signature', 'spf', 'dmarc']
const deliveryResults: readonly DeliveryResult[] = ['delivered', 'spam', 'policy', 'reject', 'other']
const methods: readonly UnalignedMethod[] = ['dkim', 'spf']

const wordOf = <T extends string>(words: readonly T[], text: string | undefined): T | undefined =>
  words.find((one) => one === text)

function readSpfRecord(text: string): FeedbackFields['spfRecords'] {
  const match = /^(?:txt|spf)\s*:\s*([^\s:]{1,255})\s*:\s*"(.*)"$/i.exec(text)
  return match === null
    ? []
    : [{ domain: match[1]!.toLowerCase(), record: match[2]!.replace(/\\(.)/g, '$1') }]
}

/** The fields by their names in lower case; values are one character per byte. */
class Values {
  readonly #values = new Map<string, string[]>()

  constructor(part: Uint8Array) {
    let start = 0
    // Some put an empty line first.
    while (part[start] === 0x0d || part[start] === 0x0a) start++
    const scanner = new FieldScanner(part, start)
    for (let fields = 0; fields < 10 * mostValues && scanner.next(); fields++) {
      const name = latin1Text(
        part.subarray(scanner.nameStart, Math.min(scanner.nameEnd, scanner.nameStart + 64)),
      )
      const values = this.#values.get(name) ?? []
      if (values.length < mostValues) values.push(scanner.value(longestRead))
      this.#values.set(name, values)
    }
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** Text as people read it, without empty ones. */
  decoded(name: string): readonly string[] {
    return this.all(name).flatMap((text) => {
      const decoded = latin1(text).toString('utf8').slice(0, longestValue)
      return decoded === '' ? [] : [decoded]
    })
  }

  first(name: string): string | undefined {
    return this.decoded(name)[0]
  }

  /** The first word in lower case, without a comment behind it. */
  word(name: string): string | undefined {
    return /^[\w-]+/.exec(this.first(name) ?? '')?.[0].toLowerCase()
  }

  number(name: string, most: number): number | undefined {
    const digits = /^\d{1,10}/.exec(this.first(name) ?? '')?.[0]
    return digits === undefined || Number(digits) > most ? undefined : Number(digits)
  }

  /** Addresses without their brackets. */
  paths(name: string): readonly string[] {
    return this.decoded(name).map((path) => /^<(.*)>$/.exec(path)?.[1] ?? path)
  }
}

const longestRead = 8192

const latin1Text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1').toLowerCase()
