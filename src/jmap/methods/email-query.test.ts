import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId, Uid } from '#base/id.ts'
import { copyMessages } from '#mail/copy.ts'
import { storeFlags } from '#mail/flags.ts'
import { inboxId } from '#mail/mailbox.ts'
import { account, createdAt } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId
const mailboxId = (id: MailboxId): string => `F${id.toString(36)}`
const inbox = mailboxId(inboxId)

const letter = (header: string, body = 'text'): string => `${header}\n\n${body}\n`
const newest = [{ property: 'receivedAt', isAscending: false }]
const oldest = [{ property: 'receivedAt', isAscending: true }]

/** Messages M1 to M5, a minute after each other. */
async function filled(settings: Readonly<Record<string, unknown>> = {}): Promise<JmapTestServer> {
  const server = await JmapTestServer.start(settings)
  const at = (minute: number): { receivedAt: number } => ({ receivedAt: createdAt + 60_000 * minute })
  await server.deliver(
    letter(
      'From: Anna <anna@example.org>\nTo: Bob <bob@example.net>\nSubject: Tea and buses\nDate: Thu, 1 Jan 2026 09:00:00 +0000\nMessage-ID: <a@example.org>',
      'We drink it at four.',
    ),
    { ...at(1), keywords: ['$seen'] },
  )
  await server.deliver(
    letter(
      'From: bob@example.net\nTo: anna@example.org\nCc: carl@example.com\nSubject: Re: Tea and buses\nDate: Thu, 1 Jan 2026 08:00:00 +0000\nIn-Reply-To: <a@example.org>',
      'Five o\'clock tea, "well done".',
    ),
    { ...at(2), keywords: ['$flagged'] },
  )
  await server.deliver(
    letter('From: Carl <carl@example.com>\nBcc: dora@example.org\nSubject: Business\nX-Kind: green apple'),
    { ...at(3), keywords: ['$seen', '$flagged'] },
  )
  await server.deliver(letter('From: =?utf-8?q?J=C3=B6rg?= <joerg@example.de>\nSubject: Äpfel', 'obst'), {
    ...at(4),
    mailbox: archive,
  })
  await server.deliver(
    letter(
      'Subject: zebra\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x',
      '--x\nContent-Type: text/html\n\n<style>.hidden{}</style><p class="ghost" title="tip &amp; hint">striped <img alt=zebra src=horse.png></p>\n--x\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nx\n--x--',
    ),
    at(5),
  )
  return server
}

const query = (server: JmapTestServer, args: object, as?: string): Promise<JsonObject> =>
  server.call('Email/query', { ...args }, as === undefined ? {} : { as })

async function ids(server: JmapTestServer, filter: unknown, more: object = {}): Promise<unknown> {
  return (await query(server, { filter, sort: oldest, ...more }))['ids']
}

test('RFC 8620 §5.5: null and no filter are all, null and no sort a stable order', async () => {
  const server = await filled()
  const all = await query(server, {})
  assert.deepEqual(Object.keys(all).sort(), [
    'accountId',
    'canCalculateChanges',
    'ids',
    'limit',
    'position',
    'queryState',
  ])
  assert.equal((all['ids'] as string[]).length, 5)
  assert.equal(all['position'], 0)
  assert.equal(all['canCalculateChanges'], true)
  assert.deepEqual((await query(server, { filter: null, sort: null }))['ids'], all['ids'])
  assert.deepEqual((await query(server, { filter: {}, sort: [] }))['ids'], all['ids'])
  assert.deepEqual(await ids(server, null), ['M1', 'M2', 'M3', 'M4', 'M5'])
})

test('RFC 8620 §5.5: position, from the end too, and the limit', async () => {
  const server = await filled({ queryMaxResults: 4 })
  const part = async (args: object): Promise<readonly unknown[]> => {
    const told = await query(server, { sort: oldest, ...args })
    return [told['position'], told['ids'], told['limit'], told['total']]
  }
  assert.deepEqual(await part({}), [0, ['M1', 'M2', 'M3', 'M4'], 4, undefined])
  assert.deepEqual(await part({ limit: null, calculateTotal: true }), [0, ['M1', 'M2', 'M3', 'M4'], 4, 5])
  assert.deepEqual(await part({ limit: 9, calculateTotal: true }), [0, ['M1', 'M2', 'M3', 'M4'], 4, 5])
  assert.deepEqual(await part({ position: 1, limit: 2 }), [1, ['M2', 'M3'], undefined, undefined])
  assert.deepEqual(await part({ position: -2, limit: 4 }), [3, ['M4', 'M5'], undefined, undefined])
  assert.deepEqual(await part({ position: -9, limit: 1 }), [0, ['M1'], undefined, undefined])
  assert.deepEqual(await part({ position: 5, limit: 1 }), [5, [], undefined, undefined])
  assert.deepEqual(await part({ position: 90, limit: 1, calculateTotal: true }), [90, [], undefined, 5])
  assert.deepEqual(await part({ limit: 0, calculateTotal: true }), [0, [], undefined, 5])
  for (const limit of [-1, 1.5, '1', true, {}])
    assert.equal(await server.error('Email/query', { limit }), 'invalidArguments')
})

test('RFC 8620 §5.5: an anchor makes the position of no account', async () => {
  const server = await filled()
  const part = async (args: object): Promise<readonly unknown[]> => {
    const told = await query(server, { sort: oldest, limit: 2, ...args })
    return [told['position'], told['ids']]
  }
  assert.deepEqual(await part({ anchor: 'M3', position: 4 }), [2, ['M3', 'M4']])
  assert.deepEqual(await part({ anchor: 'M3', anchorOffset: -1 }), [1, ['M2', 'M3']])
  assert.deepEqual(await part({ anchor: 'M3', anchorOffset: -9 }), [0, ['M1', 'M2']])
  assert.deepEqual(await part({ anchor: 'M3', anchorOffset: 9 }), [11, []])
  assert.deepEqual(await part({ anchorOffset: 3 }), [0, ['M1', 'M2']])
  assert.deepEqual(await part({ anchor: null, anchorOffset: 3, position: 1 }), [1, ['M2', 'M3']])
  for (const anchor of ['M9', 'F1', 'nothing', '#none'])
    assert.equal(await server.error('Email/query', { anchor }), 'anchorNotFound')
  assert.equal(
    await server.error('Email/query', { anchor: 'M4', filter: { inMailbox: inbox } }),
    'anchorNotFound',
  )
})

test('RFC 8621 §4.4.1: mailboxes, dates, sizes and keywords', async () => {
  const server = await filled()
  assert.deepEqual(await ids(server, { inMailbox: inbox }), ['M1', 'M2', 'M3', 'M5'])
  assert.deepEqual(await ids(server, { inMailbox: 'Fzz' }), [])
  assert.deepEqual(await ids(server, { inMailboxOtherThan: [inbox] }), ['M4'])
  assert.deepEqual(await ids(server, { inMailboxOtherThan: [] }), ['M1', 'M2', 'M3', 'M4', 'M5'])
  assert.deepEqual(await ids(server, { inMailboxOtherThan: [inbox, mailboxId(archive), 'Fzz'] }), [])
  const minute = (n: number): string => `2026-01-01T00:0${n}:00Z`
  assert.deepEqual(await ids(server, { before: minute(2) }), ['M1'])
  assert.deepEqual(await ids(server, { after: minute(4) }), ['M4', 'M5'])
  assert.deepEqual(await ids(server, { after: minute(2), before: minute(4) }), ['M2', 'M3'])
  const all = await server.call('Email/query', { sort: [{ property: 'size' }] })
  assert.equal((all['ids'] as string[]).length, 5)
  assert.deepEqual(await ids(server, { minSize: 1_000_000 }), [])
  assert.deepEqual(await ids(server, { maxSize: 0 }), [])
  assert.deepEqual(await ids(server, { minSize: 1, maxSize: 1_000_000, hasKeyword: '$SEEN' }), ['M1', 'M3'])
  assert.deepEqual(await ids(server, { notKeyword: '$seen' }), ['M2', 'M4', 'M5'])
  assert.deepEqual(await ids(server, { allInThreadHaveKeyword: '$seen' }), ['M3'])
  assert.deepEqual(await ids(server, { someInThreadHaveKeyword: '$seen' }), ['M1', 'M2', 'M3'])
  assert.deepEqual(await ids(server, { noneInThreadHaveKeyword: '$seen' }), ['M4', 'M5'])
  assert.deepEqual(await ids(server, { hasAttachment: true }), ['M5'])
  assert.deepEqual(await ids(server, { hasAttachment: false }), ['M1', 'M2', 'M3', 'M4'])
})

test('RFC 8621 §4.4.1: texts of headers and bodies', async () => {
  const server = await filled()
  assert.deepEqual(await ids(server, { from: 'ANNA' }), ['M1'])
  assert.deepEqual(await ids(server, { from: 'jörg' }), ['M4'])
  assert.deepEqual(await ids(server, { to: 'anna@example.org' }), ['M2'])
  assert.deepEqual(await ids(server, { cc: 'carl' }), ['M2'])
  assert.deepEqual(await ids(server, { bcc: 'dora' }), ['M3'])
  assert.deepEqual(await ids(server, { subject: 'tea' }), ['M1', 'M2'])
  assert.deepEqual(await ids(server, { subject: 'äpfel' }), ['M4'])
  assert.deepEqual(await ids(server, { body: 'drink four' }), ['M1'])
  assert.deepEqual(await ids(server, { body: 'tea' }), ['M2'])
  assert.deepEqual(await ids(server, { body: 'striped' }), ['M5'])
  assert.deepEqual(await ids(server, { body: 'hidden' }), [])
  assert.deepEqual(await ids(server, { body: 'style' }), [])
  for (const body of ['tip', '"tip & hint"', 'zebra']) assert.deepEqual(await ids(server, { body }), ['M5'])
  for (const body of ['ghost', 'horse', 'title']) assert.deepEqual(await ids(server, { body }), [])
  for (const text of ['anna', 'tea', 'five', 'carl'])
    assert.ok(((await ids(server, { text })) as string[]).includes('M2'), text)
  assert.deepEqual(await ids(server, { text: 'dora' }), ['M3'])
  assert.deepEqual(await ids(server, { text: 'dora business' }), ['M3'])
  assert.deepEqual(await ids(server, { text: 'dora tea' }), [])
  assert.deepEqual(await ids(server, { header: ['X-Kind'] }), ['M3'])
  assert.deepEqual(await ids(server, { header: ['x-kind', 'GREEN'] }), ['M3'])
  assert.deepEqual(await ids(server, { header: ['X-Kind', 'red'] }), [])
})

test('RFC 8621 §4.4.1: words in other forms, phrases in quotes', async () => {
  const server = await filled()
  assert.deepEqual(await ids(server, { subject: 'bus' }), ['M1', 'M2', 'M3'])
  assert.deepEqual(await ids(server, { subject: '"bus"' }), [])
  assert.deepEqual(await ids(server, { subject: '"buses"' }), ['M1', 'M2'])
  assert.deepEqual(await ids(server, { subject: "'tea and'" }), ['M1', 'M2'])
  assert.deepEqual(await ids(server, { subject: '"and tea"' }), [])
  assert.deepEqual(await ids(server, { subject: 'buses tea' }), ['M1', 'M2'])
  assert.deepEqual(await ids(server, { subject: '"tea buses"' }), [])
  assert.deepEqual(await ids(server, { body: String.raw`"five o\'clock"` }), ['M2'])
  assert.deepEqual(await ids(server, { body: String.raw`"tea, \"well done\""` }), ['M2'])
  assert.deepEqual(await ids(server, { body: `"five tea` }), [])
  assert.deepEqual(await ids(server, { subject: '' }), ['M1', 'M2', 'M3', 'M4', 'M5'])
  assert.deepEqual(await ids(server, { subject: 'zabra' }), [])
})

test('RFC 8620 §5.5: conditions are put together by AND, OR and NOT', async () => {
  const server = await filled()
  const seen = { hasKeyword: '$seen' }
  const flagged = { hasKeyword: '$flagged' }
  const of = (operator: string, ...conditions: readonly object[]): object => ({ operator, conditions })
  assert.deepEqual(await ids(server, of('AND', seen, flagged)), ['M3'])
  assert.deepEqual(await ids(server, of('OR', seen, flagged)), ['M1', 'M2', 'M3'])
  assert.deepEqual(await ids(server, of('NOT', seen, flagged)), ['M4', 'M5'])
  assert.deepEqual(await ids(server, of('NOT', of('OR', { subject: 'tea' }, flagged))), ['M4', 'M5'])
  assert.deepEqual(await ids(server, of('AND', { inMailbox: inbox }, of('NOT', { body: 'tea' }))), [
    'M1',
    'M3',
    'M5',
  ])
  assert.deepEqual(await ids(server, of('AND')), ['M1', 'M2', 'M3', 'M4', 'M5'])
  assert.deepEqual(await ids(server, of('OR')), [])
  assert.deepEqual(await ids(server, of('NOT')), ['M1', 'M2', 'M3', 'M4', 'M5'])
})

test('RFC 8620 §5.5: what is wrong in a filter', async () => {
  const server = await filled()
  const error = (filter: unknown): Promise<string> => server.error('Email/query', { filter })
  assert.equal(await error({ noSuchCondition: 1 }), 'unsupportedFilter')
  assert.equal(await error('text'), 'invalidArguments')
  assert.equal(await error([]), 'invalidArguments')
  assert.equal(await error({ operator: 'XOR', conditions: [] }), 'invalidArguments')
  assert.equal(await error({ operator: 'AND' }), 'invalidArguments')
  assert.equal(await error({ operator: 'AND', conditions: [null] }), 'invalidArguments')
  for (const wrong of [
    { inMailbox: null },
    { inMailbox: 5 },
    { inMailboxOtherThan: inbox },
    { before: '2026-01-01' },
    { after: '2026-01-01T00:00:00+01:00' },
    { minSize: -1 },
    { maxSize: '5' },
    { hasKeyword: true },
    { hasAttachment: 'yes' },
    { text: null },
    { header: [] },
    { header: ['a', 'b', 'c'] },
    { header: 'Subject' },
  ])
    assert.equal(await error(wrong), 'invalidArguments', JSON.stringify(wrong))
  const words = Array.from({ length: 100 }, (_, i) => `word${i}`).join(' ')
  assert.equal(
    await error({ operator: 'OR', conditions: [{ text: words }, { body: words }] }),
    'unsupportedFilter',
  )
})

/** Turns red where the texts are split into words, or compared with messages, before their length is looked at. */
test('RFC 8620 §5.5: a filter with texts that are too long is refused before anything is made of them', async () => {
  const server = await JmapTestServer.start()
  const error = (filter: JsonObject): Promise<string> => server.error('Email/query', { filter })
  // Each quote could be the beginning of a phrase, and none is.
  const quotes = "'a ".repeat(300_000)
  for (const name of ['text', 'from', 'to', 'cc', 'bcc', 'subject', 'body'])
    assert.equal(await error({ [name]: quotes }), 'unsupportedFilter', name)
  assert.equal(await error({ header: ['x'.repeat(20_000)] }), 'unsupportedFilter')
  assert.equal(await error({ header: ['x', quotes] }), 'unsupportedFilter')
  const half = { subject: 'x'.repeat(5000) }
  await server.call('Email/query', { filter: { operator: 'OR', conditions: [half, half] } })
  assert.equal(await error({ operator: 'OR', conditions: [half, half, { from: 'a' }] }), 'unsupportedFilter')
})

test('RFC 8620 §5.5: a filter 10,000 levels deep is refused, and one of many conditions', async () => {
  const server = await filled()
  const nested = (levels: number): string =>
    `${'{"operator":"NOT","conditions":['.repeat(levels)}{}${']}'.repeat(levels)}`
  const many = { operator: 'AND', conditions: Array.from({ length: 1001 }, () => ({})) }
  assert.equal(await server.error('Email/query', { filter: many }), 'unsupportedFilter')
  assert.deepEqual(await ids(server, JSON.parse(nested(28))), ['M1', 'M2', 'M3', 'M4', 'M5'])
  const response = await server.fetch('/jmap/', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Email/query",{"accountId":"A7","filter":${nested(10_000)}},"c"]]}`,
  })
  assert.equal(response.status, 400)
  assert.equal(((await response.json()) as JsonObject)['type'], 'urn:ietf:params:jmap:error:notJSON')
})

test('RFC 8621 §4.4.2: every sort', async () => {
  const server = await filled()
  const sorted = async (...sort: readonly object[]): Promise<unknown> =>
    (await query(server, { sort }))['ids']
  assert.deepEqual(await sorted(newest[0]!), ['M5', 'M4', 'M3', 'M2', 'M1'])
  assert.deepEqual(await sorted({ property: 'subject' }), ['M4', 'M3', 'M1', 'M2', 'M5'])
  assert.deepEqual(await sorted({ property: 'from' }), ['M5', 'M1', 'M2', 'M3', 'M4'])
  assert.deepEqual(await sorted({ property: 'from', collation: 'i;octet' }), ['M5', 'M1', 'M3', 'M4', 'M2'])
  assert.deepEqual(await sorted({ property: 'to' }, newest[0]!), ['M5', 'M4', 'M3', 'M2', 'M1'])
  assert.deepEqual(((await sorted({ property: 'sentAt' })) as string[]).indexOf('M2') + 1, 4)
  const sizes = (await sorted({ property: 'size', isAscending: false })) as string[]
  assert.equal(sizes.at(-1), 'M4')
  const keyword = { keyword: '$flagged', isAscending: false }
  assert.deepEqual(await sorted({ property: 'hasKeyword', ...keyword }, oldest[0]!), [
    'M2',
    'M3',
    'M1',
    'M4',
    'M5',
  ])
  assert.deepEqual(await sorted({ property: 'allInThreadHaveKeyword', ...keyword }, oldest[0]!), [
    'M3',
    'M1',
    'M2',
    'M4',
    'M5',
  ])
  assert.deepEqual(await sorted({ property: 'someInThreadHaveKeyword', ...keyword }, oldest[0]!), [
    'M1',
    'M2',
    'M3',
    'M4',
    'M5',
  ])
  assert.deepEqual(await sorted({ property: 'someInThreadHaveKeyword', keyword: '$Flagged' }, newest[0]!), [
    'M5',
    'M4',
    'M3',
    'M2',
    'M1',
  ])
})

test('RFC 8620 §5.5: what is wrong in a sort', async () => {
  const server = await filled()
  const error = (...sort: readonly unknown[]): Promise<string> => server.error('Email/query', { sort })
  assert.equal(await error({ property: 'nothing' }), 'unsupportedSort')
  assert.equal(await error({ property: 'subject', collation: 'i;nothing' }), 'unsupportedSort')
  assert.equal(await error({ property: 'hasKeyword' }), 'invalidArguments')
  assert.equal(await error({ property: 5 }), 'invalidArguments')
  assert.equal(await error({}), 'invalidArguments')
  assert.equal(await error('subject'), 'invalidArguments')
  assert.equal(await error({ property: 'subject', isAscending: 'yes' }), 'invalidArguments')
  assert.equal(await server.error('Email/query', { sort: { property: 'subject' } }), 'invalidArguments')
  assert.equal(await server.error('Email/query', { collapseThreads: 1 }), 'invalidArguments')
})

test('RFC 8621 §4.4.3: of each thread the first', async () => {
  const server = await filled()
  const collapsed = { collapseThreads: true, calculateTotal: true }
  const told = await query(server, { sort: newest, ...collapsed })
  assert.deepEqual([told['ids'], told['total']], [['M5', 'M4', 'M3', 'M2'], 4])
  assert.deepEqual(await ids(server, null, collapsed), ['M1', 'M3', 'M4', 'M5'])
  assert.deepEqual(await ids(server, { subject: 're tea' }, collapsed), ['M2'])
})

test('RFC 8621 §4.1.1: a message with \\Deleted everywhere is not there', async () => {
  const server = await filled()
  const before = (await query(server, {}))['queryState']
  await server.services.db.write([account], async (tx) => {
    await storeFlags(tx, account, inboxId, [1 as Uid], { how: 'add', keywords: [], deleted: true })
    const there = { account, mailbox: archive }
    await copyMessages(
      tx,
      { from: { account, mailbox: inboxId }, uids: [2 as Uid], to: there },
      { savedAt: createdAt },
    )
    await storeFlags(tx, account, inboxId, [2 as Uid], { how: 'add', keywords: [], deleted: true })
  })
  assert.deepEqual(await ids(server, null), ['M2', 'M3', 'M4', 'M5'])
  assert.deepEqual(await ids(server, { inMailbox: inbox }), ['M3', 'M5'])
  assert.deepEqual(await ids(server, { inMailbox: mailboxId(archive) }), ['M2', 'M4'])
  assert.deepEqual(await ids(server, { someInThreadHaveKeyword: '$seen' }), ['M3'])
  const after = await query(server, { filter: { inMailbox: inbox }, calculateTotal: true })
  assert.equal(after['total'], 2)
  assert.notEqual(after['queryState'], before)
})

test('RFC 8621 §4.4: of a shared account only mailboxes that may be read count', async () => {
  const server = await filled()
  await server.add(9, 'guest@example.org')
  await server.share(inboxId, 9 as never, 'lr')
  await server.share(archive, 9 as never, 'l')
  const told = await server.call(
    'Email/query',
    { accountId: 'A7', calculateTotal: true },
    { as: 'guest@example.org' },
  )
  assert.equal(told['total'], 4)
  const shown = await server.call(
    'Email/query',
    { accountId: 'A7', filter: { inMailbox: 'F7_6' } },
    { as: 'guest@example.org' },
  )
  assert.deepEqual(shown['ids'], [])
  const other = await server.call(
    'Email/query',
    { accountId: 'A7', filter: { inMailbox: 'F7_1' }, sort: oldest },
    { as: 'guest@example.org' },
  )
  assert.deepEqual(other['ids'], ['M7_1', 'M7_2', 'M7_3', 'M7_5'])
})

test('RFC 8620 §5.5: the state is the same while nothing changes, and another once the result is', async () => {
  const server = await filled()
  const state = async (): Promise<unknown> =>
    (await query(server, { filter: { subject: 'tea' } }))['queryState']
  const before = await state()
  assert.equal(await state(), before)
  await server.deliver(letter('Subject: tea'))
  assert.notEqual(await state(), before)
})
