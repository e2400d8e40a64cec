import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { accountDefaults, accountRowTable } from '#account/tables.ts'
import { openTestStore, temporaryDirectory } from '../../../test/harness/store.ts'
import { runLine } from '../fixture.test.ts'

const postern = (...args: readonly string[]) => runLine(args)

describe('postern check', () => {
  it('ends with 0 where all is well, with 1 where not, and with 0 once that is repaired', async () => {
    const directory = temporaryDirectory()
    const check = (...flags: readonly string[]) => postern('check', '--data', directory, ...flags)
    await using _removed = { [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) }
    {
      await using _store = await openTestStore('lmdb', { directory })
    }
    const { code, out, err } = await check('--quick')
    assert.deepEqual([code, out, err], [0, `0 accounts in ${directory}: everything is in order.\n`, ''])
    {
      await using store = await openTestStore('lmdb', { directory })
      const row = { ...accountDefaults, name: 'a@example.org', emailAddress: 'a@example.org' }
      await store.db.write([], async (tx) => tx.put(accountRowTable, [1 as AccountId], row))
    }
    const found = await check()
    assert.equal(found.code, 1)
    assert.match(found.out, /account-name-missing: 1 found/)
    assert.match(found.err, /left to repair/)
    const shown = JSON.parse((await check('--json', '--repair')).out) as { left: number; repaired: number }
    assert.equal(shown.left, 0)
    assert.ok(shown.repaired >= 4)
    assert.equal((await check()).code, 0)
  })

  it('ends with 2 where there is nothing to look at', async () => {
    const { code, err, out } = await postern('check', '--data', join(temporaryDirectory(), 'none'))
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, /There is no mail store in/)
  })
})
