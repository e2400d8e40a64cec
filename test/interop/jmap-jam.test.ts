/** jmap-jam, a JMAP client that we did not write: what a mail program does with it, from the session to push. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { JamClient } from 'jmap-jam'
import { apiKey, EventStream, JmapSocket, sessionUrl } from './jmap-account.ts'
import { alice, bob, readMessage, uidsOf } from './read-by-curl.ts'
import { sample } from './samples.ts'
import { startServer, type TestServer } from '../harness/server.ts'

const core = 'urn:ietf:params:jmap:core'
const mail = 'urn:ietf:params:jmap:mail'
const webSocket = 'urn:ietf:params:jmap:websocket'

describe('jmap-jam', () => {
  let server: TestServer
  let key: string
  let jam: JamClient
  let accountId: string

  before(async () => {
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
    key = await apiKey(server, alice)
    jam = new JamClient({ sessionUrl: sessionUrl(server), bearerToken: key })
    accountId = await jam.getPrimaryAccount()
  })
  after(() => server[Symbol.asyncDispose]())

  async function mailboxOf(role: string): Promise<string> {
    const [{ list }] = await jam.api.Mailbox.get({ accountId, ids: null })
    return list.find((mailbox) => mailbox.role === role)!.id
  }

  /** Puts messages into a mailbox; their ids. */
  async function imported(mailboxId: string, messages: readonly Buffer[]): Promise<readonly string[]> {
    const ids: string[] = []
    for (const message of messages) {
      const { blobId } = await jam.uploadBlob(accountId, new Blob([message.toString()]), {
        headers: { Authorization: jam.authHeader, 'Content-Type': 'message/rfc822' },
      })
      const emails = { m: { blobId, mailboxIds: { [mailboxId]: true }, keywords: {} } }
      const [{ created, notCreated }] = await jam.api.Email.import({ accountId, emails })
      assert.ok(created?.['m'] !== undefined, JSON.stringify(notCreated))
      ids.push(created['m'].id)
    }
    return ids
  }

  test('finds the session and what the server can do', async () => {
    const session = await jam.session
    assert.equal(session.username, alice.name)
    assert.ok((session.capabilities[core]?.maxCallsInRequest ?? 0) >= 16)
    assert.ok(mail in session.accounts[accountId]!.accountCapabilities)
    const [echo, { sessionState }] = await jam.request(['Core/echo', { hello: ['world'] }])
    assert.deepEqual(echo, { hello: ['world'] })
    assert.equal(sessionState, session.state)
  })

  test('is refused with a wrong key, and told why of a wrong request', async () => {
    const wrong = await fetch(sessionUrl(server), { headers: { authorization: 'Bearer api_wrong' } })
    assert.equal(wrong.status, 401)
    const unknown = jam.request(['Core/echo', {}], { using: ['urn:example:nothing'] })
    await assert.rejects(unknown, { type: 'urn:ietf:params:jmap:error:unknownCapability', status: 400 })
    const noAccount = jam.api.Mailbox.get({ accountId: 'nobody', ids: null })
    await assert.rejects(noAccount, { type: 'accountNotFound' })
  })

  test('lists, creates, renames, finds and destroys mailboxes', async () => {
    const [before] = await jam.api.Mailbox.get({ accountId, ids: null })
    const roles = before.list.map(({ role }) => role).filter((role) => role !== null)
    assert.deepEqual(roles.toSorted(), ['archive', 'drafts', 'inbox', 'junk', 'sent', 'trash'])
    const [made] = await jam.api.Mailbox.set({
      accountId,
      create: { a: { name: 'Projects' }, b: { name: '日本 & more', parentId: '#a' } },
    })
    const [a, b] = [made.created!['a']!.id, made.created!['b']!.id]
    const [renamed] = await jam.api.Mailbox.set({
      accountId,
      update: { [b]: { name: 'Done', isSubscribed: true } },
    })
    assert.ok(b in renamed.updated!)
    const [changes] = await jam.api.Mailbox.changes({ accountId, sinceState: before.state })
    assert.deepEqual(new Set(changes.created), new Set([a, b]))
    const [query] = await jam.api.Mailbox.query({ accountId, filter: { parentId: a } })
    assert.deepEqual(query.ids, [b])
    const [refused] = await jam.api.Mailbox.set({ accountId, destroy: [a] })
    assert.equal(refused.notDestroyed![a]!.type, 'mailboxHasChild')
    const [gone] = await jam.api.Mailbox.set({ accountId, destroy: [b, a] })
    assert.deepEqual(gone.destroyed, [b, a])
  })

  test('reads a mailbox with one request: a query, what it found, and their threads', async () => {
    const [made] = await jam.api.Mailbox.set({ accountId, create: { m: { name: 'Read' } } })
    const inMailbox = made.created!['m']!.id
    const ids = await imported(
      inMailbox,
      [1, 2, 3].map((number) => sample({ number, subject: number === 2 ? 'grüne Äpfel' : 'pears' })),
    )
    const [{ found, emails, threads }] = await jam.requestMany((t) => {
      const found = t.Email.query({
        accountId,
        filter: { inMailbox },
        sort: [{ property: 'sentAt', isAscending: false }],
        calculateTotal: true,
        limit: 2,
      })
      const emails = t.Email.get({
        accountId,
        ids: found.$ref('/ids'),
        properties: ['id', 'threadId', 'subject', 'textBody', 'bodyValues', 'receivedAt'],
        fetchTextBodyValues: true,
      })
      const threads = t.Thread.get({ accountId, ids: emails.$ref('/list/*/threadId') })
      return { found, emails, threads }
    })
    assert.deepEqual([found.ids, found.total], [[ids[2], ids[1]], 3])
    const [third, second] = emails.list
    assert.deepEqual([third!.subject, second!.subject], ['pears', 'grüne Äpfel'])
    const [part] = second!.textBody
    assert.match(second!.bodyValues[part!.partId]!.value, /^The text of message 2\.\n\.\n\.\.two dots/)
    assert.deepEqual(
      threads.list.map(({ emailIds }) => emailIds.length),
      [1, 1],
    )
    const [text] = await jam.api.Email.query({ accountId, filter: { inMailbox, text: 'Äpfel' } })
    assert.deepEqual(text.ids, [ids[1]])
    const [snippets] = await jam.api.SearchSnippet.get({
      accountId,
      filter: { subject: 'Äpfel' },
      emailIds: text.ids,
    })
    assert.match(snippets.list[0]!.subject ?? '', /<mark>Äpfel<\/mark>/)
  })

  test('writes a draft with an attachment, which is sent and comes back byte for byte', async () => {
    const [drafts, sent] = [await mailboxOf('drafts'), await mailboxOf('sent')]
    const bytes = new Uint8Array(100_000).map((_, at) => (at * 7919) & 0xff)
    const upload = await jam.uploadBlob(accountId, new Blob([bytes]), {
      headers: { Authorization: jam.authHeader, 'Content-Type': 'application/pdf' },
    })
    assert.deepEqual([upload.accountId, upload.size, upload.type], [accountId, 100_000, 'application/pdf'])
    const [{ list: identities }] = await jam.api.Identity.get({ accountId, ids: null })
    const identity = identities.find(({ email }) => email === alice.name)!
    const [draft] = await jam.api.Email.set({
      accountId,
      create: {
        d: {
          mailboxIds: { [drafts]: true },
          keywords: { $draft: true, $seen: true },
          from: [{ name: 'Alice', email: alice.name }],
          to: [{ name: null, email: bob.name }],
          subject: 'Ein Entwurf mit Anhang – über Grüße',
          textBody: [{ partId: 'text', type: 'text/plain' }],
          htmlBody: [{ partId: 'html', type: 'text/html' }],
          bodyValues: { text: { value: 'Grüße\n' }, html: { value: '<p>Grüße</p>' } },
          attachments: [
            {
              blobId: upload.blobId,
              type: 'application/pdf',
              name: 'Übersicht.pdf',
              disposition: 'attachment',
            },
          ],
        },
      },
    })
    const made = draft.created?.['d']
    assert.ok(made !== undefined, JSON.stringify(draft.notCreated))
    // With requestMany it would show the answer of the Email/set that follows, whose call id is the same.
    const [submission] = await jam.api.EmailSubmission.set({
      accountId,
      create: { s: { emailId: made.id, identityId: identity.id } },
      onSuccessUpdateEmail: {
        '#s': { [`mailboxIds/${drafts}`]: null, [`mailboxIds/${sent}`]: true, 'keywords/$draft': null },
      },
    })
    assert.ok(submission.created !== null, JSON.stringify(submission.notCreated))
    const [{ list }] = await jam.api.Email.get({
      accountId,
      ids: [made.id],
      properties: ['mailboxIds', 'keywords', 'attachments', 'hasAttachment', 'subject', 'size', 'blobId'],
    })
    const email = list[0]!
    assert.deepEqual([email.mailboxIds, email.keywords], [{ [sent]: true }, { $seen: true }])
    assert.deepEqual([email.subject, email.hasAttachment], ['Ein Entwurf mit Anhang – über Grüße', true])
    const [attachment] = email.attachments
    assert.deepEqual([attachment!.name, attachment!.type], ['Übersicht.pdf', 'application/pdf'])
    const download = (blobId: string, mimeType: string): Promise<Response> =>
      jam.downloadBlob({ accountId, blobId, mimeType, fileName: 'file' })
    const back = await download(attachment!.blobId, 'application/pdf')
    assert.equal(back.headers.get('content-type'), 'application/pdf')
    assert.deepEqual(new Uint8Array(await back.arrayBuffer()), bytes)
    const whole = await (await download(email.blobId, 'message/rfc822')).arrayBuffer()
    assert.equal(whole.byteLength, email.size)
    // The recipient has it, over IMAP.
    let uids = await uidsOf(server, bob)
    while (uids.length === 0) uids = await uidsOf(server, bob)
    assert.match(
      (await readMessage(server, bob, uids[0]!)).toString('latin1'),
      /^To: (?:<)?bob@example\.org/m,
    )
  })

  test('flags, moves and destroys, and is told what changed', async () => {
    const [made] = await jam.api.Mailbox.set({
      accountId,
      create: { a: { name: 'From' }, b: { name: 'To' } },
    })
    const [from, to] = [made.created!['a']!.id, made.created!['b']!.id]
    const [first, second] = await imported(from, [sample({ number: 11 }), sample({ number: 12 })])
    const [{ state }] = await jam.api.Email.get({ accountId, ids: [] })
    const [query] = await jam.api.Email.query({ accountId, filter: { inMailbox: from } })
    assert.equal(query.canCalculateChanges, true)
    const [set] = await jam.api.Email.set({
      accountId,
      ifInState: state,
      update: {
        [first!]: { 'keywords/$flagged': true, 'keywords/$seen': true },
        [second!]: { mailboxIds: { [to]: true } },
      },
    })
    assert.deepEqual(Object.keys(set.updated!).toSorted(), [first!, second!].toSorted())
    const late = jam.api.Email.set({ accountId, ifInState: state, destroy: [first!] })
    await assert.rejects(late, { type: 'stateMismatch' })
    const [{ list }] = await jam.api.Email.get({
      accountId,
      ids: [first!, second!],
      properties: ['keywords', 'mailboxIds'],
    })
    assert.deepEqual(
      list.map(({ keywords, mailboxIds }) => [keywords, mailboxIds]),
      [
        [{ $flagged: true, $seen: true }, { [from]: true }],
        [{}, { [to]: true }],
      ],
    )
    const [queryChanges] = await jam.api.Email.queryChanges({
      accountId,
      filter: { inMailbox: from },
      sinceQueryState: query.queryState,
    })
    assert.ok(queryChanges.removed.includes(second!))
    const [gone] = await jam.api.Email.set({ accountId, destroy: [first!, 'nothing'] })
    assert.deepEqual([gone.destroyed, gone.notDestroyed!['nothing']!.type], [[first], 'notFound'])
    const [changes] = await jam.api.Email.changes({ accountId, sinceState: state })
    assert.deepEqual([changes.created, changes.updated, changes.destroyed], [[], [second], [first]])
    assert.equal(changes.newState, gone.newState)
  })

  test('hears of a change by the event source', async () => {
    // It makes an EventSource, which Node does not have: what it was to open is opened here.
    let url: URL | undefined
    const had = Object.getOwnPropertyDescriptor(globalThis, 'EventSource')
    Object.defineProperty(globalThis, 'EventSource', {
      configurable: true,
      value: class {
        constructor(asked: URL) {
          url = asked
        }
      },
    })
    try {
      await jam.connectEventSource({ types: ['Mailbox', 'Email'], ping: 30, closeafter: 'no' })
    } finally {
      if (had === undefined) Reflect.deleteProperty(globalThis, 'EventSource')
      else Object.defineProperty(globalThis, 'EventSource', had)
    }
    await using events = await EventStream.open(url!, key)
    const [made] = await jam.api.Mailbox.set({ accountId, create: { m: { name: 'Told' } } })
    const state = await events.changed(accountId, 'Mailbox')
    const [changes] = await jam.api.Mailbox.changes({ accountId, sinceState: made.oldState })
    assert.deepEqual([state, changes.created], [changes.newState, [made.created!['m']!.id]])
    const letter = sample({ from: bob.name, subject: 'pushed' })
    await imported(made.created!['m']!.id, [letter])
    const [{ state: emailState }] = await jam.api.Email.get({ accountId, ids: [] })
    assert.equal(await events.changed(accountId, 'Email'), emailState)
  })

  test('hears of a change by WebSocket, on which it asks too', async () => {
    const { url } = (await jam.session).capabilities[webSocket]!
    using socket = await JmapSocket.open(url!, key)
    // All is new to whoever brings a state that says nothing: once it is told, the next change will be.
    socket.send({ '@type': 'WebSocketPushEnable', dataTypes: ['Mailbox'], pushState: 'none' })
    await socket.next('StateChange')
    socket.send({
      '@type': 'Request',
      id: 'r',
      using: [core, mail],
      methodCalls: [['Mailbox/set', { accountId, create: { m: { name: 'By WebSocket' } } }, 's']],
    })
    const answer = await socket.next('Response')
    assert.equal(answer['requestId'], 'r')
    const [[name, set]] = answer['methodResponses'] as [[string, { created: object; newState: string }]]
    assert.deepEqual([name, Object.keys(set.created)], ['Mailbox/set', ['m']])
    const { changed } = (await socket.next('StateChange')) as { changed: Record<string, object> }
    assert.deepEqual(changed, { [accountId]: { Mailbox: set.newState } })
  })
})
