import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const anna = 8 as AccountId
const staff = 9 as AccountId

async function start(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  await server.add(staff, 'staff@example.org', { isGroup: true })
  await server.add(anna, 'anna@example.org', { groups: [staff] })
  return server
}

const everything = 'lrswipkxtecda'

test('[ACL] [RIGHTS=texk] rights are given, changed, read and taken back', async () => {
  await using server = await start()
  const client = await server.signedIn()
  await ask(client, 'a1 GETACL inbox', [
    `* ACL INBOX "fred@example.org" ${everything}`,
    'a1 OK GETACL completed',
  ])
  await ask(client, 'a2 SETACL INBOX anna@example.org lrswida', ['a2 OK SETACL completed'])
  await ask(client, 'a3 SETACL INBOX staff@example.org "lr"', ['a3 OK SETACL completed'])
  await ask(client, 'a4 SETACL INBOX anyone p', ['a4 OK SETACL completed'])
  await ask(client, 'a5 SETACL INBOX -anna@example.org +w', ['a5 OK SETACL completed'])
  await ask(client, 'a6 SETACL INBOX anna@example.org -i', ['a6 OK SETACL completed'])
  await ask(client, 'a7 SETACL INBOX anna@example.org +kx', ['a7 OK SETACL completed'])
  await ask(client, 'a8 GETACL INBOX', [
    `* ACL INBOX "fred@example.org" ${everything} "anna@example.org" lrswkxtecda "-anna@example.org" w "staff@example.org" lr "anyone" p`,
    'a8 OK GETACL completed',
  ])
  const guest = await server.signedIn('anna@example.org')
  await ask(guest, 'b1 MYRIGHTS "Other Users/fred@example.org/INBOX"', [
    '* MYRIGHTS "Other Users/fred@example.org/INBOX" lrspkxtecda',
    'b1 OK MYRIGHTS completed',
  ])
  await ask(guest, 'b2 SETACL "Other Users/fred@example.org/INBOX" staff@example.org ""', [
    'b2 OK SETACL completed',
  ])
  await ask(client, 'a9 DELETEACL INBOX anna@example.org', ['a9 OK DELETEACL completed'])
  await ask(client, 'b3 GETACL INBOX', [
    `* ACL INBOX "fred@example.org" ${everything} "-anna@example.org" w "anyone" p`,
    'b3 OK GETACL completed',
  ])
  await ask(guest, 'b4 MYRIGHTS "Other Users/fred@example.org/INBOX"', [
    'b4 NO [NONEXISTENT] No such mailbox',
  ])
})

test('who the owner is, and what the owner cannot lose', async () => {
  await using server = await start()
  const client = await server.signedIn()
  await ask(client, 'a1 LISTRIGHTS INBOX Fred@Example.org', [
    '* LISTRIGHTS INBOX "Fred@Example.org" "la" r s w i p k x t e c d',
    'a1 OK LISTRIGHTS completed',
  ])
  await ask(client, 'a2 LISTRIGHTS INBOX anyone', [
    '* LISTRIGHTS INBOX "anyone" "" l r s w i p k x t e c d a',
    'a2 OK LISTRIGHTS completed',
  ])
  await ask(client, 'a3 SETACL INBOX fred@example.org r', ['a3 OK SETACL completed'])
  await ask(client, 'a4 MYRIGHTS INBOX', ['* MYRIGHTS INBOX lra', 'a4 OK MYRIGHTS completed'])
  await ask(client, 'a5 GETACL INBOX', ['* ACL INBOX "fred@example.org" lra', 'a5 OK GETACL completed'])
  await ask(client, 'a6 DELETE INBOX', ['a6 NO [NOPERM] You do not have the right to do that here'])
  await ask(client, 'a7 SELECT INBOX')
  await ask(client, 'a8 STORE 1:* +FLAGS \\Seen', [
    'a8 NO [NOPERM] You do not have the right to do that here',
  ])
  await ask(client, 'a9 DELETEACL INBOX fred@example.org')
  await ask(client, 'b1 MYRIGHTS INBOX', [`* MYRIGHTS INBOX ${everything}`, 'b1 OK MYRIGHTS completed'])
})

test('members of a group share its mailboxes by rules of their own', async () => {
  await using server = await start()
  const client = await server.signedIn('anna@example.org')
  const inbox = '"Shared Folders/staff@example.org/INBOX"'
  await ask(client, `a1 LISTRIGHTS ${inbox} staff@example.org`, [
    `* LISTRIGHTS ${inbox} "staff@example.org" "" l r s w i p k x t e c d a`,
    'a1 OK LISTRIGHTS completed',
  ])
  await ask(client, `a2 SETACL ${inbox} staff@example.org lr`, ['a2 OK SETACL completed'])
  await ask(client, `a3 MYRIGHTS ${inbox}`, [`* MYRIGHTS ${inbox} lr`, 'a3 OK MYRIGHTS completed'])
  await ask(client, `a4 GETACL ${inbox}`, ['a4 NO [NOPERM] You do not have the right to do that here'])
  await ask(client, `a5 SETACL ${inbox} staff@example.org lra`, [
    'a5 NO [NOPERM] You do not have the right to do that here',
  ])
})

test('what is wrong: names, rights, mailboxes, too many entries', async () => {
  await using server = await ImapTestServer.start({ maxShares: 2 })
  await server.add(anna, 'anna@example.org')
  await server.add(staff, 'staff@example.org')
  const client = await server.signedIn()
  await ask(client, 'a1 SETACL INBOX nobody@example.org lr', ['a1 NO There is nobody of that name'])
  await ask(client, 'a2 SETACL INBOX anna@example.org lrQ', ['a2 BAD No such right'])
  await ask(client, 'a3 SETACL INBOX anna@example.org lrq', ['a3 BAD No such right'])
  await ask(client, 'a4 SETACL INBOX "" lr', ['a4 BAD No such identifier is possible'])
  client.sendRaw('a5 SETACL INBOX {1+}\r\n\xff lr\r\n')
  await client.expect('a5 BAD The identifier is not UTF-8')
  await ask(client, 'a6 SETACL Nowhere anna@example.org lr', ['a6 NO [NONEXISTENT] No such mailbox'])
  await ask(client, 'a7 LISTRIGHTS INBOX -', ['a7 NO There is nobody of that name'])
  await ask(client, 'a8 SETACL INBOX anna@example.org')
  await ask(client, 'b1 SETACL INBOX anna@example.org lr', ['b1 OK SETACL completed'])
  await ask(client, 'b2 SETACL INBOX -anyone w', ['b2 OK SETACL completed'])
  await ask(client, 'b3 SETACL INBOX staff@example.org lr', [
    'b3 NO [LIMIT] The mailbox is shared with too many',
  ])
  await ask(client, 'b4 SETACL INBOX anna@example.org +s', ['b4 OK SETACL completed'])
  // The form that people type is the one that is compared.
  const fullWidth = Buffer.from('\uff41nna@example.org')
  client.sendRaw(
    Buffer.concat([
      Buffer.from(`b5 LISTRIGHTS INBOX {${fullWidth.length}+}\r\n`),
      fullWidth,
      Buffer.from('\r\n'),
    ]),
  )
  await client.until('b5 OK')
})

test('nothing is said to who may not even see the mailbox', async () => {
  await using server = await start()
  const client = await server.signedIn('anna@example.org')
  for (const place of ['fred@example.org/INBOX', 'fred@example.org/Nothing', 'nobody@example.org/INBOX']) {
    const name = `"Other Users/${place}"`
    for (const line of [
      `GETACL ${name}`,
      `SETACL ${name} anna@example.org a`,
      `SETACL ${name} nobody@example.org a`,
      `DELETEACL ${name} anyone`,
      `LISTRIGHTS ${name} anyone`,
      `MYRIGHTS ${name}`,
    ])
      await ask(client, `t ${line}`, ['t NO [NONEXISTENT] No such mailbox'])
  }
})

test('[LIST-MYRIGHTS] rights come with the list', async () => {
  await using server = await start()
  await server.share(6 as never, anna, 'lr')
  const client = await server.signedIn('anna@example.org')
  await ask(client, 'a1 LIST "" ("*Archive" "%ers") RETURN (MYRIGHTS)', [
    '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    `* MYRIGHTS "Archive" ${everything}`,
    '* LIST (\\HasNoChildren) "/" "Other Users/fred@example.org/Archive"',
    '* MYRIGHTS "Other Users/fred@example.org/Archive" lr',
    '* LIST (\\HasNoChildren) "/" "Shared Folders/staff@example.org/Archive"',
    `* MYRIGHTS "Shared Folders/staff@example.org/Archive" ${everything}`,
    '* LIST (\\Noselect \\HasChildren) "/" "Other Users"',
    '* LIST (\\Noselect \\HasChildren) "/" "Shared Folders"',
    'a1 OK LIST completed',
  ])
})

test('an entry that loses its last right is gone, also beside one that denies', async () => {
  await using server = await ImapTestServer.start()
  await server.add(8, 'anna@example.org')
  const client = await server.signedIn()
  await ask(client, 'a1 SETACL INBOX -anna@example.org w', ['a1 OK SETACL completed'])
  await ask(client, 'a2 SETACL INBOX anna@example.org lr', ['a2 OK SETACL completed'])
  await ask(client, 'a3 SETACL INBOX anna@example.org -lr', ['a3 OK SETACL completed'])
  await ask(client, 'a4 GETACL INBOX', [
    '* ACL INBOX "fred@example.org" lrswipkxtecda "-anna@example.org" w',
    'a4 OK GETACL completed',
  ])
})
