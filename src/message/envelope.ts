/**
 * The ENVELOPE list of IMAP: written from an envelope, and read back from what is stored
 * (RFC 9051 §7.5.2 and §9).
 */
import { addressText, MAX_ADDRESSES, type Address } from './address.ts'
import { decodeHeaderText } from './encoded-word.ts'
import type { Envelope } from './structure.ts'
import { wireNstring, WireReader } from './wire.ts'

const emptyEnvelope: Envelope = {
  date: undefined,
  subject: undefined,
  from: [],
  sender: [],
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  inReplyTo: undefined,
  messageId: undefined,
}

/** The list in parentheses, one character per byte. Without an envelope, all its members are NIL. */
export function renderEnvelope(envelope: Envelope = emptyEnvelope): string {
  const { from, sender, replyTo } = envelope
  const fromWire = renderAddresses(from)
  const senderWire = sender === from ? fromWire : renderAddresses(sender)
  const replyToWire = replyTo === from ? fromWire : renderAddresses(replyTo)
  return (
    `(${wireNstring(envelope.date)} ${wireNstring(envelope.subject)} ${fromWire} ${senderWire} ${replyToWire} ` +
    `${renderAddresses(envelope.to)} ${renderAddresses(envelope.cc)} ${renderAddresses(envelope.bcc)} ` +
    `${wireNstring(envelope.inReplyTo)} ${wireNstring(envelope.messageId)})`
  )
}

/** `"(" 1*address ")" / nil`: nothing stands between the addresses. */
function renderAddresses(addresses: readonly Address[]): string {
  if (addresses.length === 0) return 'NIL'
  let out = '('
  for (const { name, route, mailbox, host } of addresses) {
    out += `(${wireNstring(name)} ${wireNstring(route)} ${wireNstring(mailbox)} ${wireNstring(host)})`
  }
  return `${out})`
}

/** Reads an envelope; throws SyntaxFault where the bytes are damaged. */
export function readEnvelope(reader: WireReader): Envelope {
  reader.open()
  const date = nextNstring(reader, false)
  const subject = nextNstring(reader)
  const from = nextAddresses(reader)
  const sender = nextAddresses(reader)
  const replyTo = nextAddresses(reader)
  const to = nextAddresses(reader)
  const cc = nextAddresses(reader)
  const bcc = nextAddresses(reader)
  const inReplyTo = nextNstring(reader)
  const messageId = nextNstring(reader)
  reader.close()
  return { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId }
}

function nextNstring(reader: WireReader, spaced = true): string | undefined {
  if (spaced) reader.space()
  return reader.nstring()
}

/** What is searched in, by its place among the members. */
const memberPlaces = { subject: 1, from: 2, to: 5, cc: 6, bcc: 7 } as const
const identifiersAt = 8
export type EnvelopeMember = keyof typeof memberPlaces

/** The bytes of one member; the others are passed over. Throws SyntaxFault where the bytes are damaged. */
export function memberWire(envelope: Buffer, member: EnvelopeMember): Buffer {
  const reader = new WireReader(envelope)
  reader.open()
  for (let i = memberPlaces[member]; i > 0; i--) {
    reader.skipValue()
    reader.space()
  }
  const start = reader.at
  reader.skipValue()
  return envelope.subarray(start, reader.at)
}

/** What `memberWire` found, as decoded text. */
export function memberText(wire: Buffer, member: EnvelopeMember): string {
  const reader = new WireReader(wire)
  return member === 'subject' ? decodeHeaderText(reader.nstring() ?? '') : addressText(readAddresses(reader))
}

/** The first of the addresses that `memberWire` found; undefined where there is none. */
export function firstAddress(wire: Buffer): Address | undefined {
  const reader = new WireReader(wire)
  if (reader.takeNil()) return undefined
  reader.open()
  return readAddress(reader)
}

/** The last two members; the others are passed over. */
export function readIdentifiers(envelope: Buffer): Pick<Envelope, 'inReplyTo' | 'messageId'> {
  const reader = new WireReader(envelope)
  reader.open()
  for (let i = 0; i < identifiersAt; i++) {
    reader.skipValue()
    reader.space()
  }
  return { inReplyTo: nextNstring(reader, false), messageId: nextNstring(reader) }
}

function nextAddresses(reader: WireReader): readonly Address[] {
  reader.space()
  return readAddresses(reader)
}

function readAddresses(reader: WireReader): readonly Address[] {
  if (reader.takeNil()) return []
  const list: Address[] = []
  reader.open()
  // One more than are parsed, for the end of a group.
  while (!reader.isClose && list.length <= MAX_ADDRESSES) list.push(readAddress(reader))
  reader.close()
  return list
}

function readAddress(reader: WireReader): Address {
  reader.open()
  const name = nextNstring(reader, false)
  const route = nextNstring(reader)
  const mailbox = nextNstring(reader)
  const host = nextNstring(reader)
  reader.close()
  return { name, route, mailbox, host }
}
