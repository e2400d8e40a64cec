import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from '../fixture.test.ts'

test('the key of push services is exchanged at a word', async (t) => {
  const { postern, asked } = await serve(t)
  const soft = await postern('push rotate')
  assert.equal(soft.code, 0, soft.err)
  assert.match(
    soft.out,
    /^The key is [\w-]{87} now\.\nSubscriptions that were made with the old one go on until \d{4}-\d\d-\d\dT[\d:.]+Z\.\n$/,
  )
  const hard = await postern('push rotate --now')
  assert.match(hard.out, /\nSubscriptions that were made with the old one have ended\.\n$/)
  assert.deepEqual(asked.slice(-2), ['POST /api/push/rotate', 'POST /api/push/rotate?now=true'])
  const json = JSON.parse((await postern('push rotate --now --json')).out) as { oldUntil: unknown }
  assert.equal(json.oldUntil, null)
})
