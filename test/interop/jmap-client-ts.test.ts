/** jmap-client-ts, a JMAP client that we did not write, with all of the methods that it has. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client } from 'jmap-client-ts'
import { FetchTransport } from 'jmap-client-ts/lib/utils/fetch-transport.js'
import { apiKey, sessionUrl } from './jmap-account.ts'
import { alice, bob, readMessage, uidsOf } from './read-by-curl.ts'
import { startServer, type TestServer } from '../harness/server.ts'

describe('jmap-client-ts', () => {
  let server: TestServer
  let client: Client
  /** In place of which the client names the first account that it sees. */
  const accountId = null

  before(async () => {
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
    client = new Client({
      sessionUrl: sessionUrl(server),
      accessToken: await apiKey(server, alice),
      httpHeaders: { 'Content-Type': 'application/json' },
      transport: new FetchTransport(fetch),
    })
    await client.fetchSession()
  })
  after(() => server[Symbol.asyncDispose]())

  async function mailboxOf(role: string): Promise<string> {
    const { list } = await client.mailbox_get({ accountId, ids: null })
    return list.find((mailbox) => mailbox.role === role)!.id
  }

  /** A draft, in Drafts. */
  async function drafted(subject: string): Promise<string> {
    const { created, notCreated } = await client.email_set({
      accountId,
      create: {
        d: {
          mailboxIds: { [await mailboxOf('drafts')]: true },
          keywords: { $draft: true },
          from: [{ name: 'Alice', email: alice.name }],
          to: [{ name: 'Bob', email: bob.name }],
          subject,
          textBody: [{ partId: 't', type: 'text/plain' }],
          bodyValues: { t: { value: `About ${subject}.`, isEncodingProblem: false, isTruncated: false } },
        },
      },
    })
    assert.ok(created?.['d'] !== undefined, JSON.stringify(notCreated))
    return created['d'].id
  }

  test('finds the session, and uses all that the server can do', async () => {
    const session = client.getSession()
    assert.equal(session.username, alice.name)
    assert.equal(session.primaryAccounts['urn:ietf:params:jmap:mail'], client.getFirstAccountId())
    assert.ok('urn:ietf:params:jmap:submission' in session.capabilities)
  })

  test('shows, makes, changes and destroys mailboxes', async () => {
    const { list, state } = await client.mailbox_get({ accountId, ids: null })
    assert.equal(list.find(({ role }) => role === 'inbox')!.name, 'Inbox')
    const made = await client.mailbox_set({ accountId, create: { m: { name: 'Späße' } } })
    const { id } = made.created!['m']!
    await client.mailbox_set({ accountId, update: { [id]: { name: 'Ernst', sortOrder: 7 } } })
    const changes = await client.mailbox_changes({ accountId, sinceState: state })
    assert.deepEqual([changes.created, changes.hasMoreChanges], [[id], false])
    const shown = await client.mailbox_get({
      accountId,
      ids: [id, 'none'],
      properties: ['name', 'sortOrder'],
    })
    assert.deepEqual([shown.list, shown.notFound], [[{ id, name: 'Ernst', sortOrder: 7 }], ['none']])
    const gone = await client.mailbox_set({ accountId, destroy: [id] })
    assert.deepEqual(gone.destroyed, [id])
    await assert.rejects(client.mailbox_changes({ accountId, sinceState: 'no state' }), {
      type: 'cannotCalculateChanges',
    })
  })

  test('writes, finds, flags, moves and destroys messages', async () => {
    const [drafts, archive] = [await mailboxOf('drafts'), await mailboxOf('archive')]
    const { state } = await client.email_get({ accountId, ids: [] })
    const [one, two] = [await drafted('apples'), await drafted('pears')]
    const query = await client.email_query({
      accountId,
      filter: {
        operator: 'AND',
        conditions: [{ inMailbox: drafts }, { operator: 'NOT', conditions: [{ subject: 'pears' }] }],
      },
      sort: [{ property: 'subject' }],
      calculateTotal: true,
    })
    assert.deepEqual([query.ids, query.total, query.position], [[one], 1, 0])
    const set = await client.email_set({
      accountId,
      update: { [one]: { 'keywords/$flagged': true, mailboxIds: { [archive]: true } } },
      destroy: [two],
    })
    assert.deepEqual([Object.keys(set.updated!), set.destroyed], [[one], [two]])
    const { list } = await client.email_get({
      accountId,
      ids: [one],
      properties: ['subject', 'keywords', 'mailboxIds', 'preview', 'bodyValues', 'textBody'],
      fetchTextBodyValues: true,
    })
    const [email] = list
    assert.deepEqual([email!.subject, email!.preview], ['apples', 'About apples.'])
    assert.deepEqual(
      [email!.keywords, email!.mailboxIds],
      [{ $draft: true, $flagged: true }, { [archive]: true }],
    )
    assert.equal(email!.bodyValues![email!.textBody![0]!.partId!]!.value, 'About apples.')
    const changes = await client.email_changes({ accountId, sinceState: state })
    assert.deepEqual([changes.created, changes.newState], [[one], set.newState])
  })

  test('sends a message, which is in Sent then', async () => {
    const emailId = await drafted('a letter')
    const [drafts, sent] = [await mailboxOf('drafts'), await mailboxOf('sent')]
    const identityId = await ownIdentity()
    const { state } = await client.emailSubmission_get({ accountId, ids: [] })
    const set = await client.emailSubmission_set({
      accountId,
      create: { s: { emailId, identityId } },
      onSuccessUpdateEmail: {
        '#s': { [`mailboxIds/${drafts}`]: null, [`mailboxIds/${sent}`]: true, 'keywords/$draft': null },
      },
    })
    assert.ok(set.created?.['s'] !== undefined, JSON.stringify(set.notCreated))
    const { id } = set.created['s']
    const { list } = await client.emailSubmission_get({ accountId, ids: [id] })
    assert.deepEqual([list[0]!.emailId, list[0]!.envelope!.rcptTo[0]!.email], [emailId, bob.name])
    const changes = await client.emailSubmission_changes({ accountId, sinceState: state })
    assert.deepEqual([changes.created, changes.destroyed], [[id], []])
    const shown = await client.email_get({
      accountId,
      ids: [emailId],
      properties: ['mailboxIds', 'keywords'],
    })
    assert.deepEqual(shown.list, [{ id: emailId, mailboxIds: { [sent]: true }, keywords: {} }])
    let uids = await uidsOf(server, bob)
    while (uids.length === 0) uids = await uidsOf(server, bob)
    assert.match((await readMessage(server, bob, uids[0]!)).toString('latin1'), /^Subject: a letter\r$/m)
  })

  /** It has no method for identities, but that which the others call has any name. */
  async function ownIdentity(): Promise<string> {
    const request = Reflect.get(client, 'request') as (
      this: Client,
      name: string,
      args: object,
    ) => Promise<{ readonly list: readonly { readonly id: string }[] }>
    const { list } = await request.call(client, 'Identity/get', { accountId, ids: null })
    return list[0]!.id
  }
})
