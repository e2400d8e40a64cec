import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createdAt } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const minute = 60_000

/** Messages 1 to `count`, of which each answers the one that `parents` names; what has no number is elsewhere. */
async function correspondence(
  server: ImapTestServer,
  count: number,
  parents: Readonly<Record<number, number | string>>,
): Promise<void> {
  for (let i = 1; i <= count; i++) {
    const parent = parents[i] === undefined ? '' : `In-Reply-To: <${parents[i]}@x>\n`
    await server.deliver(`Message-ID: <${i}@x>\n${parent}Subject: number ${i}\n\nx\n`, {
      receivedAt: createdAt + i * minute,
    })
  }
}

test('[THREAD=REFERENCES] the examples of RFC 5256 §4: chains, branches, and parents that are not there', async () => {
  await using server = await ImapTestServer.start()
  // Parents may have come later than their children.
  await correspondence(server, 96, { 6: 3, 4: 6, 44: 6, 23: 4, 7: 44, 96: 7 })
  const client = await server.selected()
  await ask(client, 'a1 THREAD REFERENCES UTF-8 2:4,6:7,23,44,96', [
    '* THREAD (2)(3 6 (4 23)(44 7 96))',
    'a1 OK THREAD completed',
  ])
  // What a search leaves out holds together what is below it, where that is several.
  await ask(client, 'a2 THREAD REFERENCES UTF-8 4,23,44', ['* THREAD ((4 23)(44))', 'a2 OK THREAD completed'])
  await ask(client, 'a3 THREAD REFERENCES UTF-8 23,96', ['* THREAD (23)(96)', 'a3 OK THREAD completed'])
  await ask(client, 'a4 THREAD REFERENCES US-ASCII TEXT "gewp"', ['* THREAD', 'a4 OK THREAD completed'])
})

test('siblings whose parent is in no mailbox are one thread', async () => {
  await using server = await ImapTestServer.start()
  await correspondence(server, 5, { 3: 'elsewhere', 5: 'elsewhere' })
  const client = await server.selected()
  await ask(client, 'a THREAD REFERENCES UTF-8 3:5', ['* THREAD ((3)(5))(4)', 'a OK THREAD completed'])
})

test('[THREAD=ORDEREDSUBJECT] a thread for each base subject, without grandchildren', async () => {
  await using server = await ImapTestServer.start()
  const subjects = ['first', 'Plan', 'Re: plan', 'PLAN', 'last', 'Fwd: Last', '\u00c4rger', 're: a\u0308rger']
  for (const [i, subject] of subjects.entries()) {
    await server.deliverBytes(Buffer.from(`Subject: ${subject}\r\n\r\nx\r\n`), {
      receivedAt: createdAt + i * minute,
    })
  }
  const client = await server.selected()
  await ask(client, 'A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000', [
    '* THREAD (1)(2 (3)(4))(5 6)(7 8)',
    'A283 OK THREAD completed',
  ])
  await ask(client, 'A284 THREAD ORDEREDSUBJECT US-ASCII TEXT "gewp"', [
    '* THREAD',
    'A284 OK THREAD completed',
  ])
  await ask(client, 'A285 THREAD REFERENCES UTF-8 ALL', [
    '* THREAD (1)((2 3)(4))(5 6)(7 8)',
    'A285 OK THREAD completed',
  ])
})

test('UID THREAD, after others removed what was between; MODSEQ changes nothing (RFC 7162 §3.1.9)', async () => {
  await using server = await ImapTestServer.start()
  await correspondence(server, 4, { 2: 1, 3: 2, 4: 3 })
  const client = await server.selected()
  const other = await server.selected()
  await ask(other, 'o1 STORE 1 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'o2 EXPUNGE')
  // Until the client is told, the numbers are those that it knows.
  const [line, ...rest] = await ask(client, 'a THREAD REFERENCES UTF-8 ALL')
  assert.equal(line, '* THREAD (2 3 4)')
  assert.ok(!rest.join().includes('EXPUNGE'), client.transcript)
  const lines = await ask(client, 'b UID THREAD REFERENCES UTF-8 ALL')
  assert.equal(lines[0], '* THREAD (2 3 4)')
  assert.ok(lines.includes('* 1 EXPUNGE'), client.transcript)
  const modseq = await ask(client, 'c UID THREAD ORDEREDSUBJECT UTF-8 MODSEQ 1')
  assert.ok(modseq.includes('* THREAD (2)(3)(4)'), client.transcript)
  await ask(client, 'd THREAD REFERENCES UTF-8 ALL', ['* THREAD (1 2 3)', 'd OK THREAD completed'])
})

test('deep threads are written without an end of the stack', async () => {
  await using server = await ImapTestServer.start()
  const depth = 600
  // Each message has two answers, of which one goes on.
  const parents: Record<number, number> = {}
  for (let i = 2; i <= depth; i++) parents[i] = i % 2 === 0 ? Math.max(1, i - 2) : i - 1 || 1
  parents[2] = 1
  await correspondence(server, depth, parents)
  const client = await server.selected()
  const [line] = await ask(client, 'a THREAD REFERENCES UTF-8 ALL')
  assert.equal(line!.match(/\d+/g)!.length, depth)
  assert.equal(line!.match(/\(/g)!.length, line!.match(/\)/g)!.length)
  assert.ok(line!.startsWith('* THREAD (1 2 (3)(4 (5)(6 '))
})

test('what is no threading is refused, and so is more than the limit', async () => {
  await using server = await ImapTestServer.start({ maxThreadIds: 1000 })
  await server.fill(1)
  const client = await server.selected()
  for (const args of [
    'REFERENCES UTF-8',
    'REFERENCES ALL',
    'REFS UTF-8 ALL',
    'REFERENCES UTF-8 NONSENSE',
    '',
  ]) {
    assert.match((await ask(client, `a THREAD ${args}`)).join(), /^a BAD /, args)
  }
  await ask(client, 'b THREAD REFERENCES KOI8-R ALL', [
    'b NO [BADCHARSET (US-ASCII UTF-8)] That charset is not supported',
  ])
  for (let i = 0; i < 25; i++) {
    const references = Array.from({ length: 45 }, (_, k) => `<${i}.${k}@x>`).join('\n ')
    await server.deliver(`References: ${references}\n\nx\n`)
  }
  await ask(client, 'c NOOP')
  await ask(client, 'd THREAD REFERENCES UTF-8 ALL', [
    'd NO [LIMIT] Too many messages and references for one command',
  ])
  const lines = await ask(client, 'e THREAD REFERENCES UTF-8 1:3')
  assert.equal(lines[0], '* THREAD (1)(2)(3)')
})
