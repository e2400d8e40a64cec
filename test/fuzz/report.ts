/** Fuzz targets of `src/report`: what reports come in. */
import assert from 'node:assert/strict'
import { isFault, SyntaxFault } from '#base/fault.ts'
import { unpackReport } from '#report/unpack.ts'

const limit = 100_000

/** As it is, and as an archive: the first bytes decide, which chance would not hit. */
async function unpack(bytes: Uint8Array): Promise<void> {
  for (const start of ['', '1f8b0800', '504b0304']) {
    try {
      const unpacked = await unpackReport(Buffer.concat([Buffer.from(start, 'hex'), bytes]), limit)
      assert.ok(unpacked.length <= limit)
    } catch (error) {
      if (!(error instanceof SyntaxFault) && !isFault(error, 'tooLarge')) throw error
    }
  }
}

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [{ name: 'report unpack', parser: 'archives', run: unpack }]
