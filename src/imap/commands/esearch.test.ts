import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ask, ImapTestServer, inbox } from '../fixture.test.ts'

const [sent, archive] = [3, 6] as MailboxId[] as [MailboxId, MailboxId]
const anna = 8 as AccountId
const staff = 9 as AccountId
const freds = 'Other Users/fred@example.org'
const staffs = 'Shared Folders/staff@example.org'
/** UIDVALIDITY has its own test. */
const plain = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/ UIDVALIDITY \d+\)/, ' UIDVALIDITY v)'))

const asked = async (client: Conversation, line: string): Promise<string[]> => plain(await ask(client, line))

/** What an ESEARCH finds, by mailboxes; and that it ends well. */
async function found(client: Conversation, line: string): Promise<Record<string, string>> {
  const lines = await ask(client, `t ESEARCH ${line}`)
  assert.equal(lines.at(-1), 't OK ESEARCH completed', client.transcript)
  const results: Record<string, string> = {}
  for (const one of lines.slice(0, -1)) {
    const [, name, rest] =
      /^\* ESEARCH \(TAG "t" MAILBOX (INBOX|"[^"]*") UIDVALIDITY [1-9]\d*\) UID (.*)$/.exec(one) ?? []
    assert.ok(name !== undefined, client.transcript)
    assert.ok(!(name in results), client.transcript)
    results[name.replaceAll('"', '')] = rest!
  }
  return results
}

/** Mailboxes with these numbers of messages, which are made where they do not exist. */
async function fill(server: ImapTestServer, mailboxes: Readonly<Record<string, number>>): Promise<void> {
  const client = await server.signedIn()
  for (const [name, count] of Object.entries(mailboxes)) {
    if (name !== 'INBOX' && name !== 'Archive') await ask(client, `c CREATE "${name}"`)
    for (let i = 1; i <= count; i++) {
      const text = `Subject: ${name} ${i}\r\n\r\nbody\r\n`
      await ask(client, `d APPEND "${name}" {${text.length}+}\r\n${text}`)
    }
  }
  client.end()
}

test('[MULTISEARCH] the example of RFC 7377 §3', async () => {
  await using server = await ImapTestServer.start()
  await fill(server, {
    folder1: 3,
    folder2: 0,
    'folder2/banana': 2,
    'folder2/peach': 1,
    'folder2/peach/chad': 2,
    'folder2/salmon': 3,
    folder20: 1,
  })
  const client = await server.signedIn()
  client.send(
    'tag1 ESEARCH IN (mailboxes "folder1" subtree "folder2") unseen',
    'tag2 ESEARCH IN (mailboxes "folder1" subtree-one "folder2") subject "3"',
  )
  const lines = plain([...(await client.until('tag1 OK')), ...(await client.until('tag2 OK'))])
  assert.deepEqual(lines, [
    '* ESEARCH (TAG "tag1" MAILBOX "folder1" UIDVALIDITY v) UID ALL 1:3',
    '* ESEARCH (TAG "tag1" MAILBOX "folder2/banana" UIDVALIDITY v) UID ALL 1:2',
    '* ESEARCH (TAG "tag1" MAILBOX "folder2/peach" UIDVALIDITY v) UID ALL 1',
    '* ESEARCH (TAG "tag1" MAILBOX "folder2/peach/chad" UIDVALIDITY v) UID ALL 1:2',
    '* ESEARCH (TAG "tag1" MAILBOX "folder2/salmon" UIDVALIDITY v) UID ALL 1:3',
    'tag1 OK ESEARCH completed',
    '* ESEARCH (TAG "tag2" MAILBOX "folder1" UIDVALIDITY v) UID ALL 3',
    '* ESEARCH (TAG "tag2" MAILBOX "folder2/salmon" UIDVALIDITY v) UID ALL 3',
    'tag2 OK ESEARCH completed',
  ])
  const [status] = await ask(client, 's STATUS folder1 (UIDVALIDITY)')
  const [first] = await ask(client, 'u ESEARCH IN (mailboxes folder1) ALL')
  assert.equal(/UIDVALIDITY \d+/.exec(first!)![0], /UIDVALIDITY \d+/.exec(status!)![0])
})

test('[MULTISEARCH] every source, each mailbox once', async () => {
  await using server = await ImapTestServer.start()
  await fill(server, { INBOX: 1, Archive: 2, 'a/b': 1, 'a/b/c': 1, 'Entw&APw-rfe': 1 })
  const client = await server.selected('Archive')
  const one = 'ALL 1'
  const all = { INBOX: one, Archive: 'ALL 1:2', 'a/b': one, 'a/b/c': one, 'Entw&APw-rfe': one }
  assert.deepEqual(await found(client, 'ALL'), { Archive: 'ALL 1:2' })
  assert.deepEqual(await found(client, 'IN (selected) ALL'), { Archive: 'ALL 1:2' })
  assert.deepEqual(await found(client, 'IN (personal) ALL'), all)
  assert.deepEqual(await found(client, 'IN (INBOXES) ALL'), all)
  await ask(client, 'u1 SUBSCRIBE a/b')
  await ask(client, 'u2 SUBSCRIBE Nowhere')
  const { 'a/b': subscribed } = await found(client, 'IN (Subscribed) SUBJECT a/b')
  assert.equal(subscribed, one)
  assert.deepEqual(await found(client, 'IN (subtree a) ALL'), { 'a/b': one, 'a/b/c': one })
  assert.deepEqual(await found(client, 'IN (subtree-one a) ALL'), { 'a/b': one })
  assert.deepEqual(await found(client, 'IN (subtree (a/b inbox) mailboxes INBOX selected) ALL'), {
    Archive: 'ALL 1:2',
    INBOX: one,
    'a/b': one,
    'a/b/c': one,
  })
  // No wildcards, and what does not exist is passed over.
  assert.deepEqual(await found(client, 'IN (mailboxes ("*" Nowhere "Entw&APw-rfe" "&bad")) ALL'), {
    'Entw&APw-rfe': one,
  })
  await ask(client, 'e ENABLE IMAP4rev2')
  assert.deepEqual(await asked(client, 'v ESEARCH IN (mailboxes "Entw\xc3\xbcrfe") ALL'), [
    '* ESEARCH (TAG "v" MAILBOX "Entw\xc3\xbcrfe" UIDVALIDITY v) UID ALL 1',
    'v OK ESEARCH completed',
  ])
  // The selection is what it was.
  await ask(client, 'w FETCH 2 UID', ['* 2 FETCH (UID 2)', 'w OK FETCH completed'])
})

test('results of each mailbox; nothing is said of those without', async () => {
  await using server = await ImapTestServer.start()
  await fill(server, { INBOX: 5, Archive: 2 })
  const client = await server.signedIn()
  assert.deepEqual(await found(client, 'IN (personal) RETURN (MIN MAX COUNT) NOT SUBJECT "Archive 1"'), {
    INBOX: 'MIN 1 MAX 5 COUNT 5',
    Archive: 'MIN 2 MAX 2 COUNT 1',
  })
  assert.deepEqual(await found(client, 'IN (personal) RETURN (COUNT) SUBJECT nowhere'), {})
  assert.deepEqual(await found(client, 'IN (personal) RETURN () SUBJECT "2"'), {
    INBOX: 'ALL 2',
    Archive: 'ALL 2',
  })
  assert.deepEqual(await found(client, 'IN (personal) RETURN (CONTEXT PARTIAL 3:4) ALL'), {
    INBOX: 'PARTIAL (3:4 3:4)',
    Archive: 'PARTIAL (3:4 NIL)',
  })
  // RFC 7377 §2: numbers beyond the end are no error.
  assert.deepEqual(await found(client, 'IN (personal) FROM "" 2:3'), { INBOX: 'ALL 2:3', Archive: 'ALL 2' })
  assert.deepEqual(await found(client, 'IN (personal) 101:200'), {})
})

test('MODSEQ and object identifiers are those of each mailbox', async () => {
  await using server = await ImapTestServer.start()
  await server.add(anna, 'anna@example.org')
  await server.share(archive, anna, 'lr')
  await server.deliver('Subject: a\n\n', { mailbox: archive })
  await server.deliver('Subject: b\n\n', { to: anna })
  const client = await server.signedIn('anna@example.org')
  const foreign = (await ask(client, `a ESEARCH IN (mailboxes (INBOX "${freds}/Archive")) MODSEQ 1`)).slice(
    0,
    -1,
  )
  assert.match(foreign.join('\n'), /INBOX .* UID ALL 1 MODSEQ \d+\n.*Archive" .* UID ALL 1 MODSEQ \d+$/)
  const sources = `IN (mailboxes (INBOX "${freds}/Archive"))`
  assert.deepEqual(await found(client, `${sources} EMAILID M1`), { INBOX: 'ALL 1' })
  assert.deepEqual(await found(client, `${sources} EMAILID M7_1`), { [`${freds}/Archive`]: 'ALL 1' })
})

test('rights: r for all, l for what was not named, and silence about the rest', async () => {
  await using server = await ImapTestServer.start()
  await server.add(staff, 'staff@example.org', { isGroup: true })
  await server.add(anna, 'anna@example.org', { groups: [staff] })
  for (const mailbox of [inbox, sent, archive]) await server.deliver('Subject: x\n\n', { mailbox })
  await server.deliver('Subject: x\n\n', { to: staff })
  await server.share(inbox, anna, 'l')
  await server.share(sent, anna, 'r')
  await server.share(archive, anna, 'lr')
  const client = await server.signedIn('anna@example.org')
  assert.deepEqual(await found(client, `IN (subtree "${freds}") ALL`), { [`${freds}/Archive`]: 'ALL 1' })
  assert.deepEqual(
    await found(client, `IN (mailboxes ("${freds}/INBOX" "${freds}/Sent" "${freds}/Archive")) ALL`),
    {
      [`${freds}/Sent`]: 'ALL 1',
      [`${freds}/Archive`]: 'ALL 1',
    },
  )
  assert.deepEqual(await found(client, 'IN (subtree ("Other Users" "Shared Folders")) ALL'), {
    [`${freds}/Archive`]: 'ALL 1',
    [`${staffs}/INBOX`]: 'ALL 1',
  })
  assert.deepEqual(await found(client, 'IN (subtree-one "Other Users") ALL'), {})
  assert.deepEqual(await found(client, 'IN (personal) ALL'), {})
  await ask(client, `s SUBSCRIBE "${freds}/Archive"`)
  assert.deepEqual(await found(client, 'IN (subscribed) ALL'), { [`${freds}/Archive`]: 'ALL 1' })
  await server.share(archive, anna, '')
  assert.deepEqual(await found(client, 'IN (subscribed) ALL'), {})
  const selected = await server.selected(`"${staffs}/INBOX"`, { as: 'anna@example.org' })
  assert.deepEqual(await found(selected, 'ALL'), { [`${staffs}/INBOX`]: 'ALL 1' })
})

test('SAVE only for the selected mailbox, UPDATE only of it', async () => {
  await using server = await ImapTestServer.start()
  await fill(server, { INBOX: 3, Archive: 1 })
  const client = await server.selected()
  const bad = async (line: string): Promise<void> =>
    assert.match((await ask(client, `b ESEARCH ${line}`)).join(), /^b BAD /, line)
  await ask(client, 'a ESEARCH RETURN (SAVE) 2:3', ['a OK ESEARCH completed'])
  await ask(client, 'b SEARCH $', ['* SEARCH 2 3', 'b OK SEARCH completed'])
  assert.deepEqual(await found(client, 'IN (selected) RETURN (SAVE MIN) ALL'), { INBOX: 'MIN 1' })
  await ask(client, 'b SEARCH $', ['* SEARCH 1', 'b OK SEARCH completed'])
  assert.deepEqual(await found(client, 'IN (personal) $'), { INBOX: 'ALL 1' })
  await bad('IN (selected personal) RETURN (SAVE) ALL')
  await bad('IN (mailboxes INBOX) RETURN (SAVE) ALL')
  await ask(client, 'c ESEARCH IN (personal) RETURN (UPDATE COUNT) UNSEEN')
  await bad('RETURN (UPDATE) CHARSET "UTF-8')
  await ask(client, 'c ESEARCH RETURN (UPDATE) ALL', ['c BAD Tag of a search with UPDATE'])
  await ask(client, 'd ESEARCH IN (mailboxes Archive) RETURN (UPDATE COUNT) UNSEEN')
  assert.match(client.transcript, /NO \[NOUPDATE "d"\]/)
  assert.deepEqual(await asked(client, 'e STORE 1 +FLAGS.SILENT (\\Seen)'), [
    '* ESEARCH (TAG "c" MAILBOX INBOX UIDVALIDITY v) UID REMOVEFROM (0 1)',
    'e OK STORE completed',
  ])
  await ask(client, 'f CANCELUPDATE "c"', ['f OK No further updates'])
  await ask(client, 'g UNSELECT')
  await bad('ALL')
  await bad('IN (selected) ALL')
  await bad('IN (personal selected) ALL')
  await bad('IN (personal) RETURN (UPDATE) ALL')
})

test('what is wrong is refused, and there are limits', async () => {
  await using server = await ImapTestServer.start({ maxSearchMailboxes: 5 })
  const client = await server.selected()
  const answer = async (line: string): Promise<string> => (await ask(client, `a ESEARCH ${line}`)).join('\n')
  for (const line of [
    'IN () ALL',
    'IN (selected-delayed) ALL',
    'IN (mailboxes) ALL',
    'IN (mailboxes ()) ALL',
    'IN (nothing) ALL',
    'IN (personal (option)) ALL',
    'IN (personal)',
    'IN personal ALL',
  ])
    assert.match(await answer(line), /^a BAD /, line)
  assert.match(await answer('IN (personal) ALL'), /^a NO \[LIMIT\] /)
  const names = `INBOX ${'x '.repeat(1000)}x`
  assert.match(await answer(`IN (mailboxes (${names})) ALL`), /^a NO \[LIMIT\] /)
  assert.match(await answer('IN (mailboxes INBOX) CHARSET KOI8-R ALL'), /^a NO \[BADCHARSET /)
  assert.match(await answer('IN (mailboxes INBOX) ALL'), /^a OK /)
})

test('message numbers among the keys keep their meaning while it runs', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  const other = await server.selected()
  await ask(other, 'x STORE 1 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'y EXPUNGE')
  assert.deepEqual(await asked(client, 'a ESEARCH 2:3'), [
    '* ESEARCH (TAG "a" MAILBOX INBOX UIDVALIDITY v) UID ALL 2:3',
    'a OK ESEARCH completed',
  ])
  assert.deepEqual(await asked(client, 'b ESEARCH UID 2'), [
    '* ESEARCH (TAG "b" MAILBOX INBOX UIDVALIDITY v) UID ALL 2',
    '* 1 EXPUNGE',
    'b OK ESEARCH completed',
  ])
})
