/** What FETCH can ask for, and how it is written (RFC 9051 §6.4.5 and §9, fetch-att). */
import type { Arguments } from '../wire/grammar.ts'

/** Items that the shared view's columns answer. */
export type ColumnItem =
  | 'FLAGS'
  | 'UID'
  | 'INTERNALDATE'
  | 'RFC822.SIZE'
  | 'MODSEQ'
  | 'EMAILID'
  | 'THREADID'
  | 'SAVEDATE'
/** Items that the stored structure answers. */
export type StructureItem = 'ENVELOPE' | 'BODY' | 'BODYSTRUCTURE' | 'PREVIEW'

export interface Partial {
  readonly offset: number
  readonly length: number
}

/** Which bytes of a message (RFC 9051 §6.4.5.1). */
export interface Section {
  /** Part numbers; none for the message itself. */
  readonly part: readonly number[]
  readonly text: 'WHOLE' | 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME'
  /** Of HEADER.FIELDS. */
  readonly names: readonly string[]
}

export interface BytesItem {
  readonly kind: 'section' | 'binary' | 'binarySize'
  /** As it is called in the response, with the offset of a partial. */
  readonly label: string
  readonly section: Section
  readonly partial: Partial | undefined
  /** \Seen is set. */
  readonly marksSeen: boolean
}

export type FetchItem =
  | { readonly kind: 'column'; readonly name: ColumnItem }
  | { readonly kind: 'structure'; readonly name: StructureItem }
  | BytesItem

const columnItems: ReadonlySet<string> = new Set<ColumnItem>([
  'FLAGS',
  'UID',
  'INTERNALDATE',
  'RFC822.SIZE',
  'MODSEQ',
  'EMAILID',
  'THREADID',
  'SAVEDATE',
])
const structureItems: ReadonlySet<string> = new Set<StructureItem>([
  'ENVELOPE',
  'BODY',
  'BODYSTRUCTURE',
  'PREVIEW',
])
const fast = ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE']
const macros: ReadonlyMap<string, readonly string[]> = new Map([
  ['FAST', fast],
  ['ALL', [...fast, 'ENVELOPE']],
  ['FULL', [...fast, 'ENVELOPE', 'BODY']],
])
/** Nobody needs more in one command. */
const maxItems = 128
const maxHeaderNames = 256
const maxPartDepth = 64

const wholeMessage: Section = { part: [], text: 'WHOLE', names: [] }

/** The items of a FETCH command, each once. */
export function readFetchItems(args: Arguments): readonly FetchItem[] {
  const items: FetchItem[] = []
  if (!args.takeOpen()) {
    const start = args.at
    const macro = macros.get(args.word())
    if (macro !== undefined) return macro.map((name) => simpleItem(name)!)
    args.at = start
    return [readItem(args)]
  }
  do {
    const item = readItem(args)
    if (!items.some((other) => keyOf(other) === keyOf(item))) items.push(item)
    if (items.length > maxItems) args.fail('too many items')
  } while (args.take(0x20))
  args.close()
  return items
}

/** The items of both, each once. */
export const bothItems = (a: readonly FetchItem[], b: readonly FetchItem[]): readonly FetchItem[] => [
  ...a,
  ...b.filter((item) => a.every((other) => keyOf(other) !== keyOf(item))),
]

const keyOf = (item: FetchItem): string => ('label' in item ? `${item.kind}${item.label}` : item.name)

function simpleItem(name: string): FetchItem | undefined {
  if (columnItems.has(name)) return { kind: 'column', name: name as ColumnItem }
  return structureItems.has(name) ? { kind: 'structure', name: name as StructureItem } : undefined
}

function readItem(args: Arguments): FetchItem {
  const name = args.word()
  // An atom ends before "[", so that what follows is a section.
  const open = name.indexOf('[')
  if (open !== -1) {
    args.at -= name.length - open
    return readSectionItem(args, name.slice(0, open))
  }
  if (name === 'PREVIEW' && args.takeWord(' (lazy)')) return { kind: 'structure', name }
  return simpleItem(name) ?? rfc822Item(name) ?? args.fail('unknown item')
}

/**
 * The names of RFC 3501 §6.4.5 for sections; two of them had PEEK before IMAP4rev1, with which Outlook still asks,
 * and is answered without it.
 */
function rfc822Item(name: string): FetchItem | undefined {
  const label = name.replace(/\.PEEK$/, '')
  const item = (text: Section['text']): BytesItem => ({
    kind: 'section',
    label,
    section: { ...wholeMessage, text },
    partial: undefined,
    marksSeen: label === name && text !== 'HEADER',
  })
  if (label === 'RFC822') return item('WHOLE')
  if (label === 'RFC822.TEXT') return item('TEXT')
  return name === 'RFC822.HEADER' ? item('HEADER') : undefined
}

function readSectionItem(args: Arguments, name: string): FetchItem {
  const start = args.at
  switch (name) {
    case 'BODY':
    case 'BODY.PEEK': {
      const section = readSection(args)
      const partial = readPartial(args)
      const label = `BODY[${describeSection(section)}]${describePartial(partial)}`
      return { kind: 'section', label, section, partial, marksSeen: name === 'BODY' }
    }
    case 'BINARY':
    case 'BINARY.PEEK': {
      const section = readBinarySection(args)
      const partial = readPartial(args)
      const label = `BINARY[${describeSection(section)}]${describePartial(partial)}`
      return { kind: 'binary', label, section, partial, marksSeen: name === 'BINARY' }
    }
    case 'BINARY.SIZE': {
      const section = readBinarySection(args)
      const label = `BINARY.SIZE[${describeSection(section)}]`
      return { kind: 'binarySize', label, section, partial: undefined, marksSeen: false }
    }
    default:
      args.at = start
      return args.fail('unknown item')
  }
}

/** `[1.2.HEADER]`. */
export function readSection(args: Arguments): Section {
  args.expect(0x5b, '"["')
  const part = readPartNumbers(args)
  if (args.take(0x5d)) return { ...wholeMessage, part }
  if (args.takeWord('header.fields.not ')) return readHeaderList(args, part, 'HEADER.FIELDS.NOT')
  if (args.takeWord('header.fields ')) return readHeaderList(args, part, 'HEADER.FIELDS')
  const text = args.takeWord('header')
    ? 'HEADER'
    : args.takeWord('text')
      ? 'TEXT'
      : part.length > 0 && args.takeWord('mime')
        ? 'MIME'
        : args.fail('unknown section')
  args.expect(0x5d, '"]"')
  return { part, text, names: [] }
}

/** `1.2.` or `1.2` in front of `]`. */
function readPartNumbers(args: Arguments): readonly number[] {
  const part: number[] = []
  while (args.peek() >= 0x30 && args.peek() <= 0x39) {
    if (part.length === maxPartDepth) args.fail('section too deep')
    part.push(args.nzNumber())
    if (args.peek() === 0x5d) break
    args.expect(0x2e, '"."')
    if (args.peek() === 0x5d) args.fail('expected a part')
  }
  return part
}

function readBinarySection(args: Arguments): Section {
  args.expect(0x5b, '"["')
  const part = readPartNumbers(args)
  args.expect(0x5d, '"]"')
  return { ...wholeMessage, part }
}

function readHeaderList(args: Arguments, part: readonly number[], text: Section['text']): Section {
  args.open()
  const names: string[] = []
  do {
    if (names.length === maxHeaderNames) args.fail('too many header fields')
    names.push(args.astring().toString('latin1'))
  } while (args.take(0x20))
  args.close()
  args.expect(0x5d, '"]"')
  return { part, text, names }
}

function readPartial(args: Arguments): Partial | undefined {
  if (!args.take(0x3c)) return undefined
  const offset = args.number()
  args.expect(0x2e, '"."')
  const length = args.number64()
  if (length === 0) args.fail('expected a number above zero')
  args.expect(0x3e, '">"')
  return { offset, length }
}

const describePartial = (partial: Partial | undefined): string =>
  partial === undefined ? '' : `<${partial.offset}>`

function describeSection({ part, text, names }: Section): string {
  const numbers = part.join('.')
  if (text === 'WHOLE') return numbers
  const list = text.startsWith('HEADER.FIELDS') ? ` (${names.map(describeName).join(' ')})` : ''
  return `${numbers}${numbers === '' ? '' : '.'}${text}${list}`
}

/** A header name that is no atom is quoted; what no field can be called but a quoted string could not hold is "?". */
const describeName = (name: string): string =>
  /^[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|}~]+$/.test(name)
    ? name
    : `"${name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
