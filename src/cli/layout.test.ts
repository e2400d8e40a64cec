import assert from 'node:assert/strict'
import { test } from 'node:test'
import { table } from './layout.ts'

const row = [
  '2026-11-28T18:09:50Z',
  'alice@example.org',
  'create',
  'AccountPassword',
  'of account 1',
  '127.0.0.1',
]
const heads = ['AT', 'WHO', 'DID', 'OBJECT', 'NAME', 'FROM']

test('a table that is too wide loses its last column, then a little of each wide one', () => {
  const [, line] = table(heads, [row], 80).split('\n')
  assert.equal(line, '2026-11-28T18:09:50Z  alice@exampl…  create  AccountPassw…  of account 1  127.0…')
  assert.equal(line?.length, 80)
  const said = 'what another server said, as long as it is'
  const [, queued] = table(
    ['TO', 'FROM', 'SAID'],
    [['bob@example.net', 'alice@example.org', said]],
    60,
  ).split('\n')
  assert.match(queued!, /^bob@example\.net {2}alice@example\.org {2}what /)
})

test('a table that fits stays whole, and so does one in a pipe', () => {
  for (const columns of [200, undefined]) {
    const [, line] = table(heads, [row], columns).split('\n')
    assert.equal(line, row.join('  '))
  }
})

test('however narrow the screen, what things are called by stays', () => {
  const [, line] = table(['NAME', 'OTHER'], [['alice@example.org', 'x'.repeat(100)]], 10).split('\n')
  assert.equal(line, 'alice@example.org  xxxxx…')
})
