import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userAccess } from '#account/fixture.test.ts'
import type { StoredList } from '#account/lookup.ts'
import { fixedClock } from '#base/clock.ts'
import { isFault } from '#base/fault.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { check, edKey, nowMs, rsaKey } from '#mailauth/dkim-fixture.test.ts'
import type { IdentityId } from '#queue/submission-rows.ts'
import { queuedMessageTable, type QueueId } from '#queue/tables.ts'
import { SubmissionRefusal } from './refusal.ts'
import type { SubmitterOptions } from './submitter.ts'
import { account, openTestAccount } from '../test-account.ts'
import { resolveAmong, testLimits, testSubmitter } from './test-submitter.ts'

const plain = { name: '', replyTo: null, bcc: null, textSignature: '', htmlSignature: '' }
const to = (...emails: readonly string[]) => ({
  mailFrom: { email: 'fred@example.org', parameters: null },
  rcptTo: emails.map((email) => ({ email, parameters: null })),
})
const header =
  'From: fred@example.org\nTo: x@remote.example\nSubject: s\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nMessage-ID: <a@b>\n'

async function open(o: Partial<SubmitterOptions> = {}) {
  const t = await openTestAccount()
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  const { db, blobs } = t
  const resolve = resolveAmong(new Map([['fred@example.org', account]]))
  const submitter = testSubmitter({ db, blobs, bus, clock: fixedClock(nowMs), resolve, ...o })
  const access = userAccess(account, 'fred@example.org')
  const identity = { ...plain, id: 1 as IdentityId, email: 'fred@example.org' }
  /** What waits in the queue when a message was sent. */
  const send = async (text: string, envelope = to('x@remote.example'), prefix = '') => {
    const { id: email } = await t.append(text, { prefix })
    const prepared = (await submitter.prepare({ access, account, email, identity, envelope }))!
    const id: QueueId = await db.write([account], (tx) => submitter.create(tx, prepared))
    const message = (await db.read((tx) => tx.get(queuedMessageTable, id)))!
    const pieces: Uint8Array[] = [Buffer.from(message.before)]
    for await (const piece of blobs.read(message.blob)) pieces.push(piece)
    return { prepared, message, sent: Buffer.concat(pieces) }
  }
  const refusal = async (text: string, envelope = to('x@remote.example'), prefix = '') => {
    const error: unknown = await send(text, envelope, prefix).then(
      () => undefined,
      (found: unknown) => found,
    )
    return error instanceof SubmissionRefusal ? error.type : error
  }
  return { ...t, submitter, send, refusal }
}

test('RFC 6376 §5: what goes to others is signed as it goes out, without what was taken out of it', async () => {
  const asked: string[] = []
  const keysOf = (domain: string) => {
    asked.push(domain)
    return [rsaKey, edKey]
  }
  const { send } = await open({ keysOf })
  const body = `${'a line of text\n'.repeat(20_000)}.\n`
  for (const more of ['', 'Bcc: y@remote.example\n']) {
    const { sent } = await send(`${header}${more}\n${body}`)
    assert.deepEqual(
      (await check(sent)).map(({ result }) => result),
      ['pass', 'pass'],
    )
    assert.ok(!sent.includes('Bcc'))
  }
  const missing = await send(`From: fred@example.org\nTo: x@remote.example\n\n${body}`)
  assert.match(
    missing.sent.toString(),
    /^DKIM-Signature: [^]*\r\nReceived: [^]*\r\nDate: [^]*\r\nMessage-ID: /,
  )
  assert.deepEqual(
    (await check(missing.sent)).map(({ result }) => result),
    ['pass', 'pass'],
  )
  assert.deepEqual(new Set(asked), new Set(['example.org']))
})

test('what stays here is not signed, and nobody signs for the domain of somebody else', async () => {
  const asked: string[] = []
  const keysOf = (domain: string) => {
    asked.push(domain)
    return []
  }
  const limits = () => ({ ...testLimits, mustMatchSender: false })
  const { send } = await open({ keysOf, limits })
  await send(`${header}\nx\n`, to('fred@example.org'))
  assert.deepEqual(asked, [])
  await send(`${header.replace('fred@example.org', 'other@remote.example')}\nx\n`)
  assert.deepEqual(asked, ['example.org'], 'the domain of the envelope')
})

test('a message of which nothing is taken out is not stored once more', async () => {
  const { send } = await open()
  const same = await send(`${header}\nx\n`)
  assert.equal(same.message.blob, same.prepared.row.blob)
  const hidden = await send(`${header}Bcc: y@remote.example\n\nx\n`)
  assert.notEqual(hidden.message.blob, hidden.prepared.row.blob)
})

test('RFC 6152, RFC 6531: 8-bit text and addresses that are not ASCII are known to the queue', async () => {
  const { send } = await open()
  const flags = async (text: string, envelope = to('x@remote.example')) => {
    const { message } = await send(text, envelope)
    return [message.is8bit, message.needsUtf8]
  }
  assert.deepEqual(await flags(`${header}\nplain\n`), [false, false])
  assert.deepEqual(await flags(`${header}\nschön\n`), [true, false])
  assert.deepEqual(await flags(`${header}X-Note: schön\n\nx\n`), [true, true])
  assert.deepEqual(await flags(`${header}\nx\n`, to('jörg@remote.example')), [false, true])
})

test('RFC 5321 §6.3: a message that goes in circles is not sent, nor one with a huge header', async () => {
  const { refusal } = await open()
  const received = 'Received: from a by b\n'.repeat(testLimits.maxReceivedFields + 1)
  assert.equal(await refusal(`${received}${header}\nx\n`), 'invalidEmail')
  assert.equal(await refusal(`${header}X-Long: ${'x '.repeat(40_000)}\n\nx\n`), 'invalidEmail')
})

test('a list takes mail of those who may send to it, and only while somebody is on it', async () => {
  const list: StoredList = {
    id: 3 as StoredList['id'],
    name: 'list@example.org',
    aliases: [],
    description: '',
    enabled: true,
    recipients: ['a@remote.example'],
    posting: 'members',
    posters: [],
    createdAt: 0,
  }
  const members = { accounts: [] as never[], others: ['a@remote.example'] }
  const resolving = resolveAmong(new Map([['fred@example.org', account]]))
  let known = list
  const { refusal, send } = await open({
    resolve: async (address) =>
      address === list.name ? { kind: 'list', list: known, address } : resolving(address),
    expand: async () => members,
  })
  const text = `${header}\nx\n`
  assert.equal(await refusal(text, to(list.name)), 'invalidRecipients')
  known = { ...list, posters: ['fred@example.org'] }
  const { prepared } = await send(text, to(list.name))
  assert.deepEqual(
    prepared.recipients.map(({ queue }) => queue),
    ['local'],
  )
  members.others.length = 0
  assert.equal(await refusal(text, to(list.name)), 'invalidRecipients')
})

test('results that claim to be ours are taken out (RFC 8601 §5)', async () => {
  const { send } = await open()
  const forged = 'Authentication-Results: mail.example.org; spf=pass smtp.mailfrom=x\n'
  const { sent } = await send(`${forged}${header}\nx\n`)
  assert.ok(!sent.includes('Authentication-Results'))
})

test('a message that is gone when it is to be sent is not sent', async () => {
  const { db, submitter, append } = await open()
  const access = userAccess(account, 'fred@example.org')
  const identity = { ...plain, id: 1 as IdentityId, email: 'fred@example.org' }
  const { id: email } = await append(`${header}\nx\n`)
  const request = { access, account, email, identity, envelope: null }
  assert.equal(await submitter.prepare({ ...request, email: 77 as typeof email }), undefined)
  const prepared = (await submitter.prepare(request))!
  const gone = { ...prepared, request: { ...request, email: 77 as typeof email } }
  await assert.rejects(
    db.write([account], (tx) => submitter.create(tx, gone)),
    (error) => isFault(error, 'notFound'),
  )
  assert.deepEqual(await db.read((tx) => tx.list(queuedMessageTable, [])), [])
})
