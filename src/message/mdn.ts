/**
 * Message disposition notifications (RFC 8098): the fields for programs, message/disposition-notification, read and
 * written.
 *
 * What must always hold: what is written is ASCII, each field on its own line. What is read is somebody's claim:
 * bounded, and what cannot be read is left out, but without a disposition it is no notification.
 */
import { latin1 } from '#base/bytes.ts'
import { optional } from '#base/optional.ts'
import { FieldScanner } from './headers.ts'
import { addressOfUnitext, unitextInAscii } from './unitext.ts'

export const actionModes = ['manual-action', 'automatic-action'] as const
export const sendingModes = ['mdn-sent-manually', 'mdn-sent-automatically'] as const
export const dispositionTypes = ['deleted', 'dispatched', 'displayed', 'processed'] as const

/** In lower case, as RFC 9007 §2 has them. */
interface Disposition {
  readonly actionMode: (typeof actionModes)[number]
  readonly sendingMode: (typeof sendingModes)[number]
  readonly type: (typeof dispositionTypes)[number]
}

export interface MdnFields {
  readonly reportingUA?: string
  readonly mdnGateway?: string
  /** With its type: `rfc822; bob@example.net`. */
  readonly originalRecipient?: string
  readonly finalRecipient?: string
  /** With brackets. */
  readonly originalMessageId?: string
  readonly disposition: Disposition
  readonly errors: readonly string[]
  /** Of other names, as they were written; the first of each. */
  readonly extensions: ReadonlyMap<string, string>
}

const longestValue = 900
const longestRead = 8192
/** Of what may be there several times, and of extensions. */
const mostValues = 100
const mostFields = 1000

const crlf = '\r\n'

/** On one line, in ASCII. */
const clean = (text: string): string =>
  text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replace(/[^\x20-\x7e]/gu, '?')
    .slice(0, longestValue)

/** The words that the standard writes in capitals. */
const written = (mode: string): string => mode.replace(/^mdn-/, 'MDN-')

/** All fields, each with its line end. */
export function composeMdnFields(fields: MdnFields): string {
  const { actionMode, sendingMode, type } = fields.disposition
  const line = (name: string, value: string | undefined): string =>
    value === undefined || clean(value) === '' ? '' : `${name}: ${clean(value)}${crlf}`
  return [
    line('Reporting-UA', fields.reportingUA),
    line('MDN-Gateway', fields.mdnGateway),
    line('Original-Recipient', inAscii(fields.originalRecipient)),
    line('Final-Recipient', inAscii(fields.finalRecipient)),
    line('Original-Message-ID', fields.originalMessageId),
    line('Disposition', `${actionMode}/${written(sendingMode)}; ${type}`),
    ...fields.errors.map((error) => line('Error', error)),
    ...[...fields.extensions].map(([name, value]) => line(name, value)),
  ].join('')
}

/** RFC 6533 §3: an address beyond ASCII is of the type utf-8, whose letters are then written as their numbers. */
function inAscii(recipient: string | undefined): string | undefined {
  if (recipient === undefined || /^[\x20-\x7e]*$/.test(recipient)) return recipient
  const address = /^[^;]{0,60};\s*(.*)$/s.exec(recipient)?.[1] ?? recipient
  return `utf-8; ${unitextInAscii(address)}`
}

/** Whether a field of this name can be an extension: a name (RFC 5322 §3.6.8) that means nothing else here. */
export const isExtensionName = (name: string): boolean =>
  /^[\x21-\x39\x3b-\x7e]{1,76}$/.test(name) && !known.has(name.toLowerCase())

const known: ReadonlySet<string> = new Set([
  'reporting-ua',
  'mdn-gateway',
  'original-recipient',
  'final-recipient',
  'original-message-id',
  'disposition',
  'error',
])

/** Undefined where the part has no disposition that the standard knows. */
export function parseMdnFields(part: Uint8Array): MdnFields | undefined {
  const values = readFields(part)
  const first = (name: string): string | undefined => values.known.get(name)?.[0]
  const disposition = parseDisposition(first('disposition') ?? '')
  if (disposition === undefined) return undefined
  return {
    disposition,
    ...optional('reportingUA', first('reporting-ua')),
    ...optional('mdnGateway', first('mdn-gateway')),
    ...optional('originalRecipient', readAddress(first('original-recipient'))),
    ...optional('finalRecipient', readAddress(first('final-recipient'))),
    ...optional('originalMessageId', first('original-message-id')),
    errors: values.known.get('error') ?? [],
    extensions: values.extensions,
  }
}

function readFields(part: Uint8Array): {
  readonly known: ReadonlyMap<string, readonly string[]>
  readonly extensions: ReadonlyMap<string, string>
} {
  const found = new Map<string, string[]>()
  const extensions = new Map<string, string>()
  let start = 0
  // Some put an empty line first.
  while (part[start] === 0x0d || part[start] === 0x0a) start++
  const scanner = new FieldScanner(part, start)
  for (let fields = 0; fields < mostFields && scanner.next(); fields++) {
    const name = scanner.bytes.toString('latin1', scanner.nameStart, scanner.nameEnd)
    const value = latin1(scanner.value(longestRead)).toString('utf8').trim()
    if (value === '') continue
    const lower = name.toLowerCase()
    if (known.has(lower)) {
      const all = found.get(lower) ?? []
      if (all.length < mostValues) all.push(value)
      found.set(lower, all)
    } else if (isExtensionName(name) && extensions.size < mostValues && !extensions.has(name))
      extensions.set(name, value)
  }
  return { known: found, extensions }
}

const form =
  /^(manual-action|automatic-action)\/(mdn-sent-manually|mdn-sent-automatically);(deleted|dispatched|displayed|processed)(?:\/|$)/

/** RFC 8098 §3.2.6: in any case, with space and comments anywhere. */
function parseDisposition(text: string): Disposition | undefined {
  const plain = text
    .slice(0, longestValue)
    .replace(/\([^()]*\)/g, '')
    .replace(/\s+/g, '')
    .toLowerCase()
  const match = form.exec(plain)
  if (match === null) return undefined
  const [, actionMode, sendingMode, type] = match
  return { actionMode, sendingMode, type } as Disposition
}

/** Type and address with one space between, as RFC 9007 §3.1 shows them. */
function readAddress(text: string | undefined): string | undefined {
  const match = /^([\w.+-]{1,60})\s*;\s*(.*)$/s.exec(text ?? '')
  if (match === null) return text
  const [, type = '', address = ''] = match
  return `${type}; ${type.toLowerCase() === 'utf-8' ? addressOfUnitext(address) : address}`
}
