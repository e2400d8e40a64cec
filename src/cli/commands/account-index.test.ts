import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from '../fixture.test.ts'

test('how far the search indexes are, in words and for programs', async (t) => {
  const { postern } = await serve(t)
  const { code, out, asked } = await postern('account index')
  assert.equal(code, 0)
  assert.equal(out, '1 account, 0 messages\nin the index: 0 messages, in 0 segments of 0B altogether\n')
  assert.deepEqual(asked, [])
  const json = JSON.parse((await postern('account index --json')).out) as { messages: number }
  assert.equal(json.messages, 0)
})

test('an index is made anew, and whoever wants to waits for it', async (t) => {
  const { postern, asked } = await serve(t)
  const { code, out } = await postern('account reindex')
  assert.equal(code, 0)
  assert.match(out, /^The search indexes of all accounts are being made anew\./)
  assert.equal(asked.at(-1), 'POST /api/search/reindex')
  const waited = await postern('account reindex --wait')
  assert.match(waited.out, /^1 account, 0 messages\n/)
  assert.deepEqual(asked.slice(-2), ['POST /api/search/reindex', 'GET /api/search/index'])
  const unknown = await postern('account reindex nobody@example.org')
  assert.equal(unknown.code, 1)
  assert.match(unknown.err, /no such account/)
})
