import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { Conversation } from '../../../test/harness/conversation.ts'
import { connectionPair } from '../../../test/harness/pipe.ts'
import { TestServer } from './fixture.test.ts'
import { SmtpProtocol } from './protocol.ts'

test('a protocol serves one session for every connection and counts them', async () => {
  await using s = await TestServer.start()
  let read: (() => number | Promise<number>) | undefined
  const telemetry: Telemetry = {
    ...silentTelemetry,
    with: () => telemetry,
    gauge: (_kind, reader) => {
      read = reader
      return { [Symbol.dispose]: () => undefined }
    },
  }
  const { pause: _pause, newSessionId: _newSessionId, ...shared } = s.deps
  using protocol = new SmtpProtocol('lmtp', { ...shared, telemetry })
  const { server, client } = connectionPair()
  const served = protocol.serve(server).then(() => server.close())
  const c = new Conversation(client)
  await c.expect('220 mx.example.org LMTP ready')
  assert.equal(await read!(), 1)
  await c.ask('QUIT', '221 ')
  await c.expectEnd()
  await served
  assert.equal(await read!(), 0)
  assert.equal(
    Buffer.from(protocol.refusal('tooManyConnections')).toString(),
    '421 4.7.0 Too many connections, try again later\r\n',
  )
})
