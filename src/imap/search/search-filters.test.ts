import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const values = '/private/filters/values'

/** A filter as it is stored: quoted. */
async function setFilter(client: Conversation, name: string, keys: string): Promise<void> {
  const quoted = keys.replace(/["\\]/g, '\\$&')
  await ask(client, `set SETMETADATA "" (${name} "${quoted}")`, ['set OK SETMETADATA completed'])
}

const found = async (client: Conversation, keys: string): Promise<string> => {
  const lines = await ask(client, `s SEARCH ${keys}`)
  assert.equal(lines.at(-1), 's OK SEARCH completed', client.transcript)
  return lines[0]!.replace('* SEARCH', '').trim()
}

const refused = async (client: Conversation, keys: string, code: string): Promise<void> => {
  const lines = await ask(client, `s SEARCH ${keys}`)
  assert.ok(lines[0]!.startsWith(`s ${code}`), client.transcript)
}

async function start(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  const receivedAt = Date.UTC(2002, 11, 5)
  await server.deliver('From: boss@example.com\nSubject: one\n\nshort\n', { receivedAt })
  await server.deliver(`From: boss@example.com\nSubject: two\n\n${'long\n'.repeat(2000)}`, { receivedAt })
  await server.deliver(`From: eve@example.com\nSubject: three\n\n${'long\n'.repeat(2000)}`, { receivedAt })
  await server.deliver('From: eve@example.com\nSubject: four\n\nshort\n', {
    receivedAt: Date.UTC(2002, 11, 1),
    keywords: ['$seen'],
  })
  return server
}

test('[FILTERS] the examples of RFC 5466 §3.1 and §3.2', async () => {
  await using server = await start()
  const client = await server.selected()
  await ask(
    client,
    'a007 SETMETADATA "" ("/private/filters/values/on-the-road" "OR SMALLER 5000 FROM \\"boss@example.com\\"")',
    ['a007 OK SETMETADATA completed'],
  )
  const expected = await found(client, 'UID 2:900 OR SMALLER 5000 FROM "boss@example.com" SINCE "3-Dec-2002"')
  assert.equal(expected, '2')
  assert.equal(await found(client, 'UID 2:900 FILTER on-the-road SINCE "3-Dec-2002"'), expected)
  assert.equal(await found(client, 'FILTER On-The-Road'), '1 2 4')
  await ask(client, 'a GETMETADATA "" /private/filters/values/on-the-road', [
    '* METADATA "" (/private/filters/values/on-the-road "OR SMALLER 5000 FROM \\"boss@example.com\\"")',
    'a OK GETMETADATA completed',
  ])
  await ask(client, 'b SETMETADATA "" (/private/filters/values/on-the-road NIL)', [
    'b OK SETMETADATA completed',
  ])
  await refused(client, 'FILTER on-the-road', 'NO [UNDEFINED-FILTER on-the-road]')
})

test('[FILTERS] keys of a filter stand together, wherever it is named', async () => {
  await using server = await start()
  const client = await server.selected()
  await setFilter(client, `${values}/big`, 'LARGER 5000 FROM boss')
  assert.equal(await found(client, 'FILTER big'), '2')
  assert.equal(await found(client, 'NOT FILTER big'), '1 3 4')
  assert.equal(await found(client, 'OR FILTER big SEEN'), '2 4')
  assert.equal(await found(client, 'CHARSET UTF-8 FILTER big'), '2')
  await ask(client, 'u UID SEARCH RETURN (COUNT) (SUBJECT two FILTER big)', [
    '* ESEARCH (TAG "u") UID COUNT 1',
    'u OK UID SEARCH completed',
  ])
  assert.match(
    (await ask(client, 'e ESEARCH IN (personal) FILTER big')).join(),
    /MAILBOX INBOX .*UID ALL 2,e OK/,
  )
  await setFilter(client, `${values}/word`, 'OR SUBJECT "\xc3\xb6" SUBJECT two')
  assert.equal(await found(client, 'FILTER word'), '2')
  await setFilter(client, `${values}/changed`, 'MODSEQ 1')
  const [enabled, result] = await ask(client, 'm SEARCH RETURN (COUNT) FILTER changed')
  assert.match(enabled!, /HIGHESTMODSEQ/)
  assert.match(result!, /^\* ESEARCH \(TAG "m"\) COUNT 4 MODSEQ \d+$/)
  client.sendRaw(Buffer.from(`l SETMETADATA "" (${values}/literal {16+}\r\nSUBJECT {3}\r\none)\r\n`))
  await client.expect('l OK')
  assert.equal(await found(client, 'FILTER literal'), '1')
})

test('private filters come before shared ones, and are not those of others', async () => {
  await using server = await start()
  await server.add(8, 'anna@example.org', { permissions: ['sysImapUpdate'] })
  const anna = await server.signedIn('anna@example.org')
  await setFilter(anna, '/shared/filters/values/mine', 'SUBJECT one')
  await setFilter(anna, '/private/filters/values/annas', 'ALL')
  const client = await server.selected()
  assert.equal(await found(client, 'FILTER mine'), '1')
  await setFilter(client, `${values}/mine`, 'SUBJECT two')
  assert.equal(await found(client, 'FILTER mine'), '2')
  await ask(client, 'n SETMETADATA "" (/private/filters/values/mine NIL)')
  assert.equal(await found(client, 'FILTER mine'), '1')
  await refused(client, 'FILTER annas', 'NO [UNDEFINED-FILTER annas]')
  assert.match(
    (await ask(client, 'x SETMETADATA "" (/shared/filters/values/mine "ALL")')).join(),
    /^x NO \[NOPERM\]/,
  )
})

test('filters in filters: three passes and more, no circles', async () => {
  await using server = await start()
  const client = await server.selected()
  await setFilter(client, `${values}/f1`, 'SUBJECT o')
  for (let i = 2; i <= 9; i++) await setFilter(client, `${values}/f${i}`, `FILTER f${i - 1} UNSEEN`)
  assert.equal(await found(client, 'FILTER f4'), '1 2')
  assert.equal(await found(client, 'FILTER f8'), '1 2')
  await refused(client, 'FILTER f9', 'NO [UNDEFINED-FILTER f1]')
  await setFilter(client, `${values}/self`, 'UNSEEN FILTER Self')
  await refused(client, 'FILTER self', 'NO [UNDEFINED-FILTER Self]')
  await setFilter(client, `${values}/ping`, 'FILTER pong')
  await setFilter(client, `${values}/pong`, 'FILTER ping')
  await refused(client, 'FILTER ping', 'NO [UNDEFINED-FILTER ping]')
  for (const [name, next] of ['ab', 'bc', 'ca'])
    await setFilter(client, `${values}/${name}`, `FILTER ${next}`)
  await refused(client, 'FILTER a', 'NO [UNDEFINED-FILTER a]')
  await setFilter(client, `${values}/lost`, 'FILTER nowhere')
  await refused(client, 'FILTER lost', 'NO [UNDEFINED-FILTER nowhere]')
  assert.equal(await found(client, 'ALL'), '1 2 3 4')
})

test('what is no filter is refused when it is stored, and when it is used', async () => {
  await using server = await start()
  const client = await server.selected()
  for (const keys of ['OR SMALLER 5000', '', 'NOTHING', 'ALL ', '(ALL', 'FROM', 'FILTER a/b']) {
    const lines = await ask(client, `a SETMETADATA "" (${values}/bad "${keys}" ${values}/good "ALL")`)
    assert.match(lines.join(), /^a NO \[CANNOT\] /, keys)
  }
  await refused(client, 'FILTER good', 'NO [UNDEFINED-FILTER good]')
  for (const keys of ['FILTER', 'FILTER a/b', 'FILTER "a"', 'FILTER (a)']) await refused(client, keys, 'BAD ')
  await refused(client, 'CHARSET KOI8-R FILTER good', 'BAD [BADCHARSET (US-ASCII UTF-8)]')
  await refused(client, 'CHARSET KOI8-R ALL', 'NO [BADCHARSET (US-ASCII UTF-8)]')
  // Descriptions are any text.
  await ask(client, 'd SETMETADATA "" (/private/filters/descriptions/good "no search")', [
    'd OK SETMETADATA completed',
  ])
})

test('filters that multiply are refused before they cost anything', async () => {
  await using server = await start()
  const client = await server.selected()
  await setFilter(client, `${values}/f0`, 'SEEN')
  for (let i = 1; i <= 7; i++)
    await setFilter(client, `${values}/f${i}`, `FILTER f${i - 1} `.repeat(50).trimEnd())
  // With all of them it would never end.
  await refused(client, 'FILTER f7', 'NO [LIMIT]')
})

test('a saved search that fails for a filter leaves nothing saved; UPDATE follows what the filter was', async () => {
  await using server = await start()
  const client = await server.selected()
  await ask(client, 'a SEARCH RETURN (SAVE) ALL')
  await refused(client, 'RETURN (SAVE) FILTER nowhere', 'NO [UNDEFINED-FILTER nowhere]')
  assert.equal(await found(client, '$'), '')
  await setFilter(client, `${values}/new`, 'UNSEEN')
  await ask(client, 'u UID SEARCH RETURN (UPDATE) FILTER new')
  await setFilter(client, `${values}/new`, 'SEEN')
  await server.fill(1)
  await ask(client, 'n NOOP', ['* 5 EXISTS', '* ESEARCH (TAG "u") UID ADDTO (0 5)', 'n OK NOOP completed'])
})
