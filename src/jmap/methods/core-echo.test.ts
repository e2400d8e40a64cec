import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'

test('RFC 8620 §4.1: the arguments come back as they are, whatever they are', async () => {
  const server = await JmapTestServer.start()
  const args = { hello: true, high: 5, nested: { list: [null, 'ü', {}], __proto__x: 1 } }
  const { answers } = await server.request([
    ['Core/echo', args, 'b3ff'],
    ['Core/echo', {}, ''],
  ])
  assert.deepEqual(answers, [
    ['Core/echo', args, 'b3ff'],
    ['Core/echo', {}, ''],
  ])
})
