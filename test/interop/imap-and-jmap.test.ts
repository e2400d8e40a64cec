/**
 * One account, changed by IMAP, JMAP and SMTP by chance and at once, and shared with a guest who is given rights and
 * loses them (`account-sharers.ts`): afterwards IMAP and JMAP must show the same to the owner and to the guest
 * (`account-picture.ts`), and from every earlier state JMAP's changes must lead each of them there
 * (`account-history.ts`).
 *
 * Faults that were planted, each of which turns this red: COPY within an account not told as a change of the Email;
 * Threads never other when Emails come or go; entries with `\Deleted` counted in mailboxes; the same entries found by
 * queries; the places of a message noted as they are in place of as they were; Emails of mailboxes that are gone taken
 * for unseen (found by it, seed 833308587); `updatedProperties` said where names change too. Not noticed, since both
 * protocols agree then: a JMAP client that puts an Email back where it waits for its expunge, without effect. Of the guest:
 * results of queries kept for whoever sees the same Emails, by way of whatever mailboxes (found by it, seed 139620333).
 * With two workers: orders made of the account as it was, states of queries by when a view was read (found by it, seed 1).
 *
 * POSTERN_SEED repeats the choices of a run. Seeds are kept below.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ImapFlow } from 'imapflow'
import { AccountHistory, queriesOf } from './account-history.ts'
import { guestPicture, pictureByImap, pictureByJmap } from './account-picture.ts'
import { type Actor, Deeds, ImapActor, JmapActor, Letters, Senders } from './account-actors.ts'
import { inSight, SharingActor } from './account-sharers.ts'
import { signIn } from './imapflow.ts'
import { JmapConnection } from './jmap-request.ts'
import type { User } from './read-by-curl.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { Random } from '../harness/random.ts'

const kept = [1, 543481081, 833308587, 139620333]
const rounds = 20
/** From so many earlier moments changes are asked for, after each round and at the end. */
const looksBack = 2
const looksBackAtEnd = 20

describe('IMAP and JMAP', () => {
  let server: TestServer
  const deeds = new Deeds()

  before(async () => {
    // What one worker keeps of the account the other has found for itself.
    server = await startServer({
      workers: 2,
      config: '[Jmap]\nmaxConcurrentRequests = 100\n[Http]\nrateLimitAuthenticated = "off"\n',
    })
  })
  after(() => server[Symbol.asyncDispose]())

  for (const random of [...kept.map((seed) => new Random(seed)), new Random()])
    test(`show the same of an account, seed ${random.seed}`, () => run(server, random, deeds))

  test('everything was done', () => {
    assert.equal(deeds.names.length, 24, deeds.names.join(', '))
  })
})

async function run(server: TestServer, random: Random, deeds: Deeds): Promise<void> {
  const password = 'a password of theirs'
  const [owner, guest] = ['alice', 'bob'].map((name) => ({
    name: `${name}${random.seed}@example.org`,
    password,
  })) as [User, User]
  const group = `staff${random.seed}@example.org`
  for (const { name } of [owner, guest]) await server.createAccount(name, password)
  const created = await server.api('POST', '/api/object/Account', { type: 'group', name: group })
  assert.equal(created.status, 201, await created.text())
  await using stack = new AsyncDisposableStack()
  const imap = async (user = owner): Promise<ImapFlow> => {
    const client = stack.use(await signIn(server, user))
    // Whoever waits for an answer then is told by its rejection.
    client.on('error', () => {})
    return client
  }
  const jmap = await JmapConnection.open(server, owner)
  const sharing = stack.use(await server.connect(server.imapsPort, { tls: true }))
  await sharing.expect('* OK ')
  await sharing.ask(`s LOGIN "${owner.name}" "${password}"`, /^s OK /)
  await sharing.ask(`s SETACL ${inSight} ${guest.name} l`, /^s OK /)
  const guests = (await JmapConnection.open(server, guest)).in(jmap.accountId)
  const letters = new Letters(String(random.seed))
  const actors: readonly Actor[] = [
    new ImapActor(imap, letters, deeds),
    new ImapActor(imap, letters, deeds),
    new JmapActor(jmap, letters, deeds),
    new JmapActor(jmap, letters, deeds),
    new Senders(server.smtpPort, owner.name, letters, deeds),
    new SharingActor({ server, imap: sharing, jmap, deeds, guest: guest.name, group }),
  ]
  const seen = [seenByOwner(await imap(), jmap), seenByGuest(await imap(guest), guests)]
  const begun = await pictureByJmap(jmap)
  const always = ['INBOX', inSight].map(
    (name) => Object.entries(begun.mailboxes).find(([, { path }]) => path === name)![0],
  )
  const prefix = guests.accountId.slice(1)
  const histories = [
    new AccountHistory(jmap, queriesOf(always)),
    new AccountHistory(guests, queriesOf(always.map((id) => id.replace('F', `F${prefix}_`)))),
  ]
  for (let round = 0; round < rounds; round++) {
    for (const history of histories) await history.keep()
    const isAtOnce = random.chance(0.5)
    const acting = actors.map((actor) => ({ actor, own: new Random(random.below(2 ** 31)) }))
    if (isAtOnce) await Promise.all(acting.map(({ actor, own }) => actor.act(own)))
    else for (const { actor, own } of acting) await actor.act(own)
    for (const { byJmap, byImap } of seen) assert.deepEqual(await byJmap(), await byImap(), `round ${round}`)
    for (const history of histories) await history.check(random, looksBack)
  }
  for (const history of histories) await history.check(random, looksBackAtEnd)
}

/** What somebody sees of the account, by both protocols. */
interface Seen {
  readonly byImap: () => Promise<object>
  readonly byJmap: () => Promise<object>
}

const seenByOwner = (imap: ImapFlow, jmap: JmapConnection): Seen => ({
  byImap: () => pictureByImap(imap),
  byJmap: () => pictureByJmap(jmap),
})

const seenByGuest = (imap: ImapFlow, jmap: JmapConnection): Seen => ({
  byImap: async () => guestPicture(await pictureByImap(imap, 'Other Users/')),
  byJmap: async () => guestPicture(await pictureByJmap(jmap)),
})
