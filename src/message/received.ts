/**
 * The Received field that a server adds to what it accepts (RFC 5321 §4.4): composed from facts given by
 * the caller, folded so that no line is longer than 78 characters (RFC 5322 §2.1.1).
 */
import { formatDate, parseDate } from './date.ts'
import { fieldValue } from './headers.ts'

export interface ReceivedFacts {
  /** What the client said in HELO or EHLO; undefined where it is not told whom the message came from. */
  readonly helo: string | undefined
  /** The client's address, without brackets; undefined where the message did not come over TCP. */
  readonly ip: string | undefined
  /** The client's name according to DNS, where it is known. */
  readonly reverseName?: string | undefined
  readonly by: string
  /** SMTP, ESMTP, ESMTPS, ESMTPSA, UTF8SMTPSA, LMTP ... (RFC 3848, RFC 6531 §4.3); undefined for what has no such name. */
  readonly protocol: string | undefined
  readonly tls?: { readonly version: string; readonly cipher: string } | undefined
  readonly id: string
  /** Only if there is a single recipient: others must not learn of each other (RFC 5321 §7.2). */
  readonly recipient?: string | undefined
  /** Milliseconds since 1970-01-01 UTC. */
  readonly atMs: number
  readonly zoneMinutes?: number
}

const MAX_LINE = 78

/** "Received: from ...\r\n". */
export function composeReceived(facts: ReceivedFacts): string {
  const words = facts.helo === undefined ? [] : ['from', atom(facts.helo)]
  if (facts.ip !== undefined) words.push(tcpInfo(facts.ip, facts.reverseName))
  words.push('by', atom(facts.by))
  if (facts.protocol !== undefined) words.push('with', atom(facts.protocol))
  if (facts.tls !== undefined) words.push(`(${atom(facts.tls.version)}`, `cipher ${atom(facts.tls.cipher)})`)
  words.push('id', atom(facts.id))
  if (facts.recipient !== undefined) words.push('for', `<${clean(facts.recipient)}>`)
  words[words.length - 1] += ';'
  words.push(formatDate(facts.atMs, facts.zoneMinutes ?? 0))
  return `${foldWords('Received:', words)}\r\n`
}

/** When a message last arrived somewhere: the date of the topmost Received field; undefined where there is none. */
export function receivedTime(header: Uint8Array): number | undefined {
  const value = fieldValue(header, 'received')
  return value === undefined ? undefined : parseDate(value.slice(value.lastIndexOf(';') + 1))?.ms
}

/** RFC 5321 §4.4 TCP-info; §4.1.3 for the form of the address. */
function tcpInfo(ip: string, reverseName: string | undefined): string {
  const literal = ip.includes(':') ? `[IPv6:${atom(ip)}]` : `[${atom(ip)}]`
  return reverseName === undefined ? `(${literal})` : `(${atom(reverseName)} ${literal})`
}

/** Without what could end the line or the field: control characters and spaces. */
const clean = (text: string): string => text.replace(/[\p{Cc} ]+/gu, '')
/** Also without what has a meaning in the field's syntax. */
const atom = (text: string): string => clean(text).replace(/[()<>;"\\]+/g, '') || 'unknown'

/** `start` and the words, with a fold before each word that does not fit its line. */
export function foldWords(start: string, words: readonly string[]): string {
  let out = start
  let column = start.length
  for (const word of words) {
    if (column + 1 + word.length > MAX_LINE && column > 1) {
      out += `\r\n\t${word}`
      column = 1 + word.length
    } else {
      out += ` ${word}`
      column += 1 + word.length
    }
  }
  return out
}
