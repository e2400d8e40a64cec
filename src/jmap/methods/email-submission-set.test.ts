import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { mailboxObjectId } from '#mail/object-id.ts'
import { countSent } from '#queue/sending-limit.ts'
import { accountObjectId } from '../accounts.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId } from '../fixture.test.ts'
import { bob, draftWith, envelope, later, plainDraft, SendingTest } from '../sending-fixture.test.ts'
import type { JsonObject } from '../value.ts'

const fred = 'fred@example.org'

const lines = (text: string): readonly string[] => text.split('\r\n')
/** The fields of a message by their names, the last of each. */
const fieldsOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .split('\r\n\r\n', 1)[0]!
      .replaceAll(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  )

test('RFC 8621 §7.5: what is created is told with all that the server has set', async () => {
  await using t = await SendingTest.start()
  const emailId = await t.draft()
  const answer = await t.server.call('EmailSubmission/set', {
    create: { s: { identityId: 'I1', emailId } },
  })
  // Identities are made when they are first asked for, which sending does too.
  const { s } = answer['created'] as Record<string, JsonObject>
  const { id, ...set } = s!
  assert.match(id as string, /^S[0-9a-z]+$/)
  assert.deepEqual(set, {
    threadId: 'T1',
    sendAt: '2026-01-01T00:01:00Z',
    undoStatus: 'pending',
    deliveryStatus: {
      'jane@remote.example': {
        smtpReply: '250 2.0.0 The message waits to be sent',
        delivered: 'queued',
        displayed: 'unknown',
      },
    },
    dsnBlobIds: [],
    mdnBlobIds: [],
    envelope: envelope(fred, 'jane@remote.example'),
  })
  assert.notEqual(answer['newState'], answer['oldState'])
})

test('RFC 8621 §7.5: the message goes to another server and to an account here', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit({ envelope: envelope(fred, 'jane@remote.example', 'bob@example.org') })
  await t.deliver()
  const [sent] = t.sent
  assert.deepEqual([sent!.from, sent!.to, t.sent.length], [fred, ['jane@remote.example'], 1])
  assert.match(sent!.text, /^Received: by mail\.example\.org id [0-9a-z]+;/)
  assert.ok(sent!.text.endsWith(plainDraft.replaceAll('\n', '\r\n')))
  const [here] = await t.messages(bob)
  assert.deepEqual(lines(here!).slice(0, 2), [
    'Return-Path: <fred@example.org>',
    'Delivered-To: bob@example.org',
  ])
  const { deliveryStatus, undoStatus } = await t.get(id)
  assert.equal(undoStatus, 'final')
  assert.deepEqual(deliveryStatus, {
    'jane@remote.example': { smtpReply: '250 2.0.0 ok', delivered: 'unknown', displayed: 'unknown' },
    'bob@example.org': { smtpReply: '250 2.1.5 Delivered', delivered: 'yes', displayed: 'unknown' },
  })
})

test('RFC 8621 §7.5: Bcc is removed, and so is what only deliveries add', async () => {
  await using t = await SendingTest.start()
  const text = draftWith({
    Bcc: 'bob@example.org,\n secret@remote.example',
    'Return-Path': '<x@remote.example>',
  })
  await t.submit({ emailId: await t.draft(text) })
  await t.deliver()
  for (const one of [t.sent[0]!.text, ...(await t.messages(bob))])
    assert.ok(!/bcc|secret|x@remote/i.test(one), one)
  assert.deepEqual(t.sent[0]!.to, ['jane@remote.example', 'secret@remote.example'])
})

test('RFC 6409 §8.2, §8.3: a Date and a Message-ID that are missing are added', async () => {
  await using t = await SendingTest.start()
  const text = draftWith({ Date: undefined, 'Message-ID': undefined })
  await t.submit({ emailId: await t.draft(text) })
  await t.deliver()
  const fields = fieldsOf(t.sent[0]!.text)
  assert.match(fields['Date']!, /^Thu, 1 Jan 2026 00:01:00/)
  assert.match(fields['Message-ID']!, /^<new\d+@mail\.example\.org>$/)
})

test('RFC 8621 §7: without an envelope it is of Sender or From, to all of To, Cc and Bcc, each once', async () => {
  await using t = await SendingTest.start()
  const submit = async (fields: Record<string, string>, identity = {}) =>
    (await t.submit({ emailId: await t.draft(draftWith(fields)), ...identity }))['envelope']
  const everybody = {
    To: 'a@remote.example, "B, b" <b@remote.example>, team: c@remote.example, a@REMOTE.example;',
    Cc: 'd@remote.example, a@remote.example',
    Bcc: 'e@remote.example',
  }
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@remote.example`)
  const made = (await submit(everybody)) as { rcptTo: { email: string }[] }
  assert.deepEqual(
    made.rcptTo.map(({ email }) => email),
    all,
  )
  await t.setAddresses(account, [fred, '@example.org'])
  const star = { identityId: 'I2' }
  const sender = await submit({ Sender: 'other@example.org' }, star)
  assert.deepEqual(sender, envelope('other@example.org', 'jane@remote.example'))
  // Not allowed by the identity, so that its own address is used.
  const own = await submit({ From: 'other@example.org' })
  assert.deepEqual(own, envelope(fred, 'jane@remote.example'))
})

test('RFC 8621 §7: of several authors the sender cannot be told', async () => {
  await using t = await SendingTest.start()
  const refused = async (fields: Record<string, string>) => {
    const { type, properties } = await t.refused({ emailId: await t.draft(draftWith(fields)) })
    return [type, properties]
  }
  assert.deepEqual(await refused({ From: `${fred}, fred+x@example.org` }), ['invalidEmail', ['from']])
  assert.deepEqual(await refused({ Sender: `${fred}, fred+x@example.org` }), ['invalidEmail', ['sender']])
})

test('RFC 8621 §7.5: invalidEmail lists all properties that are wrong', async () => {
  await using t = await SendingTest.start()
  const refused = async (text: string) => {
    const { type, properties } = await t.refused({
      emailId: await t.draft(text),
      envelope: envelope(fred, 'jane@remote.example'),
    })
    return [type, (properties as string[]).toSorted()]
  }
  const twice = draftWith({ From: undefined, Date: 'yesterday' }).replace('To:', 'to: x@remote.example\nTo:')
  assert.deepEqual(await refused(twice), ['invalidEmail', ['from', 'sentAt', 'to']])
  assert.deepEqual(await refused(draftWith({ From: 'nobody' })), ['invalidEmail', ['from']])
  assert.deepEqual(await refused(draftWith({}, 'a\rb')), ['invalidEmail', ['bodyStructure']])
  assert.deepEqual(await refused('just text'), ['invalidEmail', ['from']])
})

test('RFC 8621 §7.5: noRecipients, also where the header names nobody', async () => {
  await using t = await SendingTest.start()
  assert.equal((await t.refused({ envelope: envelope(fred) }))['type'], 'noRecipients')
  const emailId = await t.draft(draftWith({ To: 'undisclosed-recipients:;' }))
  assert.equal((await t.refused({ emailId }))['type'], 'noRecipients')
})

test('RFC 8621 §7.5: invalidRecipients names those that mail cannot be sent to', async () => {
  await using t = await SendingTest.start()
  t.server.addresses.set('closed@example.org', bob)
  const wrong = ['nobody', 'a b@remote.example', 'x@-.example']
  const syntax = await t.refused({ envelope: envelope(fred, 'jane@remote.example', ...wrong) })
  assert.deepEqual([syntax['type'], syntax['invalidRecipients']], ['invalidRecipients', wrong])
  const unknown = ['nobody@example.org', 'closed@example.org']
  const users = await t.refused({ envelope: envelope(fred, ...unknown, 'bob@example.org') })
  assert.deepEqual([users['type'], users['invalidRecipients']], ['invalidRecipients', unknown])
  const emailId = await t.draft(draftWith({ To: 'bob@example.org, jane' }))
  assert.deepEqual((await t.refused({ emailId }))['invalidRecipients'], ['jane'])
})

test('RFC 8621 §7.5: tooManyRecipients and tooLarge say how many and how large', async () => {
  await using t = await SendingTest.start()
  t.server.submissionLimits = { maxRecipients: 2, maxMessageBytes: 1000 }
  const many = await t.refused({ envelope: envelope(fred, 'a@x.example', 'b@x.example', 'c@x.example') })
  assert.deepEqual([many['type'], many['maxRecipients']], ['tooManyRecipients', 2])
  const large = await t.refused({ emailId: await t.draft(draftWith({}, 'x'.repeat(1000))) })
  assert.deepEqual([large['type'], large['maxSize']], ['tooLarge', 1000])
})

test('RFC 8621 §7.5: forbiddenMailFrom and forbiddenFrom', async () => {
  await using t = await SendingTest.start()
  const refused = async (given: object) => (await t.refused(given))['type']
  assert.equal(await refused({ envelope: envelope('bob@example.org', 'x@x.example') }), 'forbiddenMailFrom')
  assert.equal(await refused({ envelope: envelope('a@remote.example', 'x@x.example') }), 'forbiddenMailFrom')
  const emailId = await t.draft(draftWith({ From: 'bob@example.org' }))
  assert.equal(await refused({ emailId, envelope: envelope(fred, 'x@x.example') }), 'forbiddenFrom')
  // RFC 5321 §4.5.5: a notification has no sender.
  assert.equal((await t.submit({ envelope: envelope('', 'x@x.example') }))['undoStatus'], 'pending')
})

test('RFC 8621 §7: an Email that came from others is sent to another address as it is', async () => {
  await using t = await SendingTest.start()
  const prefix = 'Return-Path: <jane@remote.example>\r\nReceived: from remote.example\r\n'
  const emailId = await t.draft(draftWith({ From: 'jane@remote.example' }), { prefix })
  await t.submit({ emailId, envelope: envelope(fred, 'x@x.example') })
  await t.deliver()
  const fields = fieldsOf(t.sent[0]!.text)
  assert.deepEqual([fields['From'], fields['Resent-From']], ['jane@remote.example', fred])
  assert.deepEqual([t.sent[0]!.from, fields['Return-Path']], [fred, undefined])
  assert.match(fields['Resent-Date']!, /2026/)
})

test('RFC 8621 §7.5: forbiddenToSend without the permission to send', async () => {
  await using t = await SendingTest.start()
  const filled = await t.filled({})
  t.server.people[0]!.permissions = ['jmapAuthenticate', 'jmapEmailSubmissionSet']
  const answer = await t.set({ create: { s: filled } })
  const { type, description } = (answer['notCreated'] as Record<string, JsonObject>)['s']!
  assert.deepEqual([type, description], ['forbiddenToSend', 'You may not send mail.'])
})

test('RFC 8620 §5.3: rateLimit where too much was sent', async () => {
  await using t = await SendingTest.start()
  const limits = { perHour: 1000, perDay: 5000 }
  const at = t.server.clock.now()
  await t.server.db.write([account], (tx) => countSent(tx, account, 999, { now: at, limits }))
  assert.equal((await t.submit())['undoStatus'], 'pending')
  assert.equal((await t.refused({}))['type'], 'rateLimit')
})

test('RFC 8621 §7.5: invalidProperties where Email or Identity are not there, or something is wrong', async () => {
  await using t = await SendingTest.start()
  const address = (parameters: object) => ({ email: fred, parameters })
  const to = [{ email: 'x@x.example', parameters: null }]
  const wrong: [object, string[]][] = [
    [{ identityId: 'I77' }, ['identityId']],
    [{ emailId: 'M77', identityId: 'nonsense' }, ['emailId', 'identityId']],
    [{ emailId: '#nothing' }, ['emailId']],
    [{ undoStatus: 'pending' }, ['undoStatus']],
    [{ sendAt: '2026-02-01T00:00:00Z' }, ['sendAt']],
    [{ envelope: { mailFrom: { email: fred } } }, ['envelope/rcptTo']],
    [{ envelope: { mailFrom: { email: 5 }, rcptTo: to } }, ['envelope/mailFrom/email']],
    [{ envelope: { mailFrom: { email: 'x' }, rcptTo: to } }, ['envelope/mailFrom/email']],
    [
      { envelope: { mailFrom: address({ NONSENSE: null }), rcptTo: to } },
      ['envelope/mailFrom/parameters/NONSENSE'],
    ],
    [{ envelope: { mailFrom: address({ RET: 'SOME' }), rcptTo: to } }, ['envelope/mailFrom/parameters/RET']],
    [
      { envelope: { mailFrom: address({ HOLDFOR: String(31 * 86_400) }), rcptTo: to } },
      ['envelope/mailFrom/parameters/HOLDFOR'],
    ],
    [
      { envelope: { mailFrom: address({ HOLDFOR: '5', holdfor: '5' }), rcptTo: to } },
      ['envelope/mailFrom/parameters/holdfor'],
    ],
    [
      {
        envelope: {
          mailFrom: { email: fred },
          rcptTo: [{ email: 'x@x.example', parameters: { NOTIFY: 'never,success' } }],
        },
      },
      ['envelope/rcptTo/0/parameters/NOTIFY'],
    ],
  ]
  for (const [given, properties] of wrong) {
    const error = await t.refused(given)
    assert.equal(error['type'], 'invalidProperties', JSON.stringify(given))
    assert.deepEqual((error['properties'] as string[]).toSorted(), properties)
  }
})

test('RFC 8621 §7: parameters of the envelope are kept as they were given, and the queue follows them', async () => {
  await using t = await SendingTest.start()
  const given = {
    mailFrom: {
      email: fred,
      parameters: { ret: 'HDRS', ENVID: 'mine', SIZE: '500', body: '8BITMIME', SMTPUTF8: null },
    },
    rcptTo: [
      { email: 'x@x.example', parameters: { NOTIFY: 'SUCCESS,FAILURE', ORCPT: 'rfc822;y+z@x.example' } },
      { email: 'x@x.example', parameters: null },
    ],
  }
  const { id } = await t.submit({ envelope: given })
  await t.deliver()
  const { job } = t.sent[0]!
  assert.equal(job.ret, 'headers')
  assert.equal(job.envelopeId, id, 'the id of the submission stands in for that of the client')
  assert.deepEqual(job.recipients, [
    { address: 'x@x.example', notify: ['success', 'failure'], originalRecipient: 'rfc822;y+z@x.example' },
  ])
  assert.deepEqual((await t.get(id))['envelope'], given)
})

test('RFC 8621 §7, RFC 4865: sendAt is when it will be released, and not before', async () => {
  await using t = await SendingTest.start()
  const held = (parameters: object) => ({
    ...envelope(fred, 'x@x.example'),
    mailFrom: { email: fred, parameters },
  })
  const { id, sendAt } = await t.submit({ envelope: held({ HOLDFOR: '3600' }) })
  assert.equal(sendAt, '2026-01-01T01:01:00Z')
  const until = await t.submit({ envelope: held({ HOLDUNTIL: '2026-01-02T00:00:00Z' }) })
  assert.equal(until['sendAt'], '2026-01-02T00:00:00Z')
  await t.deliver(3599_000)
  assert.deepEqual([t.sent.length, (await t.get(id))['undoStatus']], [0, 'pending'])
  await t.deliver(1000)
  assert.deepEqual([t.sent.length, (await t.get(id))['undoStatus']], [1, 'final'])
})

test('RFC 8621 §7: canceled while it waits, nobody gets it', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit({ envelope: envelope(fred, 'x@x.example', 'bob@example.org') })
  const answer = await t.set({ update: { [id as string]: { undoStatus: 'canceled' } } })
  const status = {
    smtpReply: '550 5.0.0 The message was canceled by its sender',
    delivered: 'no',
    displayed: 'unknown',
  }
  assert.deepEqual(answer['updated'], {
    [id as string]: { deliveryStatus: { 'x@x.example': status, 'bob@example.org': status } },
  })
  await t.deliver()
  assert.deepEqual([t.sent, await t.messages(bob)], [[], []])
  assert.equal((await t.get(id))['undoStatus'], 'canceled')
  const again = await t.set({ update: { [id as string]: { undoStatus: 'canceled' } } })
  assert.deepEqual(again['updated'], { [id as string]: null })
})

test('RFC 8621 §7.5: cannotUnsend once somebody has it', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit()
  await t.deliver()
  const answer = await t.set({ update: { [id as string]: { undoStatus: 'canceled' } } })
  const error = (answer['notUpdated'] as Record<string, JsonObject>)[id as string]!
  assert.equal(error['type'], 'cannotUnsend')
})

test('RFC 8621 §7.5: cannotUnsend while an attempt goes on, and again possible when it was in vain', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit()
  const cancel = () => t.set({ update: { [id as string]: { undoStatus: 'canceled' } } })
  let during: JsonObject = {}
  t.answer = async () => {
    during = await cancel()
    return later()
  }
  await t.deliver()
  const error = (during['notUpdated'] as Record<string, JsonObject>)[id as string]!
  assert.equal(error['type'], 'cannotUnsend')
  assert.equal((await cancel())['notUpdated'], null)
  await t.deliver(86_400_000)
  assert.deepEqual(t.sent, [])
})

test('RFC 8621 §7: of a cancelation and an attempt that begin together one is in vain', async () => {
  await using t = await SendingTest.start()
  for (let i = 0; i < 20; i++) {
    t.sent.length = 0
    const { id } = await t.submit({ envelope: envelope(fred, 'x@x.example') })
    const turns = (async () => {
      for (let n = 0; n < i; n++) await Promise.resolve()
      return t.set({ update: { [id as string]: { undoStatus: 'canceled' } } })
    })()
    const [answer] = await Promise.all([turns, t.deliver()])
    await t.deliver()
    const isCanceled = answer['notUpdated'] === null
    assert.equal(t.sent.length, isCanceled ? 0 : 1)
    assert.equal((await t.get(id))['undoStatus'], isCanceled ? 'canceled' : 'final')
  }
})

test('RFC 8621 §7: nothing else can be changed; what is there may be said again', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit()
  const update = async (patch: object) => {
    const { notUpdated } = await t.set({ update: { [id as string]: patch } })
    const error = (notUpdated as Record<string, JsonObject> | null)?.[id as string]
    return error === undefined ? 'updated' : [error['type'], error['properties']]
  }
  assert.deepEqual(await update({ emailId: 'M77' }), ['invalidProperties', ['emailId']])
  assert.deepEqual(await update({ 'envelope/mailFrom': {} }), ['invalidProperties', ['envelope/mailFrom']])
  assert.deepEqual(await update({ undoStatus: 'final' }), ['invalidProperties', ['undoStatus']])
  const whole = await t.get(id)
  assert.equal(await update(whole), 'updated')
  assert.equal(await update({ ...whole, undoStatus: 'canceled' }), 'updated')
})

test('RFC 8621 §7.5: to destroy a submission or its Email changes nothing about the message', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit()
  const answer = await t.set({ destroy: [id, 'S9', 'nonsense'] })
  assert.deepEqual(answer['destroyed'], [id])
  assert.deepEqual(Object.keys(answer['notDestroyed'] as object), ['S9', 'nonsense'])
  assert.equal(await t.get(id), undefined)
  await t.deliver()
  assert.equal(t.sent.length, 1)
})

test('RFC 8621 §7.5: for a group its members send, for another account nobody', async () => {
  await using t = await SendingTest.start()
  const group = await t.server.add(20, 'team@example.org', { isGroup: true })
  await t.setAddresses(group.id, ['team@example.org'])
  t.server.people[0]!.groups = [group.id]
  await t.server.share(inboxId, account, 'lr', group.id)
  await t.server.share(inboxId, account, 'lr', bob)
  const of = (id: AccountId) => ({ accountId: accountObjectId(id) })
  assert.equal(await t.server.error('EmailSubmission/set', of(bob)), 'accountNotSupportedByMethod')
  const text = draftWith({ From: 'team@example.org', Bcc: 'x@x.example' })
  const { id } = await t.server.deliver(text, { to: group.id })
  const identityId = await t.identity(of(group.id))
  const given = { identityId, emailId: `M${group.id.toString(36)}_${id.toString(36)}` }
  const answer = await t.server.call('EmailSubmission/set', { ...of(group.id), create: { s: given } })
  assert.equal(answer['notCreated'], null)
  await t.deliver()
  assert.equal(t.sent[0]!.from, 'team@example.org')
  const { list } = await t.server.call('EmailSubmission/get', { ...of(group.id), ids: null })
  assert.equal((list as JsonObject[])[0]!['undoStatus'], 'final')
})

test('RFC 8620 §5.3: nothing is sent where the state is another one', async () => {
  await using t = await SendingTest.start()
  const create = { s: await t.filled({}) }
  assert.equal(await t.server.error('EmailSubmission/set', { ifInState: 'other', create }), 'stateMismatch')
  await t.deliver()
  assert.deepEqual(t.sent, [])
})

/** All answers to one EmailSubmission/set. */
async function answersTo(t: SendingTest, args: object) {
  const { answers } = await t.server.request([['EmailSubmission/set', { accountId, ...args }, 'c']])
  return answers
}

const keywordsOf = async (t: SendingTest, emailId: string) => {
  const { list } = await t.server.call('Email/get', { ids: [emailId], properties: ['keywords'] })
  return (list as JsonObject[])[0]?.['keywords']
}

test('RFC 8621 §7.5: onSuccessUpdateEmail is an implicit Email/set behind the response', async () => {
  await using t = await SendingTest.start()
  const [one, two] = [await t.draft(), await t.draft()]
  const answers = await answersTo(t, {
    create: {
      good: { identityId: await t.identity(), emailId: one },
      bad: { identityId: 'I77', emailId: two },
    },
    onSuccessUpdateEmail: {
      '#good': { 'keywords/$draft': null, 'keywords/$seen': true },
      '#bad': { 'keywords/$draft': null },
      '#nothing': { 'keywords/$draft': null },
    },
  })
  assert.deepEqual(
    answers.map(([name, , callId]) => [name, callId]),
    [
      ['EmailSubmission/set', 'c'],
      ['Email/set', 'c'],
    ],
  )
  const [, [, { updated, notUpdated }]] = answers as [unknown, readonly [string, JsonObject, string]]
  assert.deepEqual([updated, notUpdated], [{ [one]: null }, null])
  assert.deepEqual([await keywordsOf(t, one), await keywordsOf(t, two)], [{ $seen: true }, { $draft: true }])
})

test('RFC 8621 §7.5: onSuccessDestroyEmail destroys the Email and not the submission', async () => {
  await using t = await SendingTest.start()
  const emailId = await t.draft()
  const answers = await answersTo(t, {
    create: { s: { identityId: await t.identity(), emailId } },
    onSuccessDestroyEmail: ['#s'],
  })
  assert.deepEqual(answers[1]![1]['destroyed'], [emailId])
  assert.equal(await keywordsOf(t, emailId), undefined)
  await t.deliver()
  assert.equal(t.sent.length, 1)
})

test('RFC 8621 §7.5: also where a submission is updated or destroyed, and only if that succeeds', async () => {
  await using t = await SendingTest.start()
  const emailId = await t.draft()
  const { id } = await t.submit({ emailId })
  const canceled = await answersTo(t, {
    update: { [id as string]: { undoStatus: 'canceled' } },
    onSuccessUpdateEmail: { [id as string]: { 'keywords/$flagged': true } },
  })
  assert.equal(canceled[1]![0], 'Email/set')
  assert.deepEqual(await keywordsOf(t, emailId), { $draft: true, $flagged: true })
  const failed = await answersTo(t, {
    update: { [id as string]: { undoStatus: 'pending' } },
    onSuccessUpdateEmail: { [id as string]: { 'keywords/$flagged': null } },
  })
  assert.equal(failed.length, 1)
  const destroyed = await answersTo(t, { destroy: [id], onSuccessDestroyEmail: [id] })
  assert.deepEqual(destroyed[1]![1]['destroyed'], [emailId])
})

test('RFC 8621 §7.5: an error of the implicit Email/set comes behind as well', async () => {
  await using t = await SendingTest.start()
  const emailId = await t.draft()
  const answers = await answersTo(t, {
    create: { s: { identityId: await t.identity(), emailId } },
    onSuccessUpdateEmail: { '#s': { subject: 'other' } },
  })
  const error = (answers[1]![1]['notUpdated'] as Record<string, JsonObject>)[emailId]!
  assert.equal(error['type'], 'invalidProperties')
  t.server.people[0]!.permissions = [
    'jmapAuthenticate',
    'jmapEmailSubmissionSet',
    'jmapIdentityGet',
    'emailSend',
  ]
  const forbidden = await answersTo(t, {
    create: { s: { identityId: 'I1', emailId } },
    onSuccessDestroyEmail: ['#s'],
  })
  assert.deepEqual([forbidden[1]![0], forbidden[1]![1]['type']], ['error', 'forbidden'])
})

test('RFC 8621 §7.5: an Email that was created in the same request is sent', async () => {
  await using t = await SendingTest.start()
  const identityId = await t.identity()
  const email = {
    mailboxIds: { [mailboxObjectId(inboxId, '')]: true },
    from: [{ email: fred }],
    to: [{ email: 'jane@remote.example' }],
    bcc: [{ email: 'bob@example.org' }],
    subject: 'hello',
    textBody: [{ partId: 'p', type: 'text/plain' }],
    bodyValues: { p: { value: 'hello' } },
  }
  const { answers } = await t.server.request([
    ['Email/set', { accountId, create: { e: email } }, 'a'],
    ['EmailSubmission/set', { accountId, create: { s: { identityId, emailId: '#e' } } }, 'b'],
  ])
  assert.ok(answers[1]![1]['created'], JSON.stringify(answers))
  await t.deliver()
  assert.deepEqual([t.sent[0]!.to, (await t.messages(bob)).length], [['jane@remote.example'], 1])
  assert.ok(!t.sent[0]!.text.includes('bob@example.org'))
})
