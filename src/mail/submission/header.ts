/**
 * The header of a message that is to be sent: who is named in it, what is wrong with it, and which of its fields
 * others must not see. Linear in the header, whose size the caller has bounded.
 */
import { latin1 } from '#base/bytes.ts'
import { forgedBimiFields } from '#mailauth/bimi-fields.ts'
import { type Address, parseAddresses } from '#message/address.ts'
import { type ByteRange, forgedResults } from '#message/auth-results-reader.ts'
import { parseDate } from '#message/date.ts'
import { FieldScanner } from '#message/headers.ts'

export interface SubmissionHeader {
  /** Each as `local@domain`; one that is no address is its words. Of all fields of the name together. */
  readonly from: readonly string[]
  readonly sender: readonly string[]
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly hasDate: boolean
  readonly messageId: string | undefined
  /** How many there are of each, by their names in JMAP. */
  readonly counts: ReadonlyMap<string, number>
  readonly isDateWrong: boolean
  /** Parts that do not go out, in order. */
  readonly dropped: readonly ByteRange[]
}

/** RFC 5322 §3.6: fields of which there is one, by what JMAP calls them. */
const single: ReadonlyMap<string, string> = new Map([
  ['from', 'from'],
  ['sender', 'sender'],
  ['reply-to', 'replyTo'],
  ['to', 'to'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
  ['date', 'sentAt'],
  ['message-id', 'messageId'],
  ['in-reply-to', 'inReplyTo'],
  ['references', 'references'],
  ['subject', 'subject'],
])

/**
 * RFC 8621 §7.5, RFC 5322 §3.6.3: who got a blind copy is nobody else's business. RFC 5321 §4.4: the return path
 * is that of the delivery before.
 */
const hidden = new Set(['bcc', 'resent-bcc', 'return-path'])

/** `hostname`: results that claim to be ours are not (RFC 8601 §5). */
export function readSubmissionHeader(header: Buffer, hostname: string): SubmissionHeader {
  const addresses = new Map<string, string[]>()
  const counts = new Map<string, number>()
  const dropped: ByteRange[] = [...forgedResults(header, [hostname]), ...forgedBimiFields(header)]
  let messageId: string | undefined
  let isDateWrong = false
  const scanner = new FieldScanner(header)
  while (scanner.next()) {
    const { nameStart, nameEnd, end } = scanner
    const name = header.toString('latin1', nameStart, nameEnd).toLowerCase()
    if (hidden.has(name)) dropped.push({ start: nameStart, end })
    const property = single.get(name)
    if (property === undefined) continue
    counts.set(property, (counts.get(property) ?? 0) + 1)
    const value = scanner.value(header.length)
    if (name === 'message-id') messageId = value
    else if (name === 'date') isDateWrong ||= parseDate(value) === undefined
    else if (['from', 'sender', 'to', 'cc', 'bcc'].includes(name))
      addresses.set(name, [...(addresses.get(name) ?? []), ...parseAddresses(value).flatMap(addressOf)])
  }
  const named = (name: string): readonly string[] => addresses.get(name) ?? []
  return {
    from: named('from'),
    sender: named('sender'),
    to: named('to'),
    cc: named('cc'),
    bcc: named('bcc'),
    hasDate: counts.has('sentAt'),
    messageId,
    counts,
    isDateWrong,
    dropped: dropped.toSorted((a, b) => a.start - b.start),
  }
}

/** The beginning and the end of a group are nobody. */
function addressOf({ mailbox, host }: Address): readonly string[] {
  if (mailbox === undefined || host === undefined) return []
  const local = latin1(mailbox).toString('utf8')
  const isAtom = /^[^\s"(),.:;<>@[\\\]]+(?:\.[^\s"(),.:;<>@[\\\]]+)*$/u.test(local)
  if (host === '') return [local]
  const spelled = isAtom ? local : `"${local.replaceAll(/["\\]/g, '\\$&')}"`
  return [`${spelled}@${latin1(host).toString('utf8')}`]
}

/** What of the header may go out. */
export function withoutDropped(header: Buffer, dropped: readonly ByteRange[]): Buffer {
  const kept: Buffer[] = []
  let at = 0
  for (const { start, end } of dropped) {
    if (start > at) kept.push(header.subarray(at, start))
    at = Math.max(at, end)
  }
  kept.push(header.subarray(at))
  return kept.length === 1 ? kept[0]! : Buffer.concat(kept)
}

/** The properties of the message that keep it from being sent (RFC 5322 §3.6). */
export function problemsOf(header: SubmissionHeader): readonly string[] {
  const wrong = new Set<string>()
  if (header.from.length === 0 || !header.from.every((address) => address.includes('@'))) wrong.add('from')
  for (const [property, count] of header.counts) if (count > 1) wrong.add(property)
  if (header.counts.has('sender') && (header.sender.length !== 1 || !header.sender[0]!.includes('@')))
    wrong.add('sender')
  if (header.isDateWrong) wrong.add('sentAt')
  return [...wrong]
}
