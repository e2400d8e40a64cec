import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable } from './printable.ts'

test('printable ASCII of the length that is said', () => {
  assert.equal(printable('a\r\n\x7fé\ud83d ~', 20), 'a????? ~')
  assert.equal(printable('a\r\n\x7fé\ud83d ~', 20), 'a????? ~')
  assert.equal(printable('a\r\n\x7fé\ud83d ~', 20), 'a????? ~')
})
