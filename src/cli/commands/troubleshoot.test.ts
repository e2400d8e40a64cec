import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from '../fixture.test.ts'

test('each step in words, what to do, and an exit code that says whether mail gets there', async (t) => {
  const { postern, state } = await serve(t)
  const good = await postern('troubleshoot delivery bob@remote.example', { columns: 80 })
  assert.equal(good.code, 0, good.err)
  assert.match(good.out, /^ +0\.\d s {2}ok {7}route\n +bob@remote\.example goes by MX\n/)
  assert.match(good.out, /\nMail for bob@remote\.example gets there\. None was sent\.\n$/)
  state.probe = async () => false
  const bad = await postern('troubleshoot delivery bob@remote.example', { columns: 80 })
  assert.equal(bad.code, 1)
  assert.match(bad.out, /problem {2}RCPT\n +550 no such user\n +-> Ask for the address\.\n/)
  const json = await postern('troubleshoot delivery bob@remote.example --json')
  const lines = json.out.trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { event: string }).event),
    ['step', 'step', 'end'],
  )
  assert.equal((await postern('troubleshoot delivery bob')).code, 64)
  assert.equal((await postern('troubleshoot delivery "a b@@c"')).code, 1)
})
