/**
 * The columns of a mailbox as bytes: parts of some thousand entries, each of which can be read by itself.
 *
 *     part:    CRC-32 of the rest, format, UIDVALIDITY, MODSEQ, number of parts, entries in all of them,
 *              the flag sets that its entries have, its chunks
 *     column:  bytes a number (0, 1, 2, 4, 8), the least number, how much each is above it
 *
 * The numbers lie there as a processor has them, so that reading them is one short loop. A processor of the other
 * kind finds a format that it does not know. What must always hold: what was read is what was written, or a
 * SyntaxFault.
 */
import { endianness } from 'node:os'
import { crc32 } from 'node:zlib'
import { asBuffer } from '#base/bytes.ts'
import { SyntaxFault } from '#base/fault.ts'
import type { Modseq } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Chunk } from './column.ts'
import type { FlagSets } from './flag-set.ts'
import { chunkEntries, type Chunks, columnNames, newChunks } from './mailbox-columns.ts'
import type { MailboxView } from './mailbox-view.ts'

export interface PartHead {
  readonly uidValidity: number
  /** The columns are of this commit, or show more. */
  readonly modseq: Modseq
  readonly parts: number
  /** Entries in all parts. */
  readonly count: number
}

export interface ColumnsPart extends PartHead {
  /** All full. */
  readonly chunks: readonly Chunks[]
}

const format = endianness() === 'LE' ? 1 : 2
const checksumBytes = 4
/** In one part: some 90 kB. */
const chunksPerPart = 8
const roomPerChunk = 12_000

const arrays = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Float64Array } as const
type Width = keyof typeof arrays

/** A part at a time, so that a large mailbox holds up nobody. */
export function* packColumns(view: MailboxView, modseq: Modseq): Generator<Uint8Array> {
  const { chunks } = view.uids
  const parts = Math.ceil(chunks.length / chunksPerPart)
  for (let part = 0; part < parts; part++) {
    const first = part * chunksPerPart
    const last = Math.min(first + chunksPerPart, chunks.length)
    const flags = new Map<number, number>()
    const body = new PackWriter((last - first) * roomPerChunk)
    body.uint(last - first)
    for (let i = first; i < last; i++) packChunk(body, view, i, flags)
    const head = new PackWriter(256).u8(format)
    head.uint(view.uidValidity).uint(modseq).uint(parts).uint(view.count).uint(flags.size)
    for (const number of flags.keys()) {
      const { keywords, deleted } = view.sets.at(number)
      head.u8(deleted ? 1 : 0).uint(keywords.length)
      for (const keyword of keywords) head.text(keyword)
    }
    yield sealed([head.done(), body.done()])
  }
}

function sealed(pieces: readonly Uint8Array[]): Uint8Array {
  const part = Buffer.concat([Buffer.alloc(checksumBytes), ...pieces])
  part.writeUInt32BE(crc32(part.subarray(checksumBytes)), 0)
  return part
}

/** `flags` gives each flag set a number of its own in this part. */
function packChunk(out: PackWriter, view: MailboxView, i: number, flags: Map<number, number>): void {
  const length = view.uids.layout.lengthOf(i)
  out.uint(length)
  for (const name of columnNames) {
    const numbers = view[name].chunks[i]!.subarray(0, length)
    packColumn(out, name === 'flagSets' ? numbers.map((set) => numberIn(flags, set)) : numbers)
  }
}

function numberIn(flags: Map<number, number>, set: number): number {
  const known = flags.get(set)
  if (known === undefined) flags.set(set, flags.size)
  return known ?? flags.size - 1
}

function packColumn(out: PackWriter, numbers: Chunk): void {
  let least = numbers[0]!
  let most = least
  for (const number of numbers) {
    if (number < least) least = number
    else if (number > most) most = number
  }
  const width = widthOf(most - least)
  out.u8(width).int(least)
  if (width === 0) return
  const above = new arrays[width](numbers.length)
  for (let i = 0; i < numbers.length; i++) above[i] = numbers[i]! - least
  out.raw(new Uint8Array(above.buffer))
}

function widthOf(span: number): 0 | Width {
  if (span === 0) return 0
  if (span < 2 ** 8) return 1
  if (span < 2 ** 16) return 2
  return span < 2 ** 32 ? 4 : 8
}

/** What a part says of the whole. Throws SyntaxFault. */
export const readPartHead = (part: Uint8Array): PartHead => readHead(new PackReader(part, checksumBytes))

function readHead(from: PackReader): PartHead {
  if (from.u8() !== format) throw new SyntaxFault('unknown form of columns', from.at)
  return {
    uidValidity: from.uint(),
    modseq: from.uint() as Modseq,
    parts: from.uint(),
    count: from.uint(),
  }
}

/** Throws SyntaxFault. */
export function unpackPart(part: Uint8Array, sets: FlagSets): ColumnsPart {
  const bytes = asBuffer(part)
  if (bytes.length < checksumBytes || bytes.readUInt32BE(0) !== crc32(bytes.subarray(checksumBytes)))
    throw new SyntaxFault('damaged columns', 0)
  const from = new PackReader(bytes, checksumBytes)
  const head = readHead(from)
  const flags: number[] = []
  for (let left = from.uint(); left > 0; left--) {
    const deleted = from.u8() === 1
    const keywords: string[] = []
    for (let words = from.uint(); words > 0; words--) keywords.push(from.text())
    flags.push(sets.numberOf(keywords, deleted))
  }
  const chunks: Chunks[] = []
  for (let left = from.uint(); left > 0; left--) chunks.push(unpackChunk(from, flags))
  return { ...head, chunks }
}

function unpackChunk(from: PackReader, flags: readonly number[]): Chunks {
  const length = from.uint()
  if (length === 0 || length > chunkEntries) throw new SyntaxFault('no such chunk', from.at)
  const chunk = newChunks(length)
  for (const name of columnNames) unpackColumn(from, chunk[name])
  const { flagSets } = chunk
  for (let i = 0; i < length; i++) flagSets[i] = flags[flagSets[i]!]!
  return chunk
}

function unpackColumn(from: PackReader, into: Chunk): void {
  const width = from.u8()
  const least = from.int()
  if (width === 0) {
    into.fill(least)
    return
  }
  const array = arrays[width as Width]
  if (array === undefined) throw new SyntaxFault('no such width', from.at)
  const above = new array(into.length)
  new Uint8Array(above.buffer).set(from.raw(above.byteLength))
  for (let i = 0; i < into.length; i++) into[i] = least + above[i]!
}
