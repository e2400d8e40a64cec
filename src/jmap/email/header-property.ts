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

type Place = readonly [start: number, end: number]

/** The fields of one header by their names, so that any number of properties is found in one pass. */
export class HeaderIndex {
  readonly #bytes: Uint8Array
  readonly #places = new Map<string, Place[]>()
  readonly #spend: (bytes: number) => void

  /** `spend` hears how much each value takes. */
  constructor(bytes: Uint8Array, spend: (bytes: number) => void) {
    this.#bytes = bytes
    this.#spend = spend
    const scanner = new FieldScanner(bytes)
    while (scanner.next()) {
      const name = scanner.bytes.toString('latin1', scanner.nameStart, scanner.nameEnd).toLowerCase()
      const place = [scanner.valueStart, scanner.end] as const
      const known = this.#places.get(name)
      if (known === undefined) this.#places.set(name, [place])
      else known.push(place)
    }
  }

  get isEmpty(): boolean {
    return this.#places.size === 0
  }

  value({ field, form: asked, all }: HeaderProperty): Json {
    const places = this.#places.get(field.toLowerCase()) ?? []
    if (all) return places.map((place) => this.#read(asked, place))
    const last = places.at(-1)
    return last === undefined ? null : this.#read(asked, last)
  }

  /** RFC 8621 §4.1.3, "headers": all fields in order, as they are. */
  all(): readonly Json[] {
    const scanner = new FieldScanner(this.#bytes)
    const found: Json[] = []
    while (scanner.next()) {
      const name = scanner.bytes.toString('latin1', scanner.nameStart, scanner.nameEnd)
      found.push({ name, value: this.#read('Raw', [scanner.valueStart, scanner.end]) })
    }
    return found
  }

  #read(asked: HeaderForm, [start, end]: Place): Json {
    this.#spend(end - start)
    return readHeaderForm(asked, this.#bytes, start, end) as unknown as Json
  }
}
