import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, ImapTestServer } from '../fixture.test.ts'

test('[LITERAL-] what does not wait to be asked is short, and the session goes on where it is not', async () => {
  await using server = await ImapTestServer.start({ allowLargeLiterals: false })
  const client = server.connect()
  const greeting = await client.expect('* OK')
  assert.ok(greeting.includes(' LITERAL- ') && !greeting.includes('LITERAL+'), greeting)
  client.sendRaw('A001 LOGIN {16+}\r\nfred@example.org {6+}\r\nsecret\r\n')
  const [done] = await client.until('A001 OK')
  assert.ok(done!.includes(' LITERAL- ') && !done!.includes('LITERAL+'), done)
  const refused = 'BAD [TOOBIG] Wait to be asked for a literal of that size'
  client.sendRaw(`A002 APPEND INBOX {4096+}\r\n${'x'.repeat(4096)}\r\n`)
  await client.expect('A002 OK [APPENDUID ')
  client.sendRaw(`A003 APPEND INBOX {4097+}\r\n${'x'.repeat(4097)}\r\n`)
  await client.expect(`A003 ${refused}`)
  client.sendRaw(`A004 APPEND INBOX {4+}\r\nx: y {5000+}\r\n${'x'.repeat(5000)} {4+}\r\nx: y\r\n`)
  await client.expect(`A004 ${refused}`)
  client.sendRaw(`A005 APPEND INBOX ~{4097+}\r\n${'x'.repeat(4097)}\r\n`)
  await client.expect(`A005 ${refused}`)
  client.sendRaw(`A006 APPEND INBOX CATENATE (TEXT {4097+}\r\n${'x'.repeat(4097)})\r\n`)
  await client.expect(`A006 ${refused}`)
  client.sendRaw(`A007 LIST "" {4097+}\r\n${'x'.repeat(4097)}\r\n`)
  await client.expect(`A007 ${refused}`)
  client.send('A008 APPEND INBOX {5000}')
  await client.expect('+ OK')
  client.sendRaw(`${'x'.repeat(5000)}\r\n`)
  await client.expect('A008 OK [APPENDUID ')
  await ask(client, 'A009 STATUS INBOX (MESSAGES)', [
    '* STATUS INBOX (MESSAGES 2)',
    'A009 OK STATUS completed',
  ])
  client.sendRaw('A010 APPEND INBOX {999999999999+}\r\n')
  await client.expect('* BYE [TOOBIG] ')
})
