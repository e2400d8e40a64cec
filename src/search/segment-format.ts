/**
 * The format of a segment: the words of a range of documents, written once and never changed. It is a blob.
 *
 *     head        a mark, then the length of each section: numbers of 32 bits
 *     documents   their ids, ascending, and the numbers of those of which not all text is here
 *     words       a dictionary (`dictionary-format.ts`): as they are written, field by field
 *     header      a dictionary of what stands in headers, names of fields included
 *     stems       a dictionary of what words were brought to by the rules of their language; without positions
 *
 * Within a segment a document has a number: its place in the list of ids.
 */
import { SyntaxFault } from '#base/fault.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { DictionaryBytes } from './dictionary-format.ts'

export const dictionaries = ['words', 'header', 'stems'] as const
export type DictionaryName = (typeof dictionaries)[number]

const sections = ['documents', ...dictionaries.flatMap((name) => partsOf(name))] as const
export type SectionName = (typeof sections)[number]

function partsOf<N extends DictionaryName>(name: N) {
  return [`${name}.terms`, `${name}.marks`, `${name}.postings`, `${name}.positions`] as const
}

const mark = 0x50535347
export const headBytes = 4 * (1 + sections.length)

export interface SegmentDocuments {
  /** Ascending. */
  readonly ids: readonly number[]
  /** Numbers of documents of which not all text is in the segment, ascending. */
  readonly incomplete: readonly number[]
}

/** Where a section lies in the blob. */
export type SectionPlaces = Readonly<Record<SectionName, readonly [start: number, end: number]>>

export function writeSegment(
  documents: SegmentDocuments,
  parts: Readonly<Record<DictionaryName, DictionaryBytes>>,
): readonly Uint8Array[] {
  const list = new PackWriter(64 + documents.ids.length * 2)
    .ascending(documents.ids)
    .ascending(documents.incomplete)
  const bodies = [
    list.done(),
    ...dictionaries.flatMap((name) => {
      const { terms, marks, postings, positions } = parts[name]
      return [terms, marks, postings, positions]
    }),
  ]
  const head = Buffer.allocUnsafe(headBytes)
  head.writeUInt32BE(mark, 0)
  for (const [i, body] of bodies.entries()) head.writeUInt32BE(body.length, 4 * (i + 1))
  return [head, ...bodies]
}

/** Throws SyntaxFault where the bytes are no head of a segment. */
export function readHead(bytes: Uint8Array): SectionPlaces {
  const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (from.length < headBytes || from.readUInt32BE(0) !== mark) throw new SyntaxFault('not a segment', 0)
  let at = headBytes
  const places = sections.map((name, i) => {
    const start = at
    at += from.readUInt32BE(4 * (i + 1))
    return [name, [start, at]] as const
  })
  return Object.fromEntries(places) as SectionPlaces
}

export function readDocuments(bytes: Uint8Array): SegmentDocuments {
  const from = new PackReader(bytes)
  const ids = from.ascending()
  return { ids, incomplete: from.ascending() }
}
