/** Properties that stand for header fields (RFC 8621 §4.1.3): their names, and their values out of a header. */
import { FieldScanner } from '#message/headers.ts'
import { type HeaderForm, headerForms, mayHaveForm, readHeaderForm } from '#message/header-forms.ts'
import type { Json } from '../value.ts'

export interface HeaderProperty {
  /** As the client wrote it. */
  readonly field: string
  readonly form: HeaderForm
  readonly all: boolean
}

/** The properties with a name of their own. */
export const namedHeaderProperties: ReadonlyMap<string, HeaderProperty> = new Map(
  (
    [
      ['messageId', 'Message-ID', 'MessageIds'],
      ['inReplyTo', 'In-Reply-To', 'MessageIds'],
      ['references', 'References', 'MessageIds'],
      ['sender', 'Sender', 'Addresses'],
      ['from', 'From', 'Addresses'],
      ['to', 'To', 'Addresses'],
      ['cc', 'Cc', 'Addresses'],
      ['bcc', 'Bcc', 'Addresses'],
      ['replyTo', 'Reply-To', 'Addresses'],
      ['subject', 'Subject', 'Text'],
      ['sentAt', 'Date', 'Date'],
    ] as const
  ).map(([name, field, form]) => [name, { field, form, all: false }]),
)

const form = /^header:([!-9;-~]{1,255})(?::as([A-Za-z]+))?(:all)?$/

/** Undefined for what is no such property; the form need not be one that the field may have. */
export function parseHeaderProperty(name: string): HeaderProperty | undefined {
  const match = form.exec(name)
  if (match === null) return undefined
  const [, field, asked = 'Raw', all] = match
  const known = headerForms.find((one) => one === asked)
  return known === undefined ? undefined : { field: field!, form: known, all: all !== undefined }
}

/** Whether there is such a property, in a form that the field may be read in. */
export function isHeaderProperty(name: string): boolean {
  const property = parseHeaderProperty(name)
  return property !== undefined && mayHaveForm(property.field, property.form)
}

/** The value of a property in the header that these bytes are. */
export function headerValue(header: Uint8Array, { field, form: asked, all }: HeaderProperty): Json {
  const lower = field.toLowerCase()
  const scanner = new FieldScanner(header)
  const values: Json[] = []
  let last: readonly [number, number] | undefined
  while (scanner.next()) {
    if (!scanner.is(lower)) continue
    if (all) values.push(valueOf(header, asked, scanner.valueStart, scanner.end))
    else last = [scanner.valueStart, scanner.end]
  }
  if (all) return values
  return last === undefined ? null : valueOf(header, asked, ...last)
}

const valueOf = (header: Uint8Array, asked: HeaderForm, start: number, end: number): Json =>
  readHeaderForm(asked, header, start, end) as unknown as Json

/** RFC 8621 §4.1.3, "headers": all fields in order, as they are. */
export function allHeaders(header: Uint8Array): readonly Json[] {
  const scanner = new FieldScanner(header)
  const found: Json[] = []
  while (scanner.next()) {
    const name = scanner.bytes.toString('latin1', scanner.nameStart, scanner.nameEnd)
    found.push({ name, value: readHeaderForm('Raw', header, scanner.valueStart, scanner.end) })
  }
  return found
}
