import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageId } from '#base/id.ts'
import { objectNumber } from '#mail/object-id.ts'
import { messageTable } from '#mail/tables.ts'
import { queuedMessageTable } from '#queue/tables.ts'
import { uploaded } from '../blob-fixture.test.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId, type JmapTestServer } from '../fixture.test.ts'
import { bob, draftWith, SendingTest } from '../sending-fixture.test.ts'
import type { JsonObject } from '../value.ts'

const disposition = { actionMode: 'manual-action', sendingMode: 'mdn-sent-manually', type: 'displayed' }

/** A message from elsewhere that asks for a receipt. */
const asking = (fields: Readonly<Record<string, string | undefined>> = {}, body = 'hello'): string =>
  draftWith(
    {
      From: 'Jane <jane@remote.example>',
      To: 'fred@example.org',
      Subject: 'World domination',
      'Message-ID': '<199509192301.23456@example.org>',
      'Disposition-Notification-To': 'Jane <jane@remote.example>',
      ...fields,
    },
    body,
  )

class MdnTest {
  readonly sending: SendingTest

  private constructor(sending: SendingTest) {
    this.sending = sending
  }

  static async start(): Promise<MdnTest> {
    return new MdnTest(await SendingTest.start())
  }

  get server(): JmapTestServer {
    return this.sending.server
  }

  async args(mdn: object, more: object = {}): Promise<Record<string, unknown>> {
    return {
      accountId,
      identityId: await this.sending.identity(),
      send: { a: { disposition, ...mdn } },
      onSuccessUpdateEmail: { '#a': { 'keywords/$mdnsent': true } },
      ...more,
    }
  }

  /** The arguments of the response, and those behind it. */
  async send(mdn: object, more: object = {}): Promise<{ told: JsonObject; behind: readonly unknown[] }> {
    const { answers } = await this.server.request([['MDN/send', await this.args(mdn, more), 'c']])
    const [first, ...behind] = answers
    assert.equal(first![0], 'MDN/send', JSON.stringify(first))
    return { told: first![1], behind }
  }

  async sent(mdn: object): Promise<JsonObject> {
    const { told } = await this.send(mdn)
    assert.equal(told['notSent'], null, JSON.stringify(told['notSent']))
    return (told['sent'] as { a: JsonObject }).a
  }

  async refused(mdn: object): Promise<JsonObject> {
    const { told, behind } = await this.send(mdn)
    assert.equal(told['sent'], null)
    assert.deepEqual(behind, [])
    assert.equal(await this.waiting(), 0)
    return (told['notSent'] as { a: JsonObject }).a
  }

  async waiting(): Promise<number> {
    return (await this.server.db.read((tx) => tx.list(queuedMessageTable, []))).length
  }

  /** What reached the other server. */
  async delivered(): Promise<string> {
    await this.sending.deliver()
    assert.equal(this.sending.sent.length, 1)
    const [one] = this.sending.sent
    assert.equal(one!.from, '')
    assert.deepEqual(one!.to, ['jane@remote.example'])
    return one!.text
  }

  async keywords(emailId: string): Promise<readonly string[]> {
    const id = objectNumber('M', emailId, '') as MessageId
    return (await this.server.db.read((tx) => tx.get(messageTable, account, id)))!.keywords
  }

  async message(text = asking(), prefix?: string): Promise<string> {
    return this.sending.draft(text, prefix === undefined ? {} : { prefix })
  }
}

test('RFC 9007 §2.1: a receipt goes out, and the message is marked', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message()
  const sent = await mdn.sent({
    forEmailId,
    subject: 'Read receipt for: World domination',
    textBody: 'This receipt shows that the email has been displayed.',
    reportingUA: 'joes-pc.cs.example.com; Foomail 97.1',
    extension: { 'EXTENSION-EXAMPLE': 'example.com' },
  })
  assert.deepEqual(sent, {
    includeOriginalMessage: false,
    mdnGateway: null,
    originalRecipient: null,
    finalRecipient: 'rfc822; fred@example.org',
    originalMessageId: '<199509192301.23456@example.org>',
    error: null,
  })
  assert.ok((await mdn.keywords(forEmailId)).includes('$mdnsent'))
  const text = await mdn.delivered()
  assert.match(text, /\r\nFrom: "?Fred F\."? <fred@example\.org>\r\n/)
  assert.match(text, /\r\nTo: jane@remote\.example\r\n/)
  assert.match(text, /\r\nSubject: Read receipt for: World domination\r\n/)
  assert.doesNotMatch(text, /Disposition-Notification-To/i)
  assert.match(text, /\r\nContent-Type: multipart\/report; report-type=disposition-notification;/)
  assert.ok(
    text.includes(
      [
        'Content-Type: message/disposition-notification',
        '',
        'Reporting-UA: joes-pc.cs.example.com; Foomail 97.1',
        'Final-Recipient: rfc822; fred@example.org',
        'Original-Message-ID: <199509192301.23456@example.org>',
        'Disposition: manual-action/MDN-sent-manually; displayed',
        'EXTENSION-EXAMPLE: example.com',
        '',
      ].join('\r\n'),
    ),
  )
  // What was sent is read as what was to be sent.
  const blobId = await uploaded(mdn.server, text)
  const { parsed } = await mdn.server.call('MDN/parse', { blobIds: [blobId] })
  const {
    subject,
    textBody,
    reportingUA,
    disposition: read,
    finalRecipient,
  } = (parsed as Record<string, JsonObject>)[blobId]!
  assert.deepEqual(
    { subject, textBody, reportingUA, finalRecipient },
    {
      subject: 'Read receipt for: World domination',
      textBody: 'This receipt shows that the email has been displayed.',
      reportingUA: 'joes-pc.cs.example.com; Foomail 97.1',
      finalRecipient: 'rfc822; fred@example.org',
    },
  )
  assert.deepEqual(read, disposition)
})

test('RFC 9007 §3.1: the Email/set comes behind, for what was sent only', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message()
  const onSuccessUpdateEmail = {
    '#a': { 'keywords/$mdnsent': true, 'keywords/$seen': true },
    '#b': { 'keywords/$mdnsent': true },
  }
  const send = { a: { disposition, forEmailId }, b: { disposition, forEmailId: 'Mzz' } }
  const { told, behind } = await mdn.send({}, { send, onSuccessUpdateEmail })
  assert.deepEqual(Object.keys(told['sent'] as object), ['a'])
  assert.deepEqual(Object.keys(told['notSent'] as object), ['b'])
  const [[name, set, callId] = [], ...more] = behind as [string, JsonObject, string][]
  assert.deepEqual([name, callId, more], ['Email/set', 'c', []])
  assert.deepEqual(Object.keys(set!['updated'] as object), [forEmailId])
  assert.equal(set!['notUpdated'], null)
  assert.deepEqual(
    (await mdn.keywords(forEmailId)).filter((keyword) => keyword !== '$draft'),
    ['$mdnsent', '$seen'],
  )
})

test('RFC 9007 §2: what the client does not say the server chooses, and tells', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message(
    asking({ 'Message-ID': undefined, 'Original-Recipient': 'rfc822;fred+news@example.org' }),
  )
  const sent = await mdn.sent({
    forEmailId,
    disposition: { actionMode: 'automatic-action', sendingMode: 'mdn-sent-automatically', type: 'deleted' },
  })
  assert.equal(sent['subject'], 'Receipt: World domination')
  assert.match(sent['textBody'] as string, /World domination.*was deleted/)
  assert.equal(sent['originalRecipient'], 'rfc822;fred+news@example.org')
  assert.equal(sent['originalMessageId'], null)
  assert.equal(sent['reportingUA'], null)
  assert.equal(sent['extensionFields'], null)
  const text = await mdn.delivered()
  assert.match(text, /\r\nAuto-Submitted: auto-replied\r\n/)
  assert.match(text, /\r\nOriginal-Recipient: rfc822;fred\+news@example\.org\r\n/)
  assert.doesNotMatch(text, /Original-Message-ID/)
})

test('RFC 8098 §3: the original message comes with it where that is wanted, without what was added here', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message(
    asking({}, 'The body.'),
    'Return-Path: <x@y>\r\nDelivered-To: secret@example.org\r\n',
  )
  assert.equal(
    (await mdn.sent({ forEmailId, includeOriginalMessage: true }))['includeOriginalMessage'],
    undefined,
  )
  const text = await mdn.delivered()
  assert.match(text, /\r\nContent-Type: message\/rfc822\r\n\r\nFrom: Jane <jane@remote\.example>\r\n/)
  assert.match(text, /\r\n\r\nThe body\.\r\n/)
  assert.doesNotMatch(text, /secret@/)
})

test('RFC 9007 §2.1: mdnAlreadySent, also of two at once', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message()
  const args = await mdn.args({ forEmailId })
  const both = await Promise.all([1, 2].map(() => mdn.server.request([['MDN/send', args, 'c']])))
  const results = both.map(({ answers }) => answers[0]![1])
  const errors = results.flatMap((one) =>
    one['notSent'] === null ? [] : [(one['notSent'] as { a: JsonObject }).a['type']],
  )
  assert.deepEqual(errors, ['mdnAlreadySent'])
  assert.equal(await mdn.waiting(), 1)
  const again = await mdn.send({ forEmailId })
  assert.equal((again.told['notSent'] as { a: JsonObject }).a['type'], 'mdnAlreadySent')
})

test('RFC 9007 §2.1: notFound, for what is not there, asks for nothing, or asks for what cannot be', async () => {
  const mdn = await MdnTest.start()
  for (const field of [
    undefined,
    '',
    'nobody',
    '<>',
    'undisclosed-recipients:;',

    'nobody@example.org',
  ])
    assert.equal(
      (
        await mdn.refused({ forEmailId: await mdn.message(asking({ 'Disposition-Notification-To': field })) })
      )['type'],
      'notFound',
      field,
    )
  for (const forEmailId of ['Mzzzz', 'x', '#none'])
    assert.equal((await mdn.refused({ forEmailId }))['type'], 'notFound', forEmailId)
})

test('RFC 9007 §5: forbiddenFrom for a final recipient that is not the user’s', async () => {
  const mdn = await MdnTest.start()
  await mdn.sending.setAddresses(account, ['fred@example.org', 'sales@example.org'])
  const forEmailId = await mdn.message()
  for (const finalRecipient of ['rfc822; jane@remote.example', 'bob@example.org'])
    assert.equal((await mdn.refused({ forEmailId, finalRecipient }))['type'], 'forbiddenFrom')
  for (const finalRecipient of ['', 'nobody', 'rfc822;', 'a@b\r\nX: y'])
    assert.equal((await mdn.refused({ forEmailId, finalRecipient }))['type'], 'invalidProperties')
  const sent = await mdn.sent({ forEmailId, finalRecipient: 'rfc822; sales@example.org' })
  assert.equal(sent['finalRecipient'], undefined)
  const text = await mdn.delivered()
  assert.match(text, /\r\nFrom: sales@example\.org\r\n/)
  assert.match(text, /\r\nFinal-Recipient: rfc822; sales@example\.org\r\n/)
})

test('RFC 9007 §2: properties that are missing, wrong, or the server’s', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message()
  for (const [given, property] of [
    [{ forEmailId: undefined }, 'forEmailId'],
    [{ forEmailId: null }, 'forEmailId'],
    [{ disposition: undefined }, 'disposition'],
    [{ disposition: {} }, 'disposition/actionMode'],
    [{ disposition: { ...disposition, type: 'Displayed' } }, 'disposition/type'],
    [{ disposition: { ...disposition, sendingMode: 'MDN-sent-manually' } }, 'disposition/sendingMode'],
    [{ subject: 5 }, 'subject'],
    [{ includeOriginalMessage: 'true' }, 'includeOriginalMessage'],
    [{ originalMessageId: '<a@b>' }, 'originalMessageId'],
    [{ originalRecipient: 'rfc822; a@b' }, 'originalRecipient'],
    [{ mdnGateway: 'dns; x' }, 'mdnGateway'],
    [{ error: [] }, 'error'],
    [{ extensionFields: { Disposition: 'x' } }, 'extensionFields'],
    [{ extensionFields: { 'a\r\nb': 'x' } }, 'extensionFields'],
    [{ extensionFields: { a: 5 } }, 'extensionFields/a'],
    [{ __proto__: null, constructor: 1 }, 'constructor'],
  ] as const) {
    const error = await mdn.refused({ forEmailId, ...given })
    assert.equal(error['type'], 'invalidProperties', JSON.stringify(given))
    assert.ok((error['properties'] as string[]).includes(property), JSON.stringify(error))
  }
  const sent = await mdn.sent({
    forEmailId,
    subject: 'a\r\nBcc: x@y',
    textBody: 'x\n.\n',
    reportingUA: 'a\nDisposition: b',
  })
  assert.ok(sent)
  const text = await mdn.delivered()
  assert.doesNotMatch(text, /\r\nBcc:/)
  assert.equal(text.match(/\r\nDisposition: /g)?.length, 1)
})

test('RFC 9007 §2.1: a call that would not mark the message is refused', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message()
  for (const onSuccessUpdateEmail of [
    undefined,
    null,
    {},
    { '#a': {} },
    { '#a': { 'keywords/$mdnsent': null } },
    { '#a': { 'keywords/$mdnsent': 'true' } },
    { '#b': { 'keywords/$mdnsent': true } },
    { a: { 'keywords/$mdnsent': true } },
    { '#a': { 'keywords/$mdnsent': true }, '#b': {} },
  ]) {
    const args = await mdn.args({ forEmailId }, { onSuccessUpdateEmail })
    assert.equal(
      await mdn.server.error('MDN/send', args),
      'invalidArguments',
      JSON.stringify(onSuccessUpdateEmail),
    )
  }
  assert.equal(await mdn.waiting(), 0)
  const { told } = await mdn.send(
    { forEmailId },
    { onSuccessUpdateEmail: { '#a': { keywords: { $mdnsent: true } } } },
  )
  assert.equal(told['notSent'], null)
})

test('RFC 8621 §4.1.1: the keyword that marks a message may be written in any case', async () => {
  for (const patch of [{ 'keywords/$MDNSent': true }, { keywords: { $MdnSent: true } }]) {
    const mdn = await MdnTest.start()
    const { told } = await mdn.send(
      { forEmailId: await mdn.message() },
      { onSuccessUpdateEmail: { '#a': patch } },
    )
    assert.equal(told['notSent'], null)
  }
})

test('RFC 9007 §2.1: identities and accounts that are none, and too much at once', async () => {
  const mdn = await MdnTest.start()
  const forEmailId = await mdn.message()
  for (const more of [
    { identityId: 'Izz' },
    { identityId: '#none' },
    { accountId: 'A99' },
    { send: { 'a b': {} } },
  ])
    assert.equal(await mdn.server.error('MDN/send', await mdn.args({ forEmailId }, more)), 'invalidArguments')
  const nothing = await mdn.server.call(
    'MDN/send',
    await mdn.args({}, { send: {}, onSuccessUpdateEmail: null }),
  )
  assert.deepEqual([nothing['sent'], nothing['notSent']], [null, null])
  const { answers } = await mdn.server.request([['MDN/send', await mdn.args({ forEmailId }), 'c']], {
    using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mdn'],
  })
  assert.equal(answers[0]![1]['type'], 'unknownMethod')
})

test('RFC 9007 §2.1: tooLarge, and what somebody else’s mailbox allows', async () => {
  const mdn = await MdnTest.start()
  mdn.server.submissionLimits = { maxMessageBytes: 5000 }
  const forEmailId = await mdn.message(asking({}, 'x'.repeat(5000)))
  assert.equal((await mdn.refused({ forEmailId, includeOriginalMessage: true }))['type'], 'tooLarge')
  await mdn.server.share(1 as never, bob, 'lrswi')
  const args = await mdn.args({ forEmailId })
  assert.equal(await mdn.server.error('MDN/send', args, 'bob@example.org'), 'accountNotSupportedByMethod')
  assert.equal(await mdn.waiting(), 0)
})
