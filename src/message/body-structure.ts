/**
 * The BODYSTRUCTURE list of IMAP (RFC 9051 §7.5.2 and §9): written from a part, and read back.
 *
 * BODY is the same list without the extension data, so the list is written once and the places of the
 * extension data are remembered; BODY is what remains when they are cut out.
 */
import { readEnvelope, renderEnvelope } from './envelope.ts'
import type { Parameter } from './parameters.ts'
import { isMessage, isMultipart, type Disposition, type Part } from './structure.ts'
import { wireNstring, wireString, type WireReader } from './wire.ts'

export interface RenderedStructure {
  /** One character per byte. */
  readonly wire: string
  /** Start and end of each extension data in `wire`, ascending: start, end, start, end ... */
  readonly extensions: readonly number[]
}

/** What a message/rfc822 that was not looked into shows as its message: an empty text. */
const unseenBody = '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0'
const unseenExtension = ' NIL NIL NIL NIL'

/** Reading a structure deeper than any parser makes one ends with a SyntaxFault, not with the stack. */
const MAX_DEPTH = 200

export function renderBodyStructure(root: Part): RenderedStructure {
  const writer = new StructureWriter()
  writer.part(root)
  return { wire: writer.out, extensions: writer.extensions }
}

class StructureWriter {
  out = ''
  readonly extensions: number[] = []

  part(part: Part): void {
    this.out += '('
    if (isMultipart(part)) this.#multipart(part)
    else this.#leaf(part)
    this.out += ')'
  }

  #multipart(part: Part): void {
    for (const child of part.children) this.part(child)
    this.out += ` ${token(part.subtype)}`
    const start = this.out.length
    this.out += ` ${renderParams(part.params)}${renderTail(part)}`
    this.extensions.push(start, this.out.length)
  }

  #unseen(): void {
    this.out += unseenBody
    this.extensions.push(this.out.length, this.out.length + unseenExtension.length)
    this.out += `${unseenExtension})`
  }

  #leaf(part: Part): void {
    this.out +=
      `${token(part.type)} ${token(part.subtype)} ${renderParams(part.params)} ${wireNstring(part.id)} ` +
      `${wireNstring(part.description)} ${token(part.encoding)} ${part.bodyEnd - part.bodyStart}`
    if (isMessage(part)) {
      this.out += ` ${renderEnvelope(part.envelope)} `
      const inner = part.children[0]
      if (inner === undefined) this.#unseen()
      else this.part(inner)
    }
    if (isMessage(part) || part.type === 'text') this.out += ` ${part.lines}`
    const start = this.out.length
    this.out += ` ${wireNstring(part.md5)}${renderTail(part)}`
    this.extensions.push(start, this.out.length)
  }
}

/** Words that are compared in any case are sent in upper case, as every example in the RFC has them. */
const token = (text: string): string => wireString(text.toUpperCase())

function renderTail({ disposition, language, location }: Part): string {
  return ` ${renderDisposition(disposition)} ${renderLanguage(language)} ${wireNstring(location)}`
}

function renderDisposition(disposition: Disposition | undefined): string {
  return disposition === undefined
    ? 'NIL'
    : `(${token(disposition.type)} ${renderParams(disposition.params)})`
}

function renderLanguage(language: readonly string[]): string {
  if (language.length === 0) return 'NIL'
  return `(${language.map(wireString).join(' ')})`
}

/** RFC 9051 §7.5.2: a value that came with a charset is named with an asterisk and sent as UTF-8. */
function renderParams(params: readonly Parameter[]): string {
  if (params.length === 0) return 'NIL'
  let out = '('
  for (const { name, value, extended } of params) {
    out += `${out.length > 1 ? ' ' : ''}${token(extended ? `${name}*` : name)} ${wireString(value)}`
  }
  return `${out})`
}

/** Where a part stands, read in the order in which the parts open. */
export interface PartPlace {
  readonly headerStart: number
  readonly bodyStart: number
  readonly bodyEnd: number
  readonly childCount: number
  /** The part has been read to its end. */
  done(): void
}

/**
 * Reads back what `renderBodyStructure` wrote, with the offsets that `place` tells for each part; throws
 * SyntaxFault where the bytes are damaged.
 */
export function readBodyStructure(reader: WireReader, place: () => PartPlace, depth = 0): Part {
  if (depth > MAX_DEPTH) reader.fail('structure too deep')
  reader.open()
  const at = place()
  const part = reader.isOpen ? readMultipart(reader, at, place, depth) : readLeaf(reader, at, place, depth)
  reader.close()
  at.done()
  return part
}

function readMultipart(reader: WireReader, at: PartPlace, place: () => PartPlace, depth: number): Part {
  const children: Part[] = []
  while (reader.isOpen) children.push(readBodyStructure(reader, place, depth + 1))
  reader.space()
  const subtype = readToken(reader)
  reader.space()
  const params = readParams(reader)
  return {
    ...offsets(at),
    lines: 0,
    type: 'multipart',
    subtype,
    params,
    id: undefined,
    description: undefined,
    encoding: '7bit',
    md5: undefined,
    ...readTail(reader),
    children,
    envelope: undefined,
  }
}

function readLeaf(reader: WireReader, at: PartPlace, place: () => PartPlace, depth: number): Part {
  const type = readToken(reader)
  reader.space()
  const subtype = readToken(reader)
  reader.space()
  const params = readParams(reader)
  const id = nextNstring(reader)
  const description = nextNstring(reader)
  reader.space()
  const encoding = readToken(reader)
  reader.space()
  reader.number()
  const holdsMessage = isMessage({ type, subtype })
  const children: Part[] = []
  let envelope: Part['envelope']
  if (holdsMessage) {
    reader.space()
    const read = readEnvelope(reader)
    reader.space()
    if (at.childCount > 0) {
      envelope = read
      children.push(readBodyStructure(reader, place, depth + 1))
    } else {
      reader.skip(unseenBody.length + unseenExtension.length + 1)
    }
  }
  let lines = 0
  if (holdsMessage || type === 'text') {
    reader.space()
    lines = reader.number()
  }
  const md5 = nextNstring(reader)
  const tail = readTail(reader)
  return {
    ...offsets(at),
    lines,
    type,
    subtype,
    params,
    id,
    description,
    encoding,
    md5,
    ...tail,
    children,
    envelope,
  }
}

const offsets = ({
  headerStart,
  bodyStart,
  bodyEnd,
}: PartPlace): Pick<Part, 'headerStart' | 'bodyStart' | 'bodyEnd'> => ({
  headerStart,
  bodyStart,
  bodyEnd,
})

const readToken = (reader: WireReader): string => reader.string().toLowerCase()

function nextNstring(reader: WireReader): string | undefined {
  reader.space()
  return reader.nstring()
}

function readTail(reader: WireReader): Pick<Part, 'disposition' | 'language' | 'location'> {
  reader.space()
  let disposition: Disposition | undefined
  if (!reader.takeNil()) {
    reader.open()
    const type = readToken(reader)
    reader.space()
    disposition = { type, params: readParams(reader) }
    reader.close()
  }
  reader.space()
  return { disposition, language: readLanguage(reader), location: nextNstring(reader) }
}

function readLanguage(reader: WireReader): readonly string[] {
  const tags: string[] = []
  if (reader.takeNil()) return tags
  reader.open()
  for (;;) {
    tags.push(reader.string())
    if (reader.isClose) break
    reader.space()
  }
  reader.close()
  return tags
}

function readParams(reader: WireReader): readonly Parameter[] {
  const params: Parameter[] = []
  if (reader.takeNil()) return params
  reader.open()
  for (;;) {
    const name = readToken(reader)
    reader.space()
    const extended = name.endsWith('*')
    params.push({ name: extended ? name.slice(0, -1) : name, value: reader.string(), extended })
    if (reader.isClose) break
    reader.space()
  }
  reader.close()
  return params
}
