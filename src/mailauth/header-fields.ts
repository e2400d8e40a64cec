/**
 * The fields of a header as signatures refer to them: by name, from the bottom up (RFC 6376 §5.4.2), in
 * canonical form. What must hold: however many signatures ask, each field is made canonical once, and
 * choosing fields is linear in the names that are asked for.
 */
import { asBuffer } from '#base/bytes.ts'
import { FieldScanner, type HeaderField } from '#message/headers.ts'
import { canonicalField, type Canonicalization } from './canonical.ts'

export class HeaderFields {
  readonly bytes: Buffer
  /** From the top. */
  readonly all: readonly HeaderField[]
  /** Where the fields of a name stand in `all`; names in lower case. */
  readonly #byName = new Map<string, number[]>()
  readonly #relaxed: Buffer[] = []

  /** `header` is all that stands before the body, with or without the empty line. Its bytes are not copied. */
  constructor(header: Uint8Array) {
    this.bytes = asBuffer(header)
    const scanner = new FieldScanner(this.bytes)
    const all: HeaderField[] = []
    while (scanner.next()) {
      const { nameStart, nameEnd, valueStart, end } = scanner
      const name = this.bytes.toString('latin1', nameStart, nameEnd).toLowerCase()
      const known = this.#byName.get(name)
      if (known === undefined) this.#byName.set(name, [all.length])
      else known.push(all.length)
      all.push({ nameStart, nameEnd, valueStart, end })
    }
    this.all = all
  }

  /** The places in `all` of the fields of that name (in lower case), from the top. */
  named(name: string): readonly number[] {
    return this.#byName.get(name) ?? []
  }

  /**
   * The places of the fields that a list such as `h=` names (in lower case), in its order: each time a name
   * stands there it means the next field of that name from the bottom up, and nothing where there is none
   * left (RFC 6376 §5.4.2). The field at `except`, which is the signature itself, is not among them.
   */
  select(names: readonly string[], except?: number): readonly number[] {
    const rest = new Map<string, number>()
    const selected: number[] = []
    for (const name of names) {
      const places = this.named(name)
      let left = rest.get(name) ?? places.length
      if (left > 0 && places[left - 1] === except) left--
      if (left > 0) selected.push(places[--left]!)
      rest.set(name, left)
    }
    return selected
  }

  canonical(place: number, method: Canonicalization): Buffer {
    if (method === 'simple') return canonicalField(this.bytes, this.all[place]!, method)
    return (this.#relaxed[place] ??= canonicalField(this.bytes, this.all[place]!, method))
  }
}
