import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/harness/store.ts'
import { LmdbReader, LmdbWriter } from './lmdb.ts'

const key = Buffer.from('key')

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory()
  try {
    await body(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

describe('the file of LMDB', () => {
  it('has its name only when it is whole, whatever an earlier start left', () =>
    inDirectory(async (directory) => {
      writeFileSync(join(directory, 'rows.lmdb.new'), 'half of a store')
      {
        using writer = new LmdbWriter(directory)
        writer.apply([[key, Buffer.from('value')]])
      }
      assert.deepEqual(readdirSync(directory).sort(), ['rows.lmdb', 'rows.lmdb-lock'])
      using again = new LmdbWriter(directory)
      assert.equal(Buffer.from(again.get(key)!).toString(), 'value')
    }))

  it('is refused with a reason where it is no store', () =>
    inDirectory(async (directory) => {
      mkdirSync(directory, { recursive: true })
      const file = join(directory, 'rows.lmdb')
      writeFileSync(file, Buffer.alloc(8192))
      assert.throws(() => new LmdbWriter(directory), /rows\.lmdb is damaged/)
      assert.throws(() => new LmdbReader(directory), /rows\.lmdb is damaged/)
      truncateSync(file, 100)
      assert.throws(() => new LmdbWriter(directory), /rows\.lmdb is damaged/)
    }))
})
