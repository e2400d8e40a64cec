import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '#base/fault.ts'
import type { MailboxId, Uid } from '#base/id.ts'
import { cutLog } from '#kv/check-log.ts'
import { createMailbox, deleteMailbox, renameMailbox } from '#mail/mailbox.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox, validity } from '../fixture.test.ts'

/** A mailbox of the account; the first one that a test makes has id 7 and UIDVALIDITY `validity + 6`. */
const make = async (server: ImapTestServer, name: string, parent: MailboxId | 0 = 0): Promise<MailboxId> =>
  (await server.db.write([account], (tx) => createMailbox(tx, account, { name, parent, subscribed: true })))
    .id

const flag = (server: ImapTestServer, mailbox: MailboxId, uid: number, keyword = '$flagged') =>
  server.db.write([account], (tx) =>
    storeFlags(tx, account, mailbox, [uid as Uid], { how: 'add', keywords: [keyword] }),
  )

const remove = (server: ImapTestServer, mailbox: MailboxId, uid: number) =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, mailbox, [uid as Uid], { onlyDeleted: false }),
  )

const letter = 'From: alice@example.org\nTo: bob@example.org\nSubject: Re: good morning\n\nHello\n'

test('[NOTIFY] STATUS of other mailboxes and FETCH in the selected one, at any time', async () => {
  await using server = await ImapTestServer.start()
  const lists = await make(server, 'Lists')
  const lemonade = await make(server, 'Lemonade', lists)
  await server.fill(3, { mailbox: lemonade })
  await make(server, 'Im2000', lists)
  const client = await server.signedIn()
  await ask(
    client,
    'b NOTIFY SET STATUS (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge))',
    [
      `* STATUS "Lists" (UIDVALIDITY ${validity + 6} UIDNEXT 1 MESSAGES 0)`,
      `* STATUS "Lists/Lemonade" (UIDVALIDITY ${validity + 7} UIDNEXT 4 MESSAGES 3)`,
      `* STATUS "Lists/Im2000" (UIDVALIDITY ${validity + 8} UIDNEXT 1 MESSAGES 0)`,
      'b OK NOTIFY completed',
    ],
  )
  client.send('c SELECT INBOX')
  await client.until('c OK')
  await server.fill(1, { mailbox: lemonade })
  await client.expect(`* STATUS "Lists/Lemonade" (UIDVALIDITY ${validity + 7} UIDNEXT 5 MESSAGES 4)`)
  await server.deliver(letter)
  await client.expect('* 1 EXISTS')
  await client.expectLines([
    '* 1 FETCH (UID 1 BODY[HEADER.FIELDS (from to subject)] {75}',
    'From: alice@example.org',
    'To: bob@example.org',
    'Subject: Re: good morning',
    '',
    ')',
  ])
  await remove(server, inbox, 1)
  await client.expect('* 1 EXPUNGE')
  // The client wants to know about one more mailbox.
  const misc = await make(server, 'misc')
  await ask(client, 'd STATUS misc (UIDVALIDITY UIDNEXT MESSAGES)', [
    `* STATUS "misc" (UIDVALIDITY ${validity + 9} UIDNEXT 1 MESSAGES 0)`,
    'd OK STATUS completed',
  ])
  await ask(
    client,
    'e NOTIFY SET (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge)) (mailboxes misc (MessageNew MessageExpunge))',
    ['e OK NOTIFY completed'],
  )
  await server.fill(1, { mailbox: misc })
  await client.expect(`* STATUS "misc" (UIDVALIDITY ${validity + 9} UIDNEXT 2 MESSAGES 1)`)
})

test('NOTIFY as RFC 5465 prints it: events without parentheses, and one that lacks its other half', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(
    client,
    'b NOTIFY SET STATUS (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge) (subtree Lists MessageNew)',
    ['b BAD MessageNew and MessageExpunge go together, and with all other events of messages'],
  )
  await ask(client, 'c NOTIFY SET (selected MessageNew (uid) MessageExpunge)', ['c OK NOTIFY completed'])
  await server.fill(1)
  await client.expectLines(['* 1 EXISTS', '* 1 FETCH (UID 1)'])
})

test('NOTIFY: flags, in the selected mailbox and in others', async () => {
  await using server = await ImapTestServer.start()
  const misc = await make(server, 'misc')
  await server.fill(1)
  await server.fill(1, { mailbox: misc })
  const client = await server.selected()
  await ask(
    client,
    'a NOTIFY SET (selected (MessageNew MessageExpunge FlagChange)) (personal (MessageNew FlagChange MessageExpunge))',
    ['a OK NOTIFY completed'],
  )
  await flag(server, inbox, 1, '$junk')
  await client.expect('* 1 FETCH (UID 1 FLAGS ($Junk))')
  // Neither CONDSTORE nor other counts: there is nothing to tell.
  await flag(server, misc, 1)
  await flag(server, misc, 1, '$seen')
  await client.expect(`* STATUS "misc" (UIDVALIDITY ${validity + 6} UNSEEN 0)`)
  await ask(client, 'b ENABLE CONDSTORE')
  await flag(server, misc, 1, '$answered')
  await client.expect(/^\* STATUS "misc" \(UIDVALIDITY \d+ HIGHESTMODSEQ \d+\)$/)
  await server.fill(1, { mailbox: misc })
  await client.expect(
    /^\* STATUS "misc" \(UIDVALIDITY \d+ UIDNEXT 3 MESSAGES 2 HIGHESTMODSEQ \d+ UNSEEN 1\)$/,
  )
  await remove(server, misc, 1)
  await client.expect(/^\* STATUS "misc" \(UIDVALIDITY \d+ UIDNEXT 3 MESSAGES 1 HIGHESTMODSEQ \d+\)$/)
})

test('NOTIFY: with FlagChange, STATUS at the beginning has HIGHESTMODSEQ', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  client.send('a NOTIFY SET STATUS (mailboxes (Drafts nothing) (MessageNew MessageExpunge FlagChange))')
  await client.expectLines([
    /^\* STATUS "Drafts" \(UIDVALIDITY \d+ UIDNEXT 1 MESSAGES 0 HIGHESTMODSEQ \d+\)$/,
    'a OK',
  ])
})

test('NOTIFY: VANISHED in place of EXPUNGE with QRESYNC', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.signedIn()
  await ask(client, 'a ENABLE QRESYNC')
  client.send('b SELECT INBOX')
  await client.until('b OK')
  await ask(client, 'c NOTIFY SET (selected (MessageNew MessageExpunge))', ['c OK NOTIFY completed'])
  await remove(server, inbox, 2)
  await client.expect('* VANISHED 2')
})

test('NOTIFY: selected-delayed keeps expunges for a command that allows them', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a NOTIFY SET (selected-delayed (MessageNew (uid) MessageExpunge FlagChange))')
  await remove(server, inbox, 1)
  await server.fill(1)
  await client.expectLines(['* 4 EXISTS', '* 4 FETCH (UID 4)'])
  await ask(client, 'b FETCH 2 UID', ['* 2 FETCH (UID 2)', 'b OK FETCH completed'])
  await ask(client, 'c NOOP', ['* 1 EXPUNGE', 'c OK NOOP completed'])
  await remove(server, inbox, 2)
  client.send('d IDLE')
  await client.expectLines(['+ idling', '* 1 EXPUNGE'])
  client.send('DONE')
  await client.expect('d OK')
})

test('NOTIFY without the selected mailbox is a snapshot of it, in IDLE too; its own expunges are told', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await server.selected()
  await ask(client, 'a NOTIFY SET (selected NONE) (mailboxes Drafts (MessageNew MessageExpunge))')
  await server.fill(1)
  await remove(server, inbox, 1)
  await flag(server, inbox, 2)
  client.send('b IDLE')
  await client.expect('+ idling')
  await server.fill(1, { mailbox: 2 as MailboxId })
  await client.expect('* STATUS "Drafts"')
  client.send('DONE')
  await client.expect('b OK')
  await ask(client, 'c NOOP', ['c OK NOOP completed'])
  await ask(client, 'd UID STORE 3 +FLAGS.SILENT (\\Deleted)', ['d OK UID STORE completed'])
  const [first, second] = await ask(client, 'e EXPUNGE')
  assert.deepEqual([first, second], ['* 3 EXPUNGE', '* 1 EXPUNGE'])
  await ask(client, 'f NOOP', ['f OK NOOP completed'])
  await ask(client, 'g FETCH 1:* UID', ['* 1 FETCH (UID 2)', '* 2 FETCH (UID 4)', 'g OK FETCH completed'])
  // All that has gathered.
  await ask(client, 'h NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))', [
    '* 3 EXISTS',
    '* 1 FETCH (UID 2 FLAGS (\\Flagged))',
    'h OK NOTIFY completed',
  ])
})

test('NOTIFY: flags that were not asked for are told when they are', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a NOTIFY SET (selected (MessageNew MessageExpunge))')
  await flag(server, inbox, 2)
  await remove(server, inbox, 1)
  await client.expect('* 1 EXPUNGE')
  await server.fill(1)
  await client.expect('* 3 EXISTS')
  await ask(client, 'b NOOP', ['b OK NOOP completed'])
  await ask(client, 'c NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))', [
    '* 1 FETCH (UID 2 FLAGS (\\Flagged))',
    '* 3 FETCH (UID 4 FLAGS ())',
    'c OK NOTIFY completed',
  ])
  await ask(client, 'd NOOP', ['d OK NOOP completed'])
})

test('NOTIFY NONE: nothing more is told', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(
    client,
    'a NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))',
  )
  await ask(client, 'b NOTIFY NONE', ['b OK NOTIFY completed'])
  await server.fill(1)
  await server.fill(1, { mailbox: 2 as MailboxId })
  client.send('c IDLE', 'DONE')
  await client.expectLines(['+ idling', 'c OK'])
  await ask(client, 'd NOOP', ['d OK NOOP completed'])
})

test('NOTIFY: mailboxes that come, go and are renamed', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a NOTIFY SET (personal (MailboxName))', ['a OK NOTIFY completed'])
  const made = await make(server, 'NewMailbox')
  await client.expect('* LIST (\\HasNoChildren \\Subscribed) "/" "NewMailbox"')
  const below = await make(server, 'Below', made)
  await client.expectLines([
    '* LIST (\\HasChildren \\Subscribed) "/" "NewMailbox"',
    '* LIST (\\HasNoChildren \\Subscribed) "/" "NewMailbox/Below"',
  ])
  await server.db.write([account], (tx) => renameMailbox(tx, account, made, { name: 'Renamed', parent: 0 }))
  await client.expect('* LIST (\\HasChildren \\Subscribed) "/" "Renamed" ("OLDNAME" ("NewMailbox"))')
  await server.db.write([account], (tx) => deleteMailbox(tx, account, below))
  await client.expectLines([
    '* LIST (\\HasNoChildren \\Subscribed) "/" "Renamed"',
    '* LIST (\\NonExistent) "/" "Renamed/Below"',
  ])
})

test('NOTIFY: subscriptions, also to what is gone', async () => {
  await using server = await ImapTestServer.start()
  await make(server, 'SubscribedMailbox')
  const client = await server.signedIn()
  await ask(client, 'a NOTIFY SET (personal (SubscriptionChange))', ['a OK NOTIFY completed'])
  const other = await server.signedIn()
  await ask(other, 'b UNSUBSCRIBE SubscribedMailbox')
  await client.expect('* LIST (\\HasNoChildren) "/" "SubscribedMailbox"')
  await ask(other, 'c SUBSCRIBE SubscribedMailbox')
  await client.expect('* LIST (\\HasNoChildren \\Subscribed) "/" "SubscribedMailbox"')
  await ask(other, 'd DELETE SubscribedMailbox')
  await client.expect('* LIST (\\NonExistent \\Subscribed) "/" "SubscribedMailbox"')
  await ask(other, 'e UNSUBSCRIBE SubscribedMailbox')
  await client.expect('* LIST (\\NonExistent) "/" "SubscribedMailbox"')
})

test('NOTIFY: annotations of mailboxes and of the server, those that are removed too', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a NOTIFY SET (personal (MailboxMetadataChange ServerMetadataChange))')
  const other = await server.signedIn()
  await ask(other, 'b SETMETADATA INBOX (/shared/comment "Shared comment" /private/comment "Mine")')
  await client.expect('* METADATA INBOX /shared/comment /private/comment')
  await ask(other, 'c SETMETADATA INBOX (/shared/comment NIL)')
  await client.expect('* METADATA INBOX /shared/comment')
  await ask(other, 'd SETMETADATA "" (/private/comment "x")')
  await client.expect('* METADATA "" /private/comment')
  // Its own are not told, and other changes of the mailbox change none.
  await ask(client, 'e SETMETADATA INBOX (/private/comment "y")', ['e OK SETMETADATA completed'])
  await server.fill(1)
  await ask(client, 'f NOOP', ['f OK NOOP completed'])
  await server.add(9, 'admin@example.org', { permissions: ['sysImapUpdate'] })
  const admin = await server.signedIn('admin@example.org')
  await ask(admin, 'g SETMETADATA "" (/shared/comment "Down at noon")', ['g OK SETMETADATA completed'])
  server.accountWatch.beat()
  await client.expect('* METADATA "" /shared/comment')
})

test('NOTIFY: what the client does itself is not told, what others do meanwhile is', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  await ask(
    client,
    'a NOTIFY SET (selected (MessageNew (uid) MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName SubscriptionChange))',
  )
  assert.equal((await ask(client, 'b CREATE Mine')).length, 1)
  await ask(client, 'c COPY 1 Mine', [`c OK [COPYUID ${validity + 6} 1 1] COPY completed`])
  await ask(client, 'd COPY 1 INBOX', ['* 2 EXISTS', `d OK [COPYUID ${validity} 1 2] COPY completed`])
  await ask(client, 'e UNSUBSCRIBE Mine', ['e OK UNSUBSCRIBE completed'])
  client.send('f RENAME Mine Other')
  await client.expect('f OK')
  // Both in one piece of work.
  server.bus[Symbol.dispose]()
  await server.fill(1, { mailbox: 2 as MailboxId })
  client.send('g COPY 1 Other')
  await client.expectLines(['* STATUS "Drafts"', 'g OK'])
})

test('NOTIFY: events that there are not, groups that contradict each other, and too much', async () => {
  await using server = await ImapTestServer.start({ maxNotifyGroups: 2 })
  const client = await server.selected()
  const badEvent =
    'NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)] There are no such events'
  await ask(client, 'a NOTIFY SET (personal (NoSuchEvent))', [`a ${badEvent}`])
  await ask(client, 'b NOTIFY SET (selected (MessageNew MessageExpunge AnnotationChange))', [`b ${badEvent}`])
  for (const wrong of [
    '(personal (FlagChange))',
    '(personal (MessageNew))',
    '(personal (MessageExpunge))',
    '(personal (AnnotationChange))',
    '(selected (MailboxName))',
    '(selected NONE) (selected-delayed NONE)',
    '(personal (MessageNew (uid) MessageExpunge))',
    '(nobody (MailboxName))',
    '(personal ())',
    '(personal MailboxName',
    'personal (MailboxName)',
    '',
  ])
    await client.ask(`c NOTIFY SET ${wrong}`, 'c BAD')
  await client.ask('d NOTIFY', 'd BAD')
  await client.ask('e NOTIFY SOME', 'e BAD')
  await ask(
    client,
    'f NOTIFY SET (personal (MailboxName)) (inboxes (MailboxName)) (subscribed (MailboxName))',
    ['f NO [NOTIFICATIONOVERFLOW] Too many groups of events'],
  )
  // Nothing of this holds.
  await server.fill(1)
  await ask(client, 'g NOOP', ['* 1 EXISTS', 'g OK NOOP completed'])
})

test('NOTIFY: with more mailboxes than may be watched it is over', async () => {
  await using server = await ImapTestServer.start({ maxNotifyMailboxes: 6 })
  const client = await server.signedIn()
  await ask(client, 'a NOTIFY SET (personal (MailboxName))', ['a OK NOTIFY completed'])
  await make(server, 'Seventh')
  await client.expect('* OK [NOTIFICATIONOVERFLOW] Too many mailboxes to be watched')
  await ask(client, 'b NOTIFY SET (personal (MailboxName))', [
    'b NO [NOTIFICATIONOVERFLOW] Too many mailboxes to be watched',
  ])
  await make(server, 'Eighth')
  await ask(client, 'c NOOP', ['c OK NOOP completed'])
})

test('NOTIFY: several groups hold for one mailbox, and NONE for none of them', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(
    client,
    'a NOTIFY SET (mailboxes INBOX (Messagenew messageExpunge)) (personal (SubscriptionChange)) (mailboxes Junk NONE)',
    ['a OK NOTIFY completed'],
  )
  const other = await server.signedIn()
  await server.fill(1)
  await client.expect('* STATUS INBOX')
  await ask(other, 'b UNSUBSCRIBE Junk')
  await ask(other, 'c UNSUBSCRIBE INBOX')
  await client.expect('* LIST (\\HasNoChildren) "/" INBOX')
  await server.fill(1, { mailbox: 2 as MailboxId })
  await ask(client, 'd NOOP', ['d OK NOOP completed'])
})

test('NOTIFY: rights on mailboxes of others come and go', async () => {
  await using server = await ImapTestServer.start()
  const joe = await server.add(8, 'joe')
  const project = await make(server, 'Project')
  const path = 'Other Users/fred@example.org/Project'
  const client = await server.signedIn('joe')
  // What does not exist, or is not there for this user, is ignored.
  await ask(
    client,
    `a NOTIFY SET STATUS (mailboxes ("${path}" "Other Users/nobody/x" "Other Users") (MessageNew MessageExpunge))`,
    ['a OK NOTIFY completed'],
  )
  await server.share(project, joe.id, 'l')
  await client.expect(`* LIST (\\HasNoChildren \\NoAccess) "/" "${path}"`)
  await server.share(project, joe.id, 'lr')
  await client.expect(`* LIST (\\HasNoChildren) "/" "${path}"`)
  await server.fill(1, { mailbox: project })
  await client.expect(`* STATUS "${path}" (UIDVALIDITY ${validity + 6} UIDNEXT 2 MESSAGES 1)`)
  await server.share(project, joe.id, '')
  await client.expect(`* LIST (\\NoAccess) "/" "${path}"`)
  await server.fill(1, { mailbox: project })
  await ask(client, 'b NOOP', ['b OK NOOP completed'])
  await server.share(project, joe.id, 'l')
  await client.expect(`* LIST (\\HasNoChildren \\NoAccess) "/" "${path}"`)
  await ask(client, 'c NOTIFY SET STATUS (subtree "Other Users" (MessageNew MessageExpunge MailboxName))', [
    `* LIST (\\HasNoChildren \\NoAccess) "/" "${path}"`,
    'c OK NOTIFY completed',
  ])
  await server.share(project, joe.id, '')
  await client.expectLines([
    '* LIST (\\NonExistent) "/" "Other Users/fred@example.org"',
    `* LIST (\\NonExistent \\NoAccess) "/" "${path}"`,
  ])
})

test('SEARCH with UPDATE and items: those of new messages come before the result', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected()
  client.send('a00 SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (TO FROM SUBJECT)])) FROM "alice"')
  await client.expectLines(['* ESEARCH (TAG "a00") COUNT 0', 'a00 OK'])
  client.send('a01 IDLE')
  await client.expect('+ idling')
  await server.deliver(letter)
  await client.expectLines([
    '* 3 EXISTS',
    '* 3 FETCH (UID 3 BODY[HEADER.FIELDS (TO FROM SUBJECT)] {75}',
    'From: alice@example.org',
    'To: bob@example.org',
    'Subject: Re: good morning',
    '',
    ' FLAGS (\\Seen))',
    '* ESEARCH (TAG "a00") ADDTO (0 3)',
  ])
  client.send('DONE')
  await client.expect('a01 OK')
  // With what NOTIFY asks for in one response; what is not found gets that alone.
  await ask(client, 'a02 NOTIFY SET (selected (MessageNew (uid flags) MessageExpunge))')
  await server.fill(1)
  await client.expectLines(['* 4 EXISTS', '* 4 FETCH (UID 4 FLAGS ())'])
  await server.deliver(letter)
  await client.expectLines([
    '* 5 EXISTS',
    '* 5 FETCH (UID 5 FLAGS (\\Seen) BODY[HEADER.FIELDS (TO FROM SUBJECT)] {75}',
  ])
})

test('NOTIFY: subscriptions to mailboxes of others, by another session and by this one', async () => {
  await using server = await ImapTestServer.start()
  const joe = await server.add(8, 'joe')
  const project = await make(server, 'Project')
  await server.share(project, joe.id, 'lr')
  const path = 'Other Users/fred@example.org/Project'
  const client = await server.signedIn('joe')
  await ask(
    client,
    'a NOTIFY SET (subscribed (MessageNew MessageExpunge)) (subtree "Other Users" (SubscriptionChange))',
  )
  await ask(client, `b SUBSCRIBE "${path}"`, ['b OK SUBSCRIBE completed'])
  // It is among those that are meant now.
  await server.fill(1, { mailbox: project })
  await client.expect(`* STATUS "${path}"`)
  const other = await server.signedIn('joe')
  await ask(other, `c UNSUBSCRIBE "${path}"`)
  await client.expect(`* LIST (\\HasNoChildren) "/" "${path}"`)
  await server.fill(1, { mailbox: project })
  await ask(client, 'd NOOP', ['d OK NOOP completed'])
  await ask(other, `e SUBSCRIBE "${path}"`)
  await client.expect(`* LIST (\\HasNoChildren \\Subscribed) "/" "${path}"`)
})

test('NOTIFY: what cannot be read now is told later', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(
    client,
    'a NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))',
  )
  const read = server.db.read.bind(server.db)
  let failures = 0
  const failing = async (body: Parameters<typeof read>[0]): Promise<unknown> => {
    if (failures++ < 3) throw new Fault('unavailable', 'not now', {})
    return read(body)
  }
  server.db.read = failing as typeof read
  await server.fill(1)
  await server.fill(1, { mailbox: 2 as MailboxId })
  server.accountWatch.beat()
  server.accountWatch.beat()
  client.send('b NOOP', 'c NOOP', 'd NOOP', 'e NOOP')
  const lines = await client.until('e OK')
  assert.equal(lines.filter((line) => line === '* 1 EXISTS').length, 1, client.transcript)
  assert.equal(lines.filter((line) => line.startsWith('* STATUS "Drafts"')).length, 1, client.transcript)
})

test('NOTIFY: where the log was cut, mailboxes are compared all the same', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))')
  await server.db.write([account], async (tx) => {
    await createMailbox(tx, account, { name: 'Cut', parent: 0 })
    cutLog(tx, account)
  })
  await client.expect('* LIST (\\HasNoChildren) "/" "Cut"')
  await server.fill(1)
  await client.expect('* STATUS INBOX')
})

test('NOTIFY: a client that does not read is told once of all that happened', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(
    client,
    'a NOTIFY SET (selected (MessageNew (uid body.peek[]) MessageExpunge)) (mailboxes Drafts (MessageNew MessageExpunge))',
  )
  client.stream.pause()
  await server.deliver(`Subject: large\n\n${'x'.repeat(4_000_000)}\n`)
  await server.fill(300, { mailbox: 2 as MailboxId })
  client.stream.resume()
  await client.expect('* 1 EXISTS')
  const lines = await client.until(/^\* STATUS "Drafts" \(UIDVALIDITY \d+ UIDNEXT 301 MESSAGES 300\)$/)
  const told = lines.filter((line) => line.startsWith('* STATUS')).length
  assert.ok(told < 20, `${told} responses`)
})

test('NOTIFY: commands that come at once are answered in their order', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected()
  client.send(
    'a NOTIFY SET (selected (MessageNew (uid) MessageExpunge)) (personal (MessageNew MessageExpunge))',
    'b APPEND INBOX {16+}',
    'Subject: mine',
    '',
    'c NOOP',
    'd UID FETCH 1 FLAGS',
    'e NOTIFY NONE',
    'f LOGOUT',
  )
  const lines = await client.until('f OK')
  assert.deepEqual(
    lines.map((line) => line.replace(/ \[.*/, '')),
    [
      'a OK NOTIFY completed',
      '* 3 EXISTS',
      'b OK',
      'c OK NOOP completed',
      '* 1 FETCH (UID 1 FLAGS ())',
      'd OK UID FETCH completed',
      'e OK NOTIFY completed',
      lines.at(-2)!,
      lines.at(-1)!,
    ],
  )
})

test('NOTIFY: hostile names cost little, and are ignored like any that there are not', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  const names = Array.from({ length: 1000 }, (_, i) => `"${'a/'.repeat(20)}${i}"`)
  const group = (at: number): string =>
    `(subtree (${names.map((name) => name.replace(/"$/, `-${at}"`)).join(' ')}) (MessageNew MessageExpunge))`
  // One line, in a literal's place none: as much as a line takes.
  const started = process.cpuUsage()
  await ask(client, `a NOTIFY SET ${group(1)}`, ['a OK NOTIFY completed'])
  await ask(
    client,
    'b NOTIFY SET (mailboxes ("&" "x&AAA-" "*" "Other Users/" "Other Users//x" "") (MailboxName))',
    ['b OK NOTIFY completed'],
  )
  await ask(client, `c NOTIFY SET (mailboxes (${'x '.repeat(1001)}x) (MailboxName))`, [
    'c NO [LIMIT] Too many names of mailboxes',
  ])
  assert.ok(process.cpuUsage(started).user < 2_000_000)
  await make(server, '*')
  await client.expect('* LIST (\\HasNoChildren \\Subscribed) "/" "*"')
  await make(server, 'other')
  await ask(client, 'd NOOP', ['d OK NOOP completed'])
})
