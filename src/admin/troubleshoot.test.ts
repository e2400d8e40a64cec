import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApi } from './fixture.test.ts'

const path = '/api/troubleshoot/delivery/bob@remote.example'

test('steps come as they happen, and whoever goes away ends the test', async () => {
  const { ask, asAdmin, state } = await makeApi()
  const stopped = Promise.withResolvers<void>()
  state.probe = (signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        stopped.resolve()
        reject(new Error('gone'))
      })
    })
  const response = await ask(path, { headers: { authorization: asAdmin } })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const reader = response.body!.getReader()
  const { value } = (await reader.read()) as { value: Uint8Array }
  assert.match(Buffer.from(value).toString(), /^event: step\ndata: \{"step":"route",.*"afterMs":\d+\}\n\n$/)
  await reader.cancel()
  await stopped.promise
})

test('it is for those who may, for addresses, and not too often', async () => {
  const { ask, asAdmin, crashes, accounts, basic } = await makeApi()
  const headers = { authorization: asAdmin }
  assert.equal((await ask('/api/troubleshoot/delivery/nobody', { headers })).status, 404)
  assert.equal((await ask(`${path}?from=nobody`, { headers })).status, 400)
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createAccount({ name: 'alice@example.org', password: 'correct horse battery' })
  const others = { authorization: basic('alice@example.org', 'correct horse battery') }
  assert.equal((await ask(path, { headers: others })).status, 403)
  for (let i = 0; i < 20; i++) assert.match(await (await ask(path, { headers })).text(), /event: end\n/)
  const refused = await ask(path, { headers })
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.deepEqual(crashes, [])
})

test('a defect is no answer of its own: the end says so, without what it was', async () => {
  const { ask, asAdmin, state } = await makeApi()
  state.probe = async () => {
    throw new Error('secret reason')
  }
  const text = await (await ask(path, { headers: { authorization: asAdmin } })).text()
  assert.match(text, /event: end\ndata: \{"accepted":false,.*"failure":"internal error"\}/)
  assert.ok(!text.includes('secret'))
})
