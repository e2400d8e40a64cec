/**
 * One account, changed by IMAP, JMAP and SMTP by chance and at once: afterwards IMAP and JMAP must show the same
 * (`account-picture.ts`), and from every earlier state JMAP's changes must lead there (`account-history.ts`).
 *
 * Faults that were planted, each of which turns this red: COPY within an account not told as a change of the Email;
 * Threads never other when Emails come or go; entries with `\Deleted` counted in mailboxes; the same entries found by
 * queries; the places of a message noted as they are in place of as they were; Emails of mailboxes that are gone taken
 * for unseen (found by it, seed 833308587); `updatedProperties` said where names change too. Not noticed, since both
 * protocols agree then: a JMAP client that puts an Email back where it waits for its expunge, without effect.
 *
 * POSTERN_SEED repeats the choices of a run. Seeds are kept below.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ImapFlow } from 'imapflow'
import { AccountHistory, queriesOf } from './account-history.ts'
import { pictureByImap, pictureByJmap } from './account-picture.ts'
import { type Actor, Deeds, ImapActor, JmapActor, Letters, Senders } from './account-actors.ts'
import { signIn } from './imapflow.ts'
import { JmapConnection } from './jmap-request.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { Random } from '../harness/random.ts'

const kept = [1, 543481081, 833308587]
const rounds = 25
/** From so many earlier moments changes are asked for, after each round and at the end. */
const looksBack = 2
const looksBackAtEnd = 20

describe('IMAP and JMAP', () => {
  let server: TestServer
  const deeds = new Deeds()

  before(async () => {
    server = await startServer({ config: 'Jmap.maxConcurrentRequests = 100\n' })
  })
  after(() => server[Symbol.asyncDispose]())

  for (const random of [...kept.map((seed) => new Random(seed)), new Random()])
    test(`show the same of an account, seed ${random.seed}`, () => run(server, random, deeds))

  test('everything was done', () => {
    assert.equal(deeds.names.length, 20, deeds.names.join(', '))
  })
})

async function run(server: TestServer, random: Random, deeds: Deeds): Promise<void> {
  const user = { name: `alice${random.seed}@example.org`, password: 'a password of Alice' }
  await server.createAccount(user.name, user.password)
  await using stack = new AsyncDisposableStack()
  const imap = async (): Promise<ImapFlow> => {
    const client = stack.use(await signIn(server, user))
    // Whoever waits for an answer then is told by its rejection.
    client.on('error', () => {})
    return client
  }
  const [reader, jmap] = [await imap(), await JmapConnection.open(server, user)]
  const letters = new Letters(String(random.seed))
  const actors: readonly Actor[] = [
    new ImapActor(imap, letters, deeds),
    new ImapActor(imap, letters, deeds),
    new JmapActor(jmap, letters, deeds),
    new JmapActor(jmap, letters, deeds),
    new Senders(server.smtpPort, user.name, letters, deeds),
  ]
  const mailboxes = Object.entries((await pictureByJmap(jmap)).mailboxes)
  const always = ['INBOX', 'Archive'].map((name) => mailboxes.find(([, { path }]) => path === name)![0])
  const history = new AccountHistory(jmap, queriesOf(always))
  for (let round = 0; round < rounds; round++) {
    await history.keep()
    const isAtOnce = random.chance(0.5)
    const acting = actors.map((actor) => ({ actor, own: new Random(random.below(2 ** 31)) }))
    if (isAtOnce) await Promise.all(acting.map(({ actor, own }) => actor.act(own)))
    else for (const { actor, own } of acting) await actor.act(own)
    assert.deepEqual(await pictureByJmap(jmap), await pictureByImap(reader), `round ${round}`)
    await history.check(random, looksBack)
  }
  await history.check(random, looksBackAtEnd)
}
