import { test } from 'node:test'
import type { Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox } from '../fixture.test.ts'

const remove = (server: ImapTestServer, ...uids: number[]) =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, uids as Uid[], { onlyDeleted: false }),
  )

/** Sixteen messages with gaps in their UIDs: 3, 5 to 9 and 11 to 20. */
async function withGaps(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start({ minUidBatchSize: 2, maxUidBatches: 8 })
  await server.fill(20)
  await remove(server, 1, 2, 4, 10)
  return server
}

test('[UIDBATCHES] the mailbox in ranges of UIDs, from the newest, without a gap and down to 1', async () => {
  await using server = await withGaps()
  const client = await server.selected()
  await ask(client, 'A143 UIDBATCHES 5', [
    '* UIDBATCHES (TAG "A143") 20:16,15:10,9:4,3:1',
    'A143 OK UIDBATCHES completed',
  ])
  await ask(client, 'A144 UID SEARCH UID 9:4', ['* SEARCH 5 6 7 8 9', 'A144 OK UID SEARCH completed'])
  // Of a size that fits, the last is as large as the others.
  await ask(client, 'A145 uidbatches 4', [
    '* UIDBATCHES (TAG "A145") 20:17,16:13,12:8,7:1',
    'A145 OK UIDBATCHES completed',
  ])
  await ask(client, 'A146 UIDBATCHES 16', ['* UIDBATCHES (TAG "A146") 20:1', 'A146 OK UIDBATCHES completed'])
  await ask(client, 'A147 UIDBATCHES 4294967295', [
    '* UIDBATCHES (TAG "A147") 20:1',
    'A147 OK UIDBATCHES completed',
  ])
  await ask(client, 'A148 UIDBATCHES 15', [
    '* UIDBATCHES (TAG "A148") 20:4,3:1',
    'A148 OK UIDBATCHES completed',
  ])
})

test('some of the batches, and those that are not there', async () => {
  await using server = await withGaps()
  const client = await server.selected()
  await ask(client, 'A302 UIDBATCHES 5 2:3', [
    '* UIDBATCHES (TAG "A302") 15:10,9:4',
    'A302 OK UIDBATCHES completed',
  ])
  await ask(client, 'A303 UIDBATCHES 5 3:7', [
    '* UIDBATCHES (TAG "A303") 9:4,3:1',
    'A303 OK UIDBATCHES completed',
  ])
  await ask(client, 'A304 UIDBATCHES 5 6:8', ['* UIDBATCHES (TAG "A304")', 'A304 OK UIDBATCHES completed'])
  await ask(client, 'A305 UIDBATCHES 5 4:4', [
    '* UIDBATCHES (TAG "A305") 3:1',
    'A305 OK UIDBATCHES completed',
  ])
})

test('an empty mailbox, and one with one message', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(client, 'A302 UIDBATCHES 2000', ['* UIDBATCHES (TAG "A302")', 'A302 OK UIDBATCHES completed'])
  await server.fill(1)
  await ask(client, 'A303 NOOP')
  await ask(client, 'A304 UIDBATCHES 500', ['* UIDBATCHES (TAG "A304") 1:1', 'A304 OK UIDBATCHES completed'])
})

test('too small, too many, and the wrong way round', async () => {
  await using server = await withGaps()
  const client = await server.selected()
  await ask(client, 'A1 UIDBATCHES 1', ['A1 NO [TOOFEW] Minimum batch size is 2'])
  await ask(client, 'A2 UIDBATCHES 2000 4:1', ['A2 BAD [CLIENTBUG] Invalid batch range'])
  await ask(client, 'A3 UIDBATCHES 2000 1:100', ['A3 NO [TOOMANY] Too many messages'])
  await ask(client, 'A4 UIDBATCHES 2', [
    '* UIDBATCHES (TAG "A4") 20:19,18:17,16:15,14:13,12:10,9:8,7:6,5:1',
    'A4 OK UIDBATCHES completed',
  ])
  await server.fill(1)
  await ask(client, 'A5 NOOP')
  await ask(client, 'A6 UIDBATCHES 2', ['A6 NO [TOOMANY] Too many messages in mailbox'])
  for (const bad of ['', ' 0', ' 500 ', ' 500 1', ' 500 1:', ' 500 0:1', ' 500 1:*', ' 500 1:2,3:4', ' -5'])
    await ask(client, `A7 UIDBATCHES${bad}`).then(([line]) => line!.startsWith('A7 BAD ') || fail(line!))
  await ask(client, 'A8 UNSELECT')
  await ask(client, 'A9 UIDBATCHES 500', ['A9 BAD Select a mailbox first'])
})

test('the same again only when much has changed, or the mailbox is selected anew', async () => {
  await using server = await withGaps()
  const client = await server.selected()
  await ask(client, 'A1 UIDBATCHES 5')
  const refused = 'NO [LIMIT] You have the answer, and little has changed since'
  await ask(client, 'A2 UIDBATCHES 5', [`A2 ${refused}`])
  await remove(server, 20, 19)
  await ask(client, 'A3 NOOP')
  await ask(client, 'A4 UIDBATCHES 5', [`A4 ${refused}`])
  await remove(server, 18)
  await ask(client, 'A5 NOOP')
  await ask(client, 'A6 UIDBATCHES 5', [
    '* UIDBATCHES (TAG "A6") 17:13,12:7,6:1',
    'A6 OK UIDBATCHES completed',
  ])
  await server.fill(3)
  await ask(client, 'A7 NOOP')
  await ask(client, 'A8 UIDBATCHES 5', [
    '* UIDBATCHES (TAG "A8") 23:16,15:10,9:4,3:1',
    'A8 OK UIDBATCHES completed',
  ])
  await ask(client, 'A9 SELECT INBOX')
  await ask(client, 'B1 UIDBATCHES 5', [
    '* UIDBATCHES (TAG "B1") 23:16,15:10,9:4,3:1',
    'B1 OK UIDBATCHES completed',
  ])
})

test('it is no search: what is saved stays', async () => {
  await using server = await withGaps()
  const client = await server.selected()
  await ask(client, 'A1 SEARCH RETURN (SAVE) 2')
  await ask(client, 'A2 UIDBATCHES 5')
  await ask(client, 'A3 FETCH $ UID', ['* 2 FETCH (UID 5)', 'A3 OK FETCH completed'])
})

function fail(line: string): never {
  throw new Error(line)
}
