import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from '../fixture.test.ts'

test('findings in words, and an exit code that says whether something must be done', async (t) => {
  const { postern, state, asked } = await serve(t)
  state.findings = [{ check: 'disk', result: 'ok', said: '5GB are free' }]
  assert.deepEqual(await postern('doctor --to example.net', { columns: 80 }), {
    code: 0,
    out: 'ok       disk\n         5GB are free\n\nNothing must be done.\n',
    err: '',
    asked: [],
  })
  assert.equal(asked.at(-1), 'GET /api/doctor?domain=example.net')
  state.findings = [
    ...state.findings,
    { check: 'MX', of: 'example.org', result: 'problem', said: 'no MX record', advice: 'Add one.' },
  ]
  const { code, out } = await postern('doctor')
  assert.equal(code, 1)
  assert.match(out, /problem {2}MX example\.org\n +no MX record\n +-> Add one\.\n\n1 thing must be done\.\n$/)
  const json = await postern('doctor --json')
  assert.equal(json.code, 1)
  assert.equal((JSON.parse(json.out) as { problems: number }).problems, 1)
})
