import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeManaged } from '../managed-fixture.test.ts'

test('RFC 8620 §5.5: windows, totals and anchors of a list of domains', async () => {
  const { call } = await makeManaged()
  const names = ['a.example', 'b.example', 'c.example', 'd.example']
  for (const name of names) await call('x:Domain/set', { create: { d: { name } } })
  const all = await call('x:Domain/query', { calculateTotal: true })
  const ids = all['ids'] as readonly string[]
  assert.equal(all['total'], ids.length)
  assert.equal(ids.length, 5)
  assert.equal(all['canCalculateChanges'], false)
  const window = async (args: object): Promise<unknown> => (await call('x:Domain/query', { ...args }))['ids']
  assert.deepEqual(await window({ position: 1, limit: 2 }), ids.slice(1, 3))
  assert.deepEqual(await window({ position: -2 }), ids.slice(-2))
  assert.deepEqual(await window({ position: -99, limit: 1 }), ids.slice(0, 1))
  assert.deepEqual(await window({ anchor: ids[3], anchorOffset: -1, limit: 2 }), ids.slice(2, 4))
  assert.deepEqual(await window({ anchor: ids[0], anchorOffset: -9, limit: 1 }), ids.slice(0, 1))
  assert.deepEqual(await window({ position: 99 }), [])
  assert.deepEqual(await window({ limit: 0 }), [])
  const wrong = async (args: object): Promise<unknown> =>
    (await call('x:Domain/query', { ...args }, { expect: 'error' }))['type']
  assert.equal(await wrong({ anchor: 'nope' }), 'anchorNotFound')
  assert.equal(await wrong({ limit: -1 }), 'invalidArguments')
  assert.equal(await wrong({ sort: [{ property: 'name' }] }), 'unsupportedSort')
  assert.equal(await wrong({ filter: { nope: 1 } }), 'unsupportedFilter')
  assert.equal(await wrong({ filter: { operator: 'AND', conditions: [] } }), 'unsupportedFilter')
})
