/** Keywords: those of the registry (RFC 5788, RFC 8457, RFC 9979) and those that clients make up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, ImapTestServer } from '../fixture.test.ts'

/** As the registry spells them. */
const registered = [
  '$Forwarded',
  '$Important',
  '$Junk',
  '$MDNSent',
  '$MailFlagBit0',
  '$MailFlagBit1',
  '$MailFlagBit2',
  '$NotJunk',
  '$Phishing',
  '$SubmitPending',
  '$Submitted',
  '$autosent',
  '$canunsubscribe',
  '$followed',
  '$hasattachment',
  '$hasmemo',
  '$hasnoattachment',
  '$imported',
  '$istrusted',
  '$maskedemail',
  '$memo',
  '$muted',
  '$new',
  '$notify',
  '$unsubscribed',
]
/** Of Thunderbird and others. */
const unregistered = ['$label1', 'Junk', 'NonJunk', 'work', 'a-b.c!d#e', '[x']

test('all keywords are kept, spelled as the registry does, and shown in FLAGS and PERMANENTFLAGS', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  const all = [...registered, ...unregistered]
  // Written in any case.
  const [stored] = await ask(client, `a1 STORE 1 +FLAGS (${all.map((word) => word.toUpperCase()).join(' ')})`)
  const flags = (line: string): string[] => /FLAGS \(([^()]*)\)/.exec(line)![1]!.split(' ').toSorted()
  assert.deepEqual(flags(stored!), all.toSorted())
  await ask(client, 'a2 COPY 1 Archive')
  client.sendRaw(`a3 APPEND Archive (${all.join(' ')}) {4+}\r\nx: y\r\n`)
  await client.expect('a3 OK')
  const opened = await ask(client, 'a4 SELECT Archive')
  const system = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft']
  assert.deepEqual(flags(opened.find((line) => line.startsWith('* FLAGS'))!), [...system, ...all].toSorted())
  const permanent = opened.find((line) => line.includes('[PERMANENTFLAGS '))!
  assert.deepEqual(flags(permanent.replace('PERMANENT', '')), [...system, ...all, '\\*'].toSorted())
  for (const line of (await ask(client, 'a5 FETCH 1:2 FLAGS')).slice(0, 2))
    assert.deepEqual(flags(line), all.toSorted())
  for (const word of all) {
    await ask(client, `a6 SEARCH KEYWORD ${word.toLowerCase()}`, ['* SEARCH 1 2', 'a6 OK SEARCH completed'])
    await ask(client, `a7 SEARCH UNKEYWORD ${word.toUpperCase()}`, ['* SEARCH', 'a7 OK SEARCH completed'])
  }
  await ask(client, `a8 STORE 1:2 -FLAGS.SILENT (${registered.join(' ')})`)
  for (const line of (await ask(client, 'a9 FETCH 1:2 FLAGS')).slice(0, 2))
    assert.deepEqual(flags(line), unregistered.toSorted())
})

test('a message has only so many keywords, of only such lengths', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  const long = (count: number, length: number): string =>
    Array.from({ length: count }, (_, i) => `${i}k`.padEnd(length, 'x')).join(' ')
  await ask(client, `a1 STORE 1 +FLAGS (${long(129, 5)})`, ['a1 NO [LIMIT] Too many keywords'])
  await ask(client, `a2 STORE 1 +FLAGS (${long(1, 256)})`, ['a2 NO [CANNOT] No such keyword'])
  await ask(client, `a3 STORE 1 +FLAGS.SILENT (${long(16, 255)})`, ['a3 OK STORE completed'])
  await ask(client, 'a4 STORE 1 +FLAGS.SILENT (12345678901234567)', ['a4 NO [LIMIT] Too many keywords'])
  client.sendRaw(`a5 APPEND INBOX (${long(129, 5)}) {4+}\r\nx: y\r\n`)
  await client.expect('a5 NO [')
  await ask(client, 'a6 STORE 1 FLAGS.SILENT ()', ['a6 OK STORE completed'])
})

test('mailboxes for what is important, for memos, and for what comes later', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  for (const use of ['Important', 'Memos', 'Scheduled', 'Snoozed']) {
    const [made] = await ask(client, `a1 CREATE ${use} (USE (\\${use.toUpperCase()}))`)
    assert.match(made!, /^a1 OK /)
    await ask(client, `a2 LIST "" ${use} RETURN (SPECIAL-USE)`, [
      `* LIST (\\HasNoChildren \\${use}) "/" "${use}"`,
      'a2 OK LIST completed',
    ])
  }
  const lines = await ask(client, 'a3 LIST (SPECIAL-USE) "" %')
  assert.equal(lines.filter((line) => /\\(Important|Memos|Scheduled|Snoozed)/.test(line)).length, 4)
})
