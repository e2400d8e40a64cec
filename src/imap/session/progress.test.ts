import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { ask, ImapTestServer } from '../fixture.test.ts'

/** Where whatever waits for the store waits some milliseconds more. */
async function slowServer(messages: number): Promise<ImapTestServer> {
  const server = await ImapTestServer.start({ progressInterval: 5 })
  await server.fill(messages)
  return server
}

const slowly = (server: ImapTestServer): void => {
  const read = server.db.read.bind(server.db)
  const write = server.db.write.bind(server.db)
  server.db.read = (async (...args: Parameters<typeof read>) => {
    await sleep(12)
    return read(...args)
  }) as typeof read
  server.db.write = (async (...args: Parameters<typeof write>) => {
    await sleep(12)
    return write(...args)
  }) as typeof write
}

test('[INPROGRESS] a search that takes long says how far it is, and never that it is done', async () => {
  await using server = await slowServer(600)
  const client = await server.selected()
  slowly(server)
  const lines = await ask(client, 'A001 search text "number 447"')
  const news = lines.slice(0, -2)
  assert.ok(news.length > 0, client.transcript)
  let before = 0
  for (const line of news) {
    const [, done, goal, percent] = line.match(
      /^\* OK \[INPROGRESS \("A001" (\d+) (\d+)\)\] Processed (\d+)% of the messages$/,
    )!
    assert.equal(goal, '600')
    assert.ok(Number(done) >= before && Number(done) < 600)
    assert.equal(Number(percent), Math.floor(Number(done) / 6))
    before = Number(done)
  }
  assert.ok(before > 0)
  assert.deepEqual(lines.slice(-2), ['* SEARCH 447', 'A001 OK SEARCH completed'])
})

test('so do COPY, MOVE, STORE and EXPUNGE, before anything else is told', async () => {
  await using server = await slowServer(20)
  const client = await server.selected()
  slowly(server)
  for (const [line, text] of [
    ['A003 COPY 1:20 Archive', /^A003 OK \[COPYUID /],
    ['A004 STORE 1:20 +FLAGS.SILENT (\\Deleted)', /^A004 OK STORE completed$/],
    ['A005 MOVE 1:5 Archive', /^\* OK \[COPYUID /],
    ['A006 EXPUNGE', /^\* 15 EXPUNGE$|^\* 1 EXPUNGE$/],
  ] as const) {
    const lines = await ask(client, line)
    const tag = line.slice(0, 4)
    const first = lines.findIndex((one) => !one.startsWith('* OK [INPROGRESS ('))
    assert.ok(first > 0, client.transcript)
    for (const one of lines.slice(0, first))
      assert.match(one, new RegExp(`\\[INPROGRESS \\("${tag}" (\\d+ (20|5|15)|NIL NIL)\\)\\] `))
    assert.match(lines[first]!, text)
    assert.ok(lines.slice(first).every((one) => !one.includes('INPROGRESS')))
  }
})

test('a tag that no response code can hold is NIL', async () => {
  await using server = await slowServer(300)
  const client = await server.selected()
  slowly(server)
  const [first] = await ask(client, 'a] SEARCH TEXT nothing')
  assert.match(first!, /^\* OK \[INPROGRESS \(NIL \d+ 300\)\] /)
})

test('what is quick is not told', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a SEARCH TEXT number', ['* SEARCH 1 2 3', 'a OK SEARCH completed'])
})

test('who leaves while a command takes long disturbs nobody', async () => {
  await using server = await slowServer(600)
  const client = await server.selected()
  slowly(server)
  client.send('a SEARCH TEXT nothing')
  await client.expect('* OK [INPROGRESS')
  client.destroy()
  await sleep(40)
  assert.deepEqual(
    server.told.filter(({ event }) => event === 'imap.error'),
    [],
  )
})

test('all is done but the commit: that is not said in numbers', async () => {
  await using server = await slowServer(20)
  const client = await server.selected()
  const write = server.db.write.bind(server.db)
  server.db.write = (async (...args: Parameters<typeof write>) => {
    const result = await write(...args)
    await sleep(30)
    return result
  }) as typeof write
  const lines = await ask(client, 'a COPY 1:20 Archive')
  assert.ok(lines.includes('* OK [INPROGRESS ("a" NIL NIL)] Still at it'), client.transcript)
  assert.ok(!lines.some((line) => line.includes(' 20 20)')))
})
