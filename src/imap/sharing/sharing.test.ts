/** Mailboxes of others: what RFC 4314 §4 lets somebody do there, and what of them somebody gets to see. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { noLimits } from '#mail/limits.ts'
import { inboxId, quotaUsage } from '#mail/mailbox.ts'
import { rightsOf } from '#mail/rights.ts'
import { listNotifications, type ShareNotification } from '#mail/share-notification.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox, validity } from '../fixture.test.ts'

const [sent, archive] = [3, 6] as MailboxId[] as [MailboxId, MailboxId]
const anna = 8 as AccountId
const staff = 9 as AccountId
const freds = 'Other Users/fred@example.org'
const staffs = 'Shared Folders/staff@example.org'

/** Anna, a member of the staff; Fred, who owns what is shared with her. */
async function start(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  await server.add(staff, 'staff@example.org', { isGroup: true })
  await server.add(anna, 'anna@example.org', { groups: [staff] })
  return server
}

const asAnna = (server: ImapTestServer): Promise<Conversation> => server.signedIn('anna@example.org')
const annaSelects = (server: ImapTestServer, mailbox: string): Promise<Conversation> =>
  server.selected(`"${mailbox}"`, { as: 'anna@example.org' })

test('LIST shows what somebody may see, and levels above it only where they are asked for', async () => {
  await using server = await start()
  await server.share(archive, anna, 'lr')
  await server.share(sent, anna, 'r')
  const client = await asAnna(server)
  await ask(client, 'a1 LIST "" "*Archive"', [
    '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    `* LIST (\\HasNoChildren) "/" "${freds}/Archive"`,
    `* LIST (\\HasNoChildren) "/" "${staffs}/Archive"`,
    'a1 OK LIST completed',
  ])
  await ask(client, `a2 LIST "" "${freds}/*"`, [
    `* LIST (\\HasNoChildren) "/" "${freds}/Archive"`,
    'a2 OK LIST completed',
  ])
  await ask(client, 'a3 LIST "" "%s"', [
    '* LIST (\\HasNoChildren \\Drafts) "/" "Drafts"',
    '* LIST (\\Noselect \\HasChildren) "/" "Other Users"',
    '* LIST (\\Noselect \\HasChildren) "/" "Shared Folders"',
    'a3 OK LIST completed',
  ])
  await ask(client, 'a4 LIST "Other Users/" %', [
    `* LIST (\\Noselect \\HasChildren) "/" "${freds}"`,
    'a4 OK LIST completed',
  ])
  await ask(client, 'a5 LIST "" "S*"', [
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    ...['Archive', 'Drafts', 'INBOX', 'Junk', 'Sent', 'Trash'].map(
      (name) => `* LIST (\\HasNoChildren) "/" "${staffs}/${name}"`,
    ),
    'a5 OK LIST completed',
  ])
  await ask(await server.signedIn(), 'b1 LIST "" "*Archive"', [
    '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    'b1 OK LIST completed',
  ])
})

test('children below a parent that is hidden are shown without it (RFC 4314 §4, LIST)', async () => {
  await using server = await start()
  const fred = await server.signedIn()
  await ask(fred, 'c1 CREATE a/b/c')
  await server.share(9 as MailboxId, anna, 'l')
  const client = await asAnna(server)
  await ask(client, `a1 LIST "" "${freds}/*"`, [
    `* LIST (\\HasNoChildren) "/" "${freds}/a/b/c"`,
    'a1 OK LIST completed',
  ])
  await ask(client, `a2 LIST "" "${freds}/%"`, [
    `* LIST (\\Noselect \\HasChildren) "/" "${freds}/a"`,
    'a2 OK LIST completed',
  ])
  await server.share(7 as MailboxId, anna, 'l')
  await ask(client, `a3 LIST "" "${freds}/%"`, [
    `* LIST (\\HasChildren) "/" "${freds}/a"`,
    'a3 OK LIST completed',
  ])
})

test('what somebody may not see is answered like what is not there, byte for byte', async () => {
  await using server = await start()
  await server.share(archive, anna, 'lp')
  const client = await asAnna(server)
  const commands = (name: string): readonly string[] => [
    `t SELECT "${name}"`,
    `t EXAMINE "${name}"`,
    `t STATUS "${name}" (MESSAGES)`,
    `t SUBSCRIBE "${name}"`,
    `t UNSUBSCRIBE "${name}"`,
    `t DELETE "${name}"`,
    `t RENAME "${name}" "${freds}/other"`,
    `t RENAME "${name}" own`,
    `t RENAME Junk "${name}"`,
    `t CREATE "${name}"`,
    `t CREATE "${name}/below"`,
    `t APPEND "${name}" {5}`,
    `t LIST "" "${name}"`,
    `t LIST "" "${name}/%"`,
    `t LIST (SUBSCRIBED) "" "${name}"`,
    `t LSUB "" "${name}"`,
  ]
  const places = [
    `${freds}/Junk`,
    `${freds}/INBOX`,
    `${freds}/Nothing`,
    'Other Users/nobody@example.org/Junk',
  ]
  const answers: string[][] = []
  for (const place of places) {
    const said: string[] = []
    for (const command of commands(place)) said.push(...(await ask(client, command)))
    answers.push(said)
  }
  for (const said of answers) assert.deepEqual(said, answers[0])
  assert.deepEqual(
    answers[0]!.map((line) => line.replace(/^t (OK|NO \[\w+\]).*/, '$1')),
    [
      ...['NONEXISTENT', 'NONEXISTENT', 'NONEXISTENT', 'NONEXISTENT'].map((code) => `NO [${code}]`),
      'OK',
      ...['NONEXISTENT', 'NONEXISTENT', 'NONEXISTENT', 'CANNOT', 'NOPERM', 'NOPERM', 'TRYCREATE'].map(
        (code) => `NO [${code}]`,
      ),
      'OK',
      'OK',
      'OK',
      'OK',
    ],
  )
  // Seen without the right: told so.
  await ask(client, `b1 SELECT "${freds}/Archive"`, [
    'b1 NO [NOPERM] You do not have the right to do that here',
  ])
})

test('SELECT tells what may be changed: READ-ONLY, FLAGS and PERMANENTFLAGS (RFC 4314 §5)', async () => {
  await using server = await start()
  await server.deliver('Subject: x\n\nx\n', { keywords: ['$seen', 'work'] })
  const client = await asAnna(server)
  const rows: readonly (readonly [string, string, string])[] = [
    ['lr', '', 'READ-ONLY'],
    ['lrpkxa', '', 'READ-ONLY'],
    ['rs', '\\Seen', 'READ-WRITE'],
    ['lrt', '\\Deleted', 'READ-WRITE'],
    ['lrw', '\\Answered \\Flagged \\Draft work \\*', 'READ-WRITE'],
    ['lrswt', '\\Answered \\Flagged \\Deleted \\Seen \\Draft work \\*', 'READ-WRITE'],
    ['lri', '', 'READ-WRITE'],
    ['lre', '', 'READ-WRITE'],
  ]
  for (const [letters, permanent, code] of rows) {
    await server.share(inbox, anna, letters)
    const lines = await ask(client, `a1 SELECT "${freds}/inbox"`)
    assert.ok(lines.includes('* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)'), letters)
    assert.ok(
      lines.some((line) => line.startsWith(`* OK [PERMANENTFLAGS (${permanent})]`)),
      lines.join('\n'),
    )
    assert.equal(lines.at(-1), `a1 OK [${code}] SELECT completed`, letters)
  }
})

test('STORE changes what one may and fails only where that is nothing; FETCH marks \\Seen only with s', async () => {
  await using server = await start()
  await server.fill(2)
  await server.share(inbox, anna, 'lr')
  const client = await annaSelects(server, `${freds}/INBOX`)
  const refused = 'NO [NOPERM] You do not have the right to do that here'
  await ask(client, 'a1 STORE 1 +FLAGS (\\Seen)', [`a1 ${refused}`])
  await ask(client, 'a2 FETCH 1 BODY[TEXT]', [
    '* 1 FETCH (BODY[TEXT] {6}',
    'body',
    ')',
    'a2 OK FETCH completed',
  ])
  await server.share(inbox, anna, 'lrs')
  await ask(client, 'a3 FETCH 1 BODY[TEXT]', [
    '* 1 FETCH (BODY[TEXT] {6}',
    'body',
    ' FLAGS (\\Seen))',
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
    '* OK [PERMANENTFLAGS (\\Seen)] Flags permitted',
    'a3 OK FETCH completed',
  ])
  await ask(client, 'a4 STORE 2 +FLAGS (\\Deleted \\Flagged)', [`a4 ${refused}`])
  await ask(client, 'a5 STORE 2 +FLAGS (\\Seen \\Flagged)', [
    '* 2 FETCH (FLAGS (\\Seen))',
    'a5 OK STORE completed',
  ])
  await server.share(inbox, anna, 'lrw')
  await ask(client, 'a6 STORE 2 FLAGS (\\Flagged \\Deleted work)', [
    '* 2 FETCH (FLAGS (\\Flagged \\Seen work))',
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)',
    '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft work \\*)] Flags permitted',
    'a6 OK STORE completed',
  ])
  await ask(client, 'a7 STORE 2 -FLAGS.SILENT (\\Seen work)', [
    // Not what the client works out: \Seen stayed.
    '* 2 FETCH (FLAGS (\\Flagged \\Seen))',
    'a7 OK STORE completed',
  ])
  await ask(client, 'a8 STORE 1 -FLAGS (\\Seen)', [`a8 ${refused}`])
})

test('EXPUNGE needs e; CLOSE without it only closes', async () => {
  await using server = await start()
  await server.fill(2, { deleted: true })
  await server.share(inbox, anna, 'lrt')
  const client = await annaSelects(server, `${freds}/INBOX`)
  await ask(client, 'a1 EXPUNGE', ['a1 NO [NOPERM] You do not have the right to do that here'])
  await ask(client, 'a2 UID EXPUNGE 1', ['a2 NO [NOPERM] You do not have the right to do that here'])
  await ask(client, 'a3 CLOSE', ['a3 OK CLOSE completed'])
  await ask(client, `a4 STATUS "${freds}/INBOX" (MESSAGES MAILBOXID)`, [
    `* STATUS "${freds}/INBOX" (MESSAGES 2 MAILBOXID (F7_1))`,
    'a4 OK STATUS completed',
  ])
  await server.share(inbox, anna, 'lre')
  await ask(client, `a5 SELECT "${freds}/INBOX"`)
  await ask(client, 'a6 UID EXPUNGE 1', ['* 1 EXPUNGE', 'a6 OK [HIGHESTMODSEQ 6] UID EXPUNGE completed'])
  await ask(client, 'a7 CLOSE')
  await ask(client, `a8 STATUS "${freds}/INBOX" (MESSAGES)`, [
    `* STATUS "${freds}/INBOX" (MESSAGES 0)`,
    'a8 OK STATUS completed',
  ])
})

test('APPEND needs i, keeps the flags that one may set, and is charged to the owner', async () => {
  await using server = await start()
  await server.share(archive, anna, 'irw')
  const client = await asAnna(server)
  client.sendRaw(`a1 APPEND "${freds}/Archive" (\\Seen \\Deleted \\Flagged work) {5+}\r\na: b\n\r\n`)
  await client.expect(`a1 OK [APPENDUID ${validity + 5} 1]`)
  await ask(client, `a2 SELECT "${freds}/Archive"`)
  await ask(client, 'a3 FETCH 1 (FLAGS EMAILID THREADID)', [
    '* 1 FETCH (FLAGS (\\Flagged work) EMAILID (M7_1) THREADID (T7_1))',
    'a3 OK FETCH completed',
  ])
  const used = (of: AccountId) => server.db.read((tx) => quotaUsage(tx, of))
  assert.equal((await used(account)).messages, 1)
  assert.equal((await used(anna)).messages, 0)
  await server.share(archive, anna, 'lr')
  client.sendRaw(`a4 APPEND "${freds}/Archive" {5+}\r\na: b\n\r\n`)
  await client.until('a4 NO [NOPERM]')
})

test('a mailbox that one may only put messages into tells nothing of itself', async () => {
  await using server = await start()
  await server.share(archive, anna, 'li')
  const client = await asAnna(server)
  client.sendRaw(`a1 APPEND "${freds}/Archive" {5+}\r\na: b\n\r\n`)
  await client.expect('a1 OK APPEND completed')
  client.sendRaw(`a2 APPEND INBOX {5+}\r\na: b\n\r\n`)
  await client.expect('a2 OK [APPENDUID ')
  await ask(client, 'a3 SELECT INBOX')
  await ask(client, `a4 COPY 1 "${freds}/Archive"`, ['a4 OK COPY completed'])
  await ask(client, `a5 MOVE 1 "${freds}/Archive"`, ['* 1 EXPUNGE', 'a5 OK [HIGHESTMODSEQ 3] MOVE completed'])
  await ask(client, 'a6 LIST "" "O*" RETURN (STATUS (MESSAGES))', [
    `* LIST (\\HasNoChildren \\Noselect) "/" "${freds}/Archive"`,
    'a6 OK LIST completed',
  ])
})

test('a right that is taken away while a message arrives is gone when it would be stored', async () => {
  await using server = await start()
  await server.share(archive, anna, 'lri')
  const client = await asAnna(server)
  client.send(`a1 APPEND "${freds}/Archive" {5}`)
  await client.expect('+ ')
  await server.share(archive, anna, 'lr')
  client.sendRaw('a: b\n\r\n')
  await client.expect('a1 NO [NOPERM]')
  assert.equal((await server.db.read((tx) => quotaUsage(tx, account))).messages, 0)
})

test('COPY and MOVE between accounts', async () => {
  await using server = await start()
  await server.fill(3, { keywords: ['$seen', '$flagged'] })
  await server.share(inbox, anna, 'lr')
  const client = await annaSelects(server, `${freds}/INBOX`)
  await ask(client, 'a1 COPY 1:2 INBOX', [`a1 OK [COPYUID ${validity} 1:2 1:2] COPY completed`])
  await ask(client, 'a2 MOVE 3 INBOX', ['a2 NO [NOPERM] You do not have the right to do that here'])
  await server.share(inbox, anna, 'lrte')
  await ask(client, 'a3 NOOP')
  await ask(client, 'a4 MOVE 3 INBOX', [
    `* OK [COPYUID ${validity} 3 3] Moved`,
    '* 3 EXPUNGE',
    'a4 OK [HIGHESTMODSEQ 7] MOVE completed',
  ])
  await ask(client, `a5 COPY 1 "${staffs}/INBOX"`, [`a5 OK [COPYUID ${validity} 1 1] COPY completed`])
  await ask(client, 'a6 SELECT INBOX')
  await ask(client, 'a7 FETCH 1:* (FLAGS EMAILID)', [
    '* 1 FETCH (FLAGS (\\Flagged \\Seen) EMAILID (M1))',
    '* 2 FETCH (FLAGS (\\Flagged \\Seen) EMAILID (M2))',
    '* 3 FETCH (FLAGS (\\Flagged \\Seen) EMAILID (M3))',
    'a7 OK FETCH completed',
  ])
  await ask(client, 'a8 FETCH 3 BODY.PEEK[HEADER.FIELDS (SUBJECT)]', [
    '* 3 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {21}',
    'Subject: number 3',
    '',
    ')',
    'a8 OK FETCH completed',
  ])
  server.limits = { ...noLimits, messages: 2 }
  await ask(client, `b1 COPY 1:2 "${staffs}/INBOX"`, ['b1 NO [OVERQUOTA] Mailbox has too many messages'])
  await ask(client, `b2 COPY 1 "${staffs}/INBOX"`, [`b2 OK [COPYUID ${validity} 1 2] COPY completed`])
})

test('SORT and THREAD read the messages of the owner, as long as they may be read', async () => {
  await using server = await start()
  const letter = (subject: string, fields = ''): string => `${fields}Subject: ${subject}\n\nx\n`
  await server.deliver(letter('b', 'Message-ID: <1@x>\n'), { mailbox: archive })
  await server.deliver(letter('a', 'In-Reply-To: <1@x>\n'), { mailbox: archive })
  await server.deliver(letter('c'))
  await server.share(archive, anna, 'lr')
  const client = await annaSelects(server, `${freds}/Archive`)
  await ask(client, 'a1 SORT (SUBJECT) UTF-8 ALL', ['* SORT 2 1', 'a1 OK SORT completed'])
  await ask(client, 'a2 THREAD REFERENCES UTF-8 ALL', ['* THREAD (1 2)', 'a2 OK THREAD completed'])
  const other = await annaSelects(server, `${freds}/Archive`)
  await server.share(archive, anna, 'l')
  client.send('a3 SORT (SUBJECT) UTF-8 ALL')
  await client.expect('* BYE ')
  other.send('a3 THREAD REFERENCES UTF-8 ALL')
  await other.expect('* BYE ')
})

test('SEARCH sees the messages of the mailbox and nothing else of its owner', async () => {
  await using server = await start()
  await server.deliver('Subject: secret plan\n\nhere\n')
  await server.deliver('Subject: secret party\n\nthere\n', { mailbox: archive })
  await server.share(archive, anna, 'lr')
  const client = await annaSelects(server, `${freds}/Archive`)
  await ask(client, 'a1 UID SEARCH SUBJECT secret', ['* SEARCH 1', 'a1 OK UID SEARCH completed'])
  await ask(client, 'a2 SEARCH TEXT here', ['* SEARCH 1', 'a2 OK SEARCH completed'])
  await ask(client, 'a3 SEARCH SUBJECT plan', ['* SEARCH', 'a3 OK SEARCH completed'])
  await ask(client, 'a4 SEARCH OR EMAILID M7_1 EMAILID M1', ['* SEARCH', 'a4 OK SEARCH completed'])
  await ask(client, 'a5 SEARCH EMAILID M7_2', ['* SEARCH 1', 'a5 OK SEARCH completed'])
  await ask(client, 'a6 SEARCH THREADID T7_1', ['* SEARCH', 'a6 OK SEARCH completed'])
})

test('CREATE, RENAME and DELETE need k above and x on the mailbox; what is made is shared as its parent', async () => {
  await using server = await start()
  await server.share(archive, anna, 'lrk')
  const client = await asAnna(server)
  const noRight = 'NO [NOPERM] You do not have the right to do that here'
  await ask(client, `a1 CREATE "${freds}/Archive/one/two"`, ['a1 OK [MAILBOXID (F7_8)] CREATE completed'])
  await ask(client, `a2 CREATE "${freds}/top"`, [`a2 ${noRight}`])
  await ask(client, `a3 CREATE "${freds}/Archive/one"`, ['a3 NO [ALREADYEXISTS] Mailbox already exists'])
  await ask(client, `a4 DELETE "${freds}/Archive/one/two"`, [`a4 ${noRight}`])
  await server.share(8 as MailboxId, anna, 'lx')
  await ask(client, `a5 RENAME "${freds}/Archive/one/two" "${freds}/Archive/2"`, ['a5 OK RENAME completed'])
  await ask(client, `a6 RENAME "${freds}/Archive/2" "${freds}/2"`, [`a6 ${noRight}`])
  await ask(client, `a7 RENAME "${freds}/Archive/2" mine`, ['a7 NO [CANNOT] Mailboxes stay with their owner'])
  await ask(client, `a8 DELETE "${freds}/Archive/2"`, ['a8 OK DELETE completed'])
  await ask(client, `a9 CREATE "Shared Folders"`, ['a9 NO [CANNOT] No such mailbox name is possible'])
  await ask(client, `b1 CREATE "${staffs}/Projects" (USE (\\Flagged))`, ['b1 NO [USEATTR] No such use'])
  await ask(client, `b2 CREATE "${staffs}/Projects"`, ['b2 OK [MAILBOXID (F9_7)] CREATE completed'])
  await server.share(inboxId, staff, 'lr', staff)
  await ask(client, `b3 CREATE "${staffs}/More"`, [`b3 ${noRight}`])
  await ask(client, `b4 RENAME "${staffs}/INBOX" "${staffs}/Old"`, [`b4 ${noRight}`])
})

test('subscriptions to mailboxes of others are the own ones, and outlast what they are about', async () => {
  await using server = await start()
  await server.share(archive, anna, 'l')
  const client = await asAnna(server)
  await ask(client, `a1 SUBSCRIBE "${freds}/archive"`, ['a1 NO [NONEXISTENT] No such mailbox'])
  await ask(client, `a2 SUBSCRIBE "${freds}/Archive"`, ['a2 OK SUBSCRIBE completed'])
  const shown = (line: string): Promise<string[]> =>
    ask(client, line).then((lines) => lines.filter((one) => one.includes('Users')))
  const subscribed = 't LIST (SUBSCRIBED) "" "*Archive"'
  assert.deepEqual(await shown(subscribed), [`* LIST (\\HasNoChildren \\Subscribed) "/" "${freds}/Archive"`])
  assert.deepEqual(await shown('t LSUB "" "O*"'), [`* LSUB () "/" "${freds}/Archive"`])
  assert.deepEqual(await shown('t LSUB "" "O%"'), ['* LSUB (\\Noselect) "/" "Other Users"'])
  assert.deepEqual(await shown('t LIST (SUBSCRIBED RECURSIVEMATCH) "" "O%"'), [
    '* LIST (\\NonExistent) "/" "Other Users" ("CHILDINFO" ("SUBSCRIBED"))',
  ])
  const fred = await server.signedIn()
  await ask(fred, 'b1 RENAME Archive Old')
  assert.deepEqual(await shown('t LIST (SUBSCRIBED) "" "O*"'), [
    `* LIST (\\HasNoChildren \\Subscribed) "/" "${freds}/Old"`,
  ])
  await server.share(archive, anna, '')
  assert.deepEqual(await shown('t LIST (SUBSCRIBED) "" "O*"'), [
    `* LIST (\\NonExistent \\Subscribed) "/" "${freds}/Archive"`,
  ])
  await ask(client, `a3 UNSUBSCRIBE "${freds}/Archive"`, ['a3 OK UNSUBSCRIBE completed'])
  assert.deepEqual(await shown('t LIST (SUBSCRIBED) "" "O*"'), [])
})

test('who may no longer read the selected mailbox is told goodbye, as where it was deleted', async () => {
  await using server = await start()
  await server.fill(1)
  await server.share(inbox, anna, 'lr')
  for (const command of ['FETCH 1 UID', 'SEARCH ALL', 'NOOP', 'STORE 1 +FLAGS \\Seen', 'CLOSE']) {
    await server.share(inbox, anna, 'lr')
    const client = await annaSelects(server, `${freds}/INBOX`)
    await server.share(inbox, anna, 'l')
    client.send(`a1 ${command}`)
    const lines = await client.until('* BYE')
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('a1 OK NOOP')),
      ['* BYE The selected mailbox was deleted'],
      command,
    )
    await client.expectEnd()
  }
})

test('IDLE in a mailbox of somebody else: news come, and the goodbye when the right goes', async () => {
  await using server = await start()
  await server.share(inbox, anna, 'lr')
  const client = await annaSelects(server, `${freds}/INBOX`)
  client.send('a1 IDLE')
  await client.expect('+ idling')
  await server.fill(1)
  await client.expect('* 1 EXISTS')
  await server.share(inbox, anna, 'lrs')
  await client.expectLines(['* FLAGS', '* OK [PERMANENTFLAGS (\\Seen)]'])
  await server.share(inbox, anna, '')
  await client.expect('* BYE The selected mailbox was deleted')
  await client.expectEnd()
})

test('IDLE ends when somebody leaves the group whose mailbox it is', async () => {
  await using server = await start()
  const client = await annaSelects(server, `${staffs}/INBOX`)
  client.send('a1 IDLE')
  await client.expect('+ idling')
  server.people.find(({ id }) => id === anna)!.groups = []
  server.bus.publish({ kind: 'forget', cache: 'account', key: 'anna@example.org' })
  await client.expect('* BYE The selected mailbox was deleted')
  await client.expectEnd()
})

test('a name with the delimiter in it, and mailboxes that others are called like', async () => {
  await using server = await ImapTestServer.start()
  const odd = await server.add(12, 'a/b@example.org')
  await server.share(archive, account, 'lr', odd.id)
  const client = await server.signedIn()
  await ask(client, 'a1 ENABLE IMAP4rev2')
  const path = Buffer.from('Other Users/a\uff0fb@example.org/Archive').toString('latin1')
  await ask(client, 'a2 LIST "" "O*"', [`* LIST (\\HasNoChildren) "/" "${path}"`, 'a2 OK LIST completed'])
  await ask(client, `a3 STATUS "${path}" (UIDNEXT)`, [
    `* STATUS "${path}" (UIDNEXT 1)`,
    'a3 OK STATUS completed',
  ])
})

test('RFC 9670 §3: who is given rights, or loses them, is notified', async () => {
  await using server = await start()
  const client = await server.signedIn()
  await ask(client, 'a1 SETACL Archive anna@example.org lrs', ['a1 OK SETACL completed'])
  const told = () => server.db.read((tx) => listNotifications(tx, anna))
  const [[, one], ...more] = (await told()) as [readonly [number, ShareNotification]]
  assert.deepEqual(
    [more.length, one.changedBy.account, one.mailbox, one.newRights],
    [0, account, archive, rightsOf('lrs')],
  )
  await ask(client, 'a2 DELETEACL Archive anna@example.org', ['a2 OK DELETEACL completed'])
  assert.deepEqual(await told(), [])
  await ask(client, 'a3 SETACL Archive staff@example.org lr', ['a3 OK SETACL completed'])
  assert.deepEqual(await told(), [])
})

test('RFC 9670 §3: what is made below a shared mailbox is notified too, and what is deleted', async () => {
  await using server = await start()
  const client = await server.signedIn()
  const told = async (): Promise<readonly string[]> =>
    (await server.db.read((tx) => listNotifications(tx, anna))).map(
      ([, { name, oldRights, newRights }]) => `${name} ${oldRights} ${newRights}`,
    )
  await server.share(archive, anna, 'lr')
  const lr = rightsOf('lr')
  await ask(client, 'a1 CREATE Archive/a/b', ['a1 OK [MAILBOXID (F8)] CREATE completed'])
  assert.deepEqual(await told(), [`a 0 ${lr}`, `b 0 ${lr}`])
  await ask(client, 'a2 RENAME INBOX Archive/c', ['a2 OK RENAME completed'])
  assert.deepEqual((await told()).slice(2), [`c 0 ${lr}`])
  await ask(client, 'a3 DELETE Archive/a/b', ['a3 OK DELETE completed'])
  assert.deepEqual(await told(), [`a 0 ${lr}`, `c 0 ${lr}`])
  await server.share(sent, anna, 'lr')
  await ask(client, 'a4 DELETE Sent', ['a4 OK DELETE completed'])
  assert.deepEqual((await told()).at(-1), `Sent ${lr} 0`)
})
