/**
 * Fuzz targets of what is read back from disk, where anything may have happened to it, and of the way bytes
 * take from a socket to a line. Checksums are made right, so that what lies behind them is reached.
 */
import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { SyntaxFault } from '#base/fault.ts'
import { contentOfRecord, readRecord } from '#blob/read-record.ts'
import { DamagedBlob, headerBytes, packRecord, tableEntryBytes } from '#blob/record.ts'
import { decodeGroup } from '#kv/group-wire.ts'
import { messageRowCodec } from '#mail/message-row.ts'
import { InputBuffer, lineTooLong } from '#net/input-buffer.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

function quietly(body: () => void): void {
  try {
    body()
  } catch (error) {
    if (!(error instanceof SyntaxFault || error instanceof DamagedBlob)) throw error
  }
}

/** The first bytes say where a whole record is changed, and to what. */
async function record(bytes: Uint8Array): Promise<void> {
  const content = Buffer.from(bytes.subarray(16))
  const packed = Buffer.from(packRecord(content, (bytes[15] ?? 0) & 1 ? 'zstd' : 'none').record)
  assert.ok(content.equals(contentOfRecord(packed)))
  for (let i = 0; i + 2 < Math.min(15, bytes.length); i += 3) {
    // Numbers of the header and the table more often than content.
    const at = ((bytes[i]! << 8) | bytes[i + 1]!) % Math.min(packed.length, i < 9 ? 64 : Infinity)
    packed[i < 6 ? at : packed.length - 1 - at] = bytes[i + 2]!
  }
  if (packed.length >= headerBytes) packed.writeUInt32BE(crc32(packed.subarray(0, 64)), 64)
  if (packed.length >= headerBytes + tableEntryBytes) {
    const stored = packed.subarray(headerBytes, packed.length - tableEntryBytes)
    packed.writeUInt32BE(crc32(stored), packed.length - 4)
  }
  quietly(() => void contentOfRecord(packed))
  try {
    const source = (from: number, to: number) => Promise.resolve(packed.subarray(from, to))
    for await (const chunk of readRecord(source, packed.length, 0, content.length))
      assert.ok(chunk.length > 0)
  } catch (error) {
    if (!(error instanceof DamagedBlob)) throw error
  }
}

function lines(data: Buffer, step: number, bareLf: boolean): readonly string[] {
  const input = new InputBuffer()
  const found: string[] = []
  for (let at = 0; at < data.length; at += step) {
    input.push(data.subarray(at, at + step))
    for (;;) {
      const line = input.takeLine(40, bareLf)
      if (line === undefined) break
      found.push(line === lineTooLong ? 'too long' : latin1(line))
    }
  }
  return found
}

/** The first byte says how the bytes are split: lines do not depend on it. */
function input(bytes: Uint8Array): void {
  const data = Buffer.from(latin1(bytes.subarray(1)).replaceAll('~', '\r\n'), 'latin1')
  for (const bareLf of [false, true]) {
    const whole = lines(data, data.length + 1, bareLf)
    assert.deepEqual(lines(data, ((bytes[0] ?? 0) % 32) + 1, bareLf), whole)
    const ends = latin1(data).split(bareLf ? '\n' : '\r\n').length - 1
    assert.equal(whole.length, ends)
    assert.ok(whole.every((line) => line.length <= 40))
  }
}

const parser = 'bytes of disks and sockets'

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [
  { name: 'storage record', parser, run: record },
  { name: 'storage journal group', parser, run: (b) => quietly(() => void decodeGroup(b)) },
  { name: 'storage message row', parser, run: (b) => quietly(() => void messageRowCodec.decode(b)) },
  { name: 'net lines', parser, run: input },
]
