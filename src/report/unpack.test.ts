import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { strToU8, zipSync } from 'fflate'
import { isFault, SyntaxFault } from '#base/fault.ts'
import { unpackReport } from './unpack.ts'

const document = Buffer.from('<feedback>\n</feedback>\n'.repeat(500))
const limit = 100_000
const isTooLarge = (error: unknown) => isFault(error, 'tooLarge') && error.detail.limit === limit

/** An archive of one entry that says what it is told to say of itself; `descriptor`: sizes stand behind the data. */
function zipOf(name: string, data: Buffer, o: { saysBytes?: number; descriptor?: boolean } = {}): Buffer {
  const packed = deflateRawSync(data)
  const sizes = Buffer.alloc(12)
  sizes.writeUInt32LE(crc32(data), 0)
  sizes.writeUInt32LE(packed.length, 4)
  sizes.writeUInt32LE(o.saysBytes ?? data.length, 8)
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(o.descriptor === true ? 8 : 0, 6)
  header.writeUInt16LE(8, 8)
  if (o.descriptor !== true) sizes.copy(header, 14)
  header.writeUInt16LE(name.length, 26)
  const mark = Buffer.from('504b0708', 'hex')
  const behind = o.descriptor === true ? [mark, sizes] : []
  const directory = Buffer.alloc(46)
  directory.writeUInt32LE(0x02014b50, 0)
  sizes.copy(directory, 16)
  directory.writeUInt16LE(name.length, 28)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  return Buffer.concat([header, Buffer.from(name), packed, ...behind, directory, Buffer.from(name), end])
}

test('plain, gzip and zip give the same', async () => {
  const zips = [
    zipSync({ 'a.xml': document }),
    zipSync({ 'a.xml': [document, { level: 0 }] }),
    zipSync({ 'readme.txt': strToU8('x'), 'folder/': new Uint8Array(0), 'folder/A.XML': document }),
    zipOf('a!b!1!2.xml', document),
    zipOf('a.json', document, { descriptor: true }),
  ]
  for (const bytes of [document, gzipSync(document), ...zips]) {
    assert.ok(document.equals(await unpackReport(bytes, limit)))
  }
})

describe('bombs', () => {
  const zeros = Buffer.alloc(50_000_000)

  test('are not inflated beyond the limit', async () => {
    await assert.rejects(unpackReport(gzipSync(zeros), limit), isTooLarge)
    await assert.rejects(unpackReport(zipOf('a.xml', zeros), limit), isTooLarge)
    await assert.rejects(unpackReport(zeros, limit), isTooLarge)
  })

  test('and what an archive says of their size is not believed', async () => {
    await assert.rejects(unpackReport(zipOf('a.xml', zeros, { saysBytes: 10 }), limit), isTooLarge)
    await assert.rejects(unpackReport(zipOf('a.xml', zeros, { descriptor: true }), limit), isTooLarge)
    await assert.rejects(
      unpackReport(zipOf('a.xml', document, { saysBytes: 4_000_000_000 }), limit),
      isTooLarge,
    )
  })

  test('exactly the limit is taken', async () => {
    const full = Buffer.alloc(limit, 'x')
    for (const bytes of [full, gzipSync(full), zipOf('a.xml', full)]) {
      assert.equal((await unpackReport(bytes, limit)).length, limit)
    }
  })

  test('ten thousand entries', async () => {
    const entries = Array.from({ length: 10_000 }, (_, i) => zipOf(`${i}.txt`, Buffer.from('x')))
    await assert.rejects(unpackReport(Buffer.concat(entries), limit), /too many entries/)
  })
})

test('what cannot be unpacked', async () => {
  const zip = Buffer.from(zipSync({ 'a.xml': document }))
  for (const bytes of [
    gzipSync(document).subarray(0, 40),
    Buffer.from('1f8b00', 'hex'),
    zip.subarray(0, 60),
    Buffer.from(zipSync({ 'a.txt': document })),
    Buffer.from('PK'),
    Buffer.from('PK\x03\x04 and nothing'),
  ]) {
    await assert.rejects(unpackReport(bytes, limit), SyntaxFault)
  }
})

test('changed archives are unpacked within the limit or refused', async () => {
  const archives = [
    gzipSync(document),
    zipOf('a.xml', document),
    zipOf('a.xml', document, { descriptor: true }),
  ]
  const change = fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 }))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...archives),
      fc.array(change, { maxLength: 4 }),
      async (archive, changes) => {
        const bytes = Buffer.from(archive)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        try {
          assert.ok((await unpackReport(bytes, limit)).length <= limit)
        } catch (error) {
          assert.ok(error instanceof SyntaxFault || isTooLarge(error), String(error))
        }
      },
    ),
    { numRuns: 1500 },
  )
})
