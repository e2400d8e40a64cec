import { test } from 'node:test'
import type { Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox } from '../fixture.test.ts'

test('[IDLE] tells what happens when it happens, expunges too', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected()
  client.send('a1 IDLE')
  await client.expect('+ ')
  await server.fill(1)
  await client.expect(/^\* 3 EXISTS$/)
  await server.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [2 as Uid], { how: 'add', keywords: ['$flagged'] }),
  )
  await client.expect(/^\* 2 FETCH \(UID 2 FLAGS \(\\Flagged\)\)$/)
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, [1 as Uid], { onlyDeleted: false }),
  )
  await client.expect(/^\* 1 EXPUNGE$/)
  client.send('done')
  await client.expect('a1 OK IDLE terminated')
  await ask(client, 'a2 FETCH 1:* UID', ['* 1 FETCH (UID 2)', '* 2 FETCH (UID 3)', 'a2 OK FETCH completed'])
})

test('the heartbeat finds what no hint announced', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  client.send('a1 IDLE')
  await client.expect('+ ')
  server.bus[Symbol.dispose]()
  await server.fill(1)
  server.accountWatch.beat()
  await client.expect(/^\* 1 EXISTS$/)
})

test('what changed before IDLE is told at once; without a mailbox there is nothing to tell', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await server.fill(1)
  client.send('a1 IDLE')
  await client.expectLines(['+ ', /^\* 1 EXISTS$/])
  client.send('DONE')
  await client.expect('a1 OK')
  await ask(client, 'a2 UNSELECT')
  client.send('a3 IDLE', 'DONE', 'a4 NOOP')
  await client.expectLines(['+ ', 'a3 OK', 'a4 OK'])
})

test('anything but DONE is an error, and a silent client is logged out', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  client.send('a1 IDLE')
  await client.expect('+ ')
  client.send('a2 NOOP')
  await client.expect('a1 BAD Expected DONE')
  await ask(client, 'a3 NOOP', ['a3 OK NOOP completed'])
  client.send('a4 IDLE')
  await client.expect('+ ')
  client.end()
  await client.expectEnd()
})
