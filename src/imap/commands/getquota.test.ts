/** GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { noLimits } from '#mail/limits.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, inbox, ImapTestServer } from '../fixture.test.ts'

const anna = 8 as AccountId
const staff = 9 as AccountId
const fred = 'fred@example.org'

async function start(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  await server.add(staff, 'staff@example.org', { isGroup: true })
  await server.add(anna, 'anna@example.org', { groups: [staff] })
  await server.add(10, 'root@example.org', { permissions: ['sysAccountUpdate'] })
  return server
}

test('[QUOTA] what an account holds and may hold, as in the examples of RFC 9208 §4.1', async () => {
  await using server = await start()
  await server.fill(42)
  server.limits = { bytes: 111 * 1024 + 1023, messages: 1000, mailboxes: 50 }
  const client = await server.signedIn()
  const quota = `* QUOTA "${fred}" (STORAGE 2 111 MESSAGE 42 1000 MAILBOX 6 50)`
  await ask(client, `G0001 GETQUOTA ${fred}`, [quota, 'G0001 OK GETQUOTA completed'])
  await ask(client, 'G0002 GETQUOTAROOT inbox', [
    `* QUOTAROOT INBOX "${fred}"`,
    quota,
    'G0002 OK GETQUOTAROOT completed',
  ])
  await ask(client, 'G0003 GETQUOTAROOT "not there yet"', [
    `* QUOTAROOT "not there yet" "${fred}"`,
    quota,
    'G0003 OK GETQUOTAROOT completed',
  ])
})

test('[QUOTA=RES-STORAGE] in units of 1024 octets, and what an EXPUNGE would free', async () => {
  await using server = await start()
  await server.deliver(`${'x'.repeat(2000)}`)
  await server.deliver(`${'x'.repeat(100)}`, { deleted: true })
  await server.deliver(`${'x'.repeat(30)}`, { deleted: true })
  server.limits = { ...noLimits, bytes: 10_000 }
  const client = await server.signedIn()
  await ask(client, `a1 GETQUOTA "${fred}"`, [`* QUOTA "${fred}" (STORAGE 3 9)`, 'a1 OK GETQUOTA completed'])
  await ask(client, 'S0003 STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)', [
    '* STATUS INBOX (MESSAGES 3 DELETED 2 DELETED-STORAGE 130)',
    'S0003 OK STATUS completed',
  ])
  await ask(client, 'a2 LIST "" (INBOX Sent) RETURN (STATUS (DELETED-STORAGE))', [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* STATUS INBOX (DELETED-STORAGE 130)',
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    '* STATUS "Sent" (DELETED-STORAGE 0)',
    'a2 OK LIST completed',
  ])
})

test('[QUOTA=RES-MESSAGE] each message counts once, and the one too many is OVERQUOTA', async () => {
  await using server = await start()
  await server.fill(2)
  server.limits = { ...noLimits, messages: 3 }
  const client = await server.selected()
  await ask(client, 'a1 COPY 1 INBOX')
  const quota = (messages: number): string => `* QUOTA "${fred}" (MESSAGE ${messages} 3)`
  await ask(client, `a2 GETQUOTA ${fred}`, [quota(2), 'a2 OK GETQUOTA completed'])
  client.sendRaw('A003 APPEND INBOX (\\Seen) {3+}\r\nabc\r\nA004 APPEND INBOX (\\Seen) {3+}\r\nabc\r\n')
  await client.expectLines(['* 4 EXISTS', 'A003 OK', 'A004 NO [OVERQUOTA] Mailbox has too many messages'])
  await ask(client, `a5 GETQUOTA ${fred}`, [quota(3), 'a5 OK GETQUOTA completed'])
})

test('[QUOTA=RES-MAILBOX] mailboxes are counted', async () => {
  await using server = await start()
  server.limits = { ...noLimits, mailboxes: 7 }
  const client = await server.signedIn()
  await ask(client, 'a1 CREATE one', ['a1 OK [MAILBOXID (F7)] CREATE completed'])
  await ask(client, `a2 GETQUOTA ${fred}`, [`* QUOTA "${fred}" (MAILBOX 7 7)`, 'a2 OK GETQUOTA completed'])
  await ask(client, 'a3 CREATE two', ['a3 NO [OVERQUOTA] Too many mailboxes'])
})

test('without limits the list is empty', async () => {
  await using server = await start()
  const client = await server.signedIn()
  await ask(client, `a1 GETQUOTA ${fred}`, [`* QUOTA "${fred}" ()`, 'a1 OK GETQUOTA completed'])
})

test('quota roots of others are there for whoever may read their mail', async () => {
  await using server = await start()
  const client = await server.signedIn('anna@example.org')
  const none = (tag: string): string[] => [`${tag} NO [NONEXISTENT] No such quota root`]
  await ask(client, `a1 GETQUOTA ${fred}`, none('a1'))
  await ask(client, 'a2 GETQUOTA nobody@example.org', none('a2'))
  await ask(client, 'a3 GETQUOTA ""', none('a3'))
  await ask(client, `a4 GETQUOTAROOT "Other Users/${fred}/INBOX"`, none('a4'))
  await ask(client, `a5 GETQUOTAROOT "Other Users/${fred}/nothing"`, none('a5'))
  // Whoever is nobody is not told apart from whoever shows nothing (RFC 9051 §11.5).
  await ask(client, 'a6 GETQUOTAROOT "Other Users/nobody@example.org/INBOX"', none('a6'))
  await server.share(inbox, anna, 'l')
  await ask(client, `b1 GETQUOTA ${fred}`, none('b1'))
  await ask(client, `b2 GETQUOTAROOT "Other Users/${fred}/INBOX"`, [
    'b2 NO [NOPERM] You do not have the right to do that here',
  ])
  await server.share(inbox, anna, 'lr')
  await ask(client, `c1 GETQUOTA ${fred}`, [`* QUOTA "${fred}" ()`, 'c1 OK GETQUOTA completed'])
  await ask(client, `c2 GETQUOTAROOT "Other Users/${fred}/INBOX"`, [
    `* QUOTAROOT "Other Users/${fred}/INBOX" "${fred}"`,
    `* QUOTA "${fred}" ()`,
    'c2 OK GETQUOTAROOT completed',
  ])
  // Another mailbox of his is still as if it were not there.
  await ask(client, `c3 GETQUOTAROOT "Other Users/${fred}/Sent"`, [
    `* QUOTAROOT "Other Users/${fred}/Sent" "${fred}"`,
    `* QUOTA "${fred}" ()`,
    'c3 OK GETQUOTAROOT completed',
  ])
  await ask(client, 'd1 GETQUOTAROOT "Shared Folders/staff@example.org/INBOX"', [
    '* QUOTAROOT "Shared Folders/staff@example.org/INBOX" "staff@example.org"',
    '* QUOTA "staff@example.org" ()',
    'd1 OK GETQUOTAROOT completed',
  ])
})

test('[QUOTASET] who may change accounts sets quotas, all at once: the example of RFC 9208 §4.1.3', async () => {
  await using server = await start()
  server.limits = { bytes: 111 * 1024, messages: 1000, mailboxes: 0 }
  const client = await server.signedIn('root@example.org')
  const [words] = await ask(client, 'a1 CAPABILITY')
  assert.match(words!, / QUOTASET( |$)/)
  await ask(client, `S0000 GETQUOTA ${fred}`, [
    `* QUOTA "${fred}" (STORAGE 0 111 MESSAGE 0 1000)`,
    'S0000 OK GETQUOTA completed',
  ])
  await ask(client, `S0001 SETQUOTA ${fred} (STORAGE 510)`, [
    `* QUOTA "${fred}" (STORAGE 0 510)`,
    'S0001 OK SETQUOTA completed',
  ])
  assert.deepEqual(server.limits, { bytes: 510 * 1024, messages: 0, mailboxes: 0 })
  assert.deepEqual(
    server.told.filter(({ event }) => event === 'limits'),
    [{ event: 'limits', by: 'root@example.org', of: account }],
  )
  await ask(client, `S0002 SETQUOTA ${fred} (message 5 Mailbox 6 Storage 0)`, [
    `* QUOTA "${fred}" (STORAGE 0 0 MESSAGE 0 5 MAILBOX 6 6)`,
    'S0002 OK SETQUOTA completed',
  ])
  await ask(client, `S0003 SETQUOTA ${fred} ()`, [`* QUOTA "${fred}" ()`, 'S0003 OK SETQUOTA completed'])
})

test('SETQUOTA is for nobody else, and what it cannot do it does not', async () => {
  await using server = await start()
  const client = await server.signedIn()
  const [words] = await ask(client, 'a1 CAPABILITY')
  assert.doesNotMatch(words!, /QUOTASET/)
  await ask(client, `a2 SETQUOTA ${fred} (STORAGE 510)`, [
    'a2 NO [NOPERM] You do not have the permission to do that',
  ])
  const admin = await server.signedIn('root@example.org')
  for (const [args, answer] of [
    ['nobody (STORAGE 1)', 'NO [NONEXISTENT] No such quota root'],
    [`${fred} (X-NUM-FOLDERS 1)`, 'NO [CANNOT] X-NUM-FOLDERS cannot be limited here'],
    [`${fred} (MESSAGE 0)`, 'NO [CANNOT] There is no limit of none'],
    [`${fred} (STORAGE 9223372036854775807)`, 'NO [CANNOT] Limit too large'],
    [`${fred} (STORAGE 9007199254740991)`, 'NO [CANNOT] Limit too large'],
    [`${fred} (STORAGE 9223372036854775808)`, 'BAD Number too large'],
    [`${fred} (STORAGE -1)`, 'BAD Expected a number'],
    [`${fred} (STORAGE 1`, 'BAD Expected ")"'],
    [`${fred} STORAGE 1`, 'BAD Expected "("'],
    [`${fred} (STORAGE 1) x`, 'BAD Unexpected text after the arguments'],
    [`${fred} (STORAGE)`, 'BAD Expected a space'],
    [fred, 'BAD Expected a space'],
    ['"\xff\xfe" (STORAGE 1)', 'BAD Quoted string that is not UTF-8'],
    ['{2+}\r\n\xff\xfe (STORAGE 1)', 'NO [NONEXISTENT] No such quota root'],
    ['{4294967296}', 'NO [LIMIT] Command too large'],
  ] as const) {
    admin.sendRaw(Buffer.from(`b SETQUOTA ${args}\r\n`, 'latin1'))
    await admin.expect(`b ${answer}`)
  }
  assert.deepEqual(server.limits, noLimits)
  for (const [line, answer] of [
    ['c GETQUOTA', 'c BAD'],
    ['c GETQUOTA a b', 'c BAD'],
    ['c GETQUOTA "\0"', 'c BAD'],
    ['c GETQUOTAROOT', 'c BAD'],
    ['c GETQUOTAROOT &bad', 'c NO [CANNOT] No such mailbox name is possible'],
    [`c GETQUOTAROOT "${'a/'.repeat(2000)}"`, 'c NO'],
  ] as const) {
    client.sendRaw(`${line}\r\n`)
    await client.expect(answer)
  }
})
