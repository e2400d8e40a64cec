/**
 * A write of LMDB's file fails. LMDB either takes the next transaction, or gives up for good, which it does after a
 * failed write of its first pages, and then says so, so that the process ends and is started again: a server that
 * goes on would answer everybody with errors.
 *
 * A fault that turns it red, planted by hand and seen: what LMDB says of the transaction is passed on as it is.
 */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { EngineLost } from '#kv/backend.ts'
import { LmdbWriter } from '#kv/engines/lmdb.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { needs } from '../interop/program.ts'
import { FailingCalls } from './failing-calls.ts'

const writes = ['pwrite64', 'pwritev', 'write', 'writev']

/** What became of transactions, one after the other, of which a write of one fails. */
async function outcomes(when: string): Promise<readonly string[]> {
  const directory = temporaryDirectory()
  const writer = new LmdbWriter(directory)
  const put = (i: number): string => {
    try {
      writer.apply([[Buffer.from(`key ${i}`), Buffer.alloc(3000, i)]])
      return 'done'
    } catch (error) {
      return error instanceof EngineLost ? 'lost' : 'failed'
    }
  }
  try {
    put(0)
    await using _failing = await FailingCalls.of(process.pid, writes, {
      on: [join(directory, 'rows.lmdb')],
      when,
    })
    return Array.from({ length: 6 }, (_, i) => put(i + 1))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

it('LMDB goes on after an error of the disk, or says that it cannot', needs('strace'), async () => {
  const seen = new Set<string>()
  for (const when of ['1', '2', '3', '4']) {
    const all = await outcomes(when)
    const text = all.join(' ')
    assert.match(text, /^(done )*((failed )+(done ?)+|(failed )*(lost ?)+)$/, `write ${when}: ${text}`)
    seen.add(all.at(-1)!)
  }
  assert.ok(seen.has('lost'), 'no write of the first pages failed')
})
