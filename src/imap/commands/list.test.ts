import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ask, inbox, ImapTestServer } from '../fixture.test.ts'

const standard = ['Drafts', 'Sent', 'Junk', 'Trash', 'Archive']

/** The mailboxes of the examples in RFC 9051 §6.3.9.8, without the ones every account has. */
async function fruit(client: Conversation): Promise<void> {
  for (const name of standard) await ask(client, `d DELETE ${name}`)
  for (const name of standard) await ask(client, `d UNSUBSCRIBE ${name}`)
  for (const name of [
    'Fruit/Apple',
    'Fruit/Banana',
    'Fruit/Peach',
    'Tofu',
    'Vegetable/Broccoli',
    'Vegetable/Corn',
  ]) {
    await ask(client, `c CREATE ${name}`)
  }
  for (const name of ['Fruit/Banana', 'Fruit/Peach', 'Vegetable', 'Vegetable/Broccoli']) {
    await ask(client, `s SUBSCRIBE ${name}`)
  }
  await ask(client, 'd DELETE Fruit/Peach')
}

test('[CHILDREN] [SPECIAL-USE] a new account', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 LIST "" "*"', [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* LIST (\\HasNoChildren \\Drafts) "/" "Drafts"',
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    '* LIST (\\HasNoChildren \\Junk) "/" "Junk"',
    '* LIST (\\HasNoChildren \\Trash) "/" "Trash"',
    '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    'a1 OK LIST completed',
  ])
  await ask(client, 'a2 LIST "" ""', ['* LIST (\\Noselect) "/" ""', 'a2 OK LIST completed'])
  await ask(client, 'a3 LIST "" inbox', ['* LIST (\\HasNoChildren) "/" INBOX', 'a3 OK LIST completed'])
  await ask(client, 'a4 LIST "" iNb%', ['* LIST (\\HasNoChildren) "/" INBOX', 'a4 OK LIST completed'])
  await ask(client, 'a5 LIST (SPECIAL-USE) "" "%n%" RETURN (SPECIAL-USE SUBSCRIBED)', [
    '* LIST (\\HasNoChildren \\Sent \\Subscribed) "/" "Sent"',
    '* LIST (\\HasNoChildren \\Junk \\Subscribed) "/" "Junk"',
    'a5 OK LIST completed',
  ])
  await ask(client, 'a6 CREATE INBOX/child')
  await ask(client, 'a7 LIST inbox/ %', [
    '* LIST (\\HasNoChildren) "/" "INBOX/child"',
    'a7 OK LIST completed',
  ])
  await ask(client, 'a8 LIST "" %', [
    '* LIST (\\HasChildren) "/" INBOX',
    '* LIST (\\HasNoChildren \\Drafts) "/" "Drafts"',
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    '* LIST (\\HasNoChildren \\Junk) "/" "Junk"',
    '* LIST (\\HasNoChildren \\Trash) "/" "Trash"',
    '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    'a8 OK LIST completed',
  ])
})

test('[LIST-EXTENDED] selection and return options: the examples of RFC 9051 §6.3.9.8', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await fruit(client)
  await ask(client, 'A02 LIST (SUBSCRIBED) "" "*"', [
    '* LIST (\\HasNoChildren \\Subscribed) "/" INBOX',
    '* LIST (\\HasNoChildren \\Subscribed) "/" "Fruit/Banana"',
    '* LIST (\\HasChildren \\Subscribed) "/" "Vegetable"',
    '* LIST (\\HasNoChildren \\Subscribed) "/" "Vegetable/Broccoli"',
    '* LIST (\\NonExistent \\Subscribed) "/" "Fruit/Peach"',
    'A02 OK LIST completed',
  ])
  await ask(client, 'A03 LIST () "" "%" RETURN (CHILDREN)', [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* LIST (\\HasChildren) "/" "Fruit"',
    '* LIST (\\HasNoChildren) "/" "Tofu"',
    '* LIST (\\HasChildren) "/" "Vegetable"',
    'A03 OK LIST completed',
  ])
  await ask(client, 'A04 LIST (REMOTE) "" (Tofu "Veg*") RETURN (SUBSCRIBED)', [
    '* LIST (\\HasNoChildren) "/" "Tofu"',
    '* LIST (\\HasChildren \\Subscribed) "/" "Vegetable"',
    '* LIST (\\HasNoChildren \\Subscribed) "/" "Vegetable/Broccoli"',
    '* LIST (\\HasNoChildren) "/" "Vegetable/Corn"',
    'A04 OK LIST completed',
  ])
  await ask(client, 'A05 LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"', [
    '* LIST (\\HasNoChildren \\Subscribed) "/" INBOX',
    '* LIST (\\HasChildren) "/" "Fruit" ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\HasChildren \\Subscribed) "/" "Vegetable" ("CHILDINFO" ("SUBSCRIBED"))',
    'A05 OK LIST completed',
  ])
  await ask(client, 'A06 LIST (RECURSIVEMATCH SUBSCRIBED) "" "*"', [
    '* LIST (\\HasNoChildren \\Subscribed) "/" INBOX',
    '* LIST (\\HasNoChildren \\Subscribed) "/" "Fruit/Banana"',
    '* LIST (\\HasChildren \\Subscribed) "/" "Vegetable" ("CHILDINFO" ("SUBSCRIBED"))',
    '* LIST (\\HasNoChildren \\Subscribed) "/" "Vegetable/Broccoli"',
    '* LIST (\\NonExistent \\Subscribed) "/" "Fruit/Peach"',
    'A06 OK LIST completed',
  ])
  await ask(client, 'A07 LIST (RECURSIVEMATCH) "" "*"', ['A07 BAD RECURSIVEMATCH needs SUBSCRIBED'])
  await ask(client, 'A08 LIST (MAGIC) "" "*"', ['A08 BAD Unknown option'])
  await ask(client, 'A09 LIST "" "*" RETURN (MAGIC)', ['A09 BAD Unknown option'])
  await ask(client, 'A10 LIST () "" ""', ['A10 OK LIST completed'])
})

test('[LIST-STATUS] [STATUS=SIZE] LIST can return STATUS', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.signedIn()
  await ask(client, 'a1 LIST "" (INBOX Sent) RETURN (STATUS (MESSAGES UNSEEN SIZE))', [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* STATUS INBOX (MESSAGES 2 UNSEEN 2 SIZE 54)',
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    '* STATUS "Sent" (MESSAGES 0 UNSEEN 0 SIZE 0)',
    'a1 OK LIST completed',
  ])
  await ask(client, 'a2 LIST "" * RETURN (STATUS (MAGIC))', ['a2 BAD Unknown status item'])
})

test('LSUB shows subscriptions, and with % the levels above them', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await fruit(client)
  await ask(client, 'a1 LSUB "" "*"', [
    '* LSUB () "/" INBOX',
    '* LSUB () "/" "Fruit/Banana"',
    '* LSUB () "/" "Vegetable"',
    '* LSUB () "/" "Vegetable/Broccoli"',
    '* LSUB () "/" "Fruit/Peach"',
    'a1 OK LSUB completed',
  ])
  await ask(client, 'a2 LSUB "" "%"', [
    '* LSUB () "/" INBOX',
    '* LSUB () "/" "Vegetable"',
    '* LSUB (\\Noselect) "/" "Fruit"',
    'a2 OK LSUB completed',
  ])
  await ask(client, 'a3 UNSUBSCRIBE Fruit/Peach', ['a3 OK UNSUBSCRIBE completed'])
  await ask(client, 'a4 UNSUBSCRIBE Never', ['a4 OK UNSUBSCRIBE completed'])
  await ask(client, 'a5 SUBSCRIBE Never', ['a5 NO [NONEXISTENT] No such mailbox'])
  await ask(client, 'a6 LSUB Fruit/ "*"', ['* LSUB () "/" "Fruit/Banana"', 'a6 OK LSUB completed'])
})

test('[LIST-METADATA] LIST tells annotations of what it lists: the examples of RFC 9590 §4', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await client.ask('x1 CREATE foo/below', 'x1 OK')
  await client.ask('x2 UNSUBSCRIBE foo', 'x2 OK')
  await client.ask('x3 SUBSCRIBE foo/below', 'x3 OK')
  await client.ask('x4 SUBSCRIBE INBOX', 'x4 OK')
  const color = '/shared/vendor/cmu/cyrus-imapd/color'
  await client.ask(`x5 SETMETADATA INBOX (${color} "#b71c1c")`, 'x5 OK')
  await ask(client, `A01 LIST "" (INBOX foo bar) RETURN (METADATA ("${color}"))`, [
    '* LIST (\\HasNoChildren) "/" INBOX',
    `* METADATA INBOX (${color} "#b71c1c")`,
    '* LIST (\\HasChildren) "/" "foo"',
    `* METADATA "foo" (${color} NIL)`,
    'A01 OK LIST completed',
  ])
  // "foo" is there for what lies below it only.
  await ask(client, `A02 LIST (SUBSCRIBED RECURSIVEMATCH) "" (INBOX foo) RETURN (METADATA ("${color}"))`, [
    '* LIST (\\HasNoChildren \\Subscribed) "/" INBOX',
    `* METADATA INBOX (${color} "#b71c1c")`,
    '* LIST (\\HasChildren) "/" "foo" ("CHILDINFO" ("SUBSCRIBED"))',
    'A02 OK LIST completed',
  ])
  await ask(client, `A03 LIST "" INBOX RETURN (STATUS (MESSAGES) METADATA ${color} CHILDREN)`, [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* STATUS INBOX (MESSAGES 0)',
    `* METADATA INBOX (${color} "#b71c1c")`,
    'A03 OK LIST completed',
  ])
  await ask(client, 'A04 LIST "" INBOX RETURN (METADATA ())', ['A04 BAD Expected a string or an atom'])
  await ask(client, 'A05 LIST "" INBOX RETURN (METADATA (/bad))', ['A05 BAD No such entry name is possible'])
  await ask(client, 'A06 LIST "" INBOX RETURN (METADATA)', ['A06 BAD Expected a space'])
})

test('LIST tells annotations of mailboxes of others only where GETMETADATA would', async () => {
  await using server = await ImapTestServer.start()
  const anna = await server.add(8, 'anna@example.org')
  await server.share(inbox, anna.id, 'la')
  const client = await server.signedIn('anna@example.org')
  const line = `LIST "" "Other Users/*" RETURN (METADATA (/shared/comment))`
  const path = '"Other Users/fred@example.org/INBOX"'
  const listed = `* LIST (\\HasNoChildren) "/" ${path}`
  await ask(client, `a1 ${line}`, [listed, 'a1 OK LIST completed'])
  await server.share(inbox, anna.id, 'lr')
  await ask(client, `a2 ${line}`, [
    listed,
    `* METADATA ${path} (/shared/comment NIL)`,
    'a2 OK LIST completed',
  ])
  // What is no mailbox has none, as "bar" in the example of RFC 9590 §4.
  await ask(client, 'a3 LIST "" "Other Users%" RETURN (METADATA (/shared/comment))', [
    '* LIST (\\Noselect \\HasChildren) "/" "Other Users"',
    'a3 OK LIST completed',
  ])
})
