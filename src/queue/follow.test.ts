import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MessageId, ThreadId } from '#base/id.ts'
import { changesSince, stateOf } from '#kv/change-log.ts'
import { attemptAt, makeQueue, stillQueue } from './fixture.test.ts'
import { QueueHandler } from './queue-handler.ts'
import { type IdentityId, submissionRecipientTable, submissionTable } from './submission-rows.ts'
import { type QueueId, queueIdText } from './tables.ts'
import type { RecipientResult } from './transport.ts'

const account = 7 as AccountId
type Queue = ReturnType<typeof makeQueue>

/** Puts a message that account 7 follows. */
async function putFollowed(q: Queue, to: readonly string[]): Promise<QueueId> {
  const recipients = to.map((address) => ({
    address,
    queue: address.endsWith('@example.org') ? 'local' : 'remote',
  }))
  const id = await q.put(recipients, { submission: account })
  await q.db.write([account], async (tx) => {
    tx.put(submissionTable, [account, id], {
      identity: 1 as IdentityId,
      email: 2 as MessageId,
      thread: 2 as ThreadId,
      envelope: { mailFrom: { email: 'alice@example.org', parameters: null }, rcptTo: [] },
      sendAt: q.clock.now(),
      undo: 'pending',
    })
    for (const [n, address] of to.entries())
      tx.put(submissionRecipientTable, [account, id, n], {
        address,
        delivered: 'queued',
        smtpReply: '250 2.0.0 Queued',
      })
  })
  return id
}

const shown = (q: Queue, id: QueueId) =>
  q.db.read(async (tx) => ({
    undo: (await tx.get(submissionTable, account, id))?.undo,
    recipients: (await tx.list(submissionRecipientTable, [account, id])).map(([, row]) => row),
  }))
const sequence = async (q: Queue) => stateOf(await q.db.read((tx) => tx.sequence(account)))

const result = (q: Queue, kind: 'delayed' | 'failed', said: string): RecipientResult => ({
  kind,
  status: kind === 'failed' ? '5.1.1' : '4.4.1',
  attempt: attemptAt(q.clock.now(), said),
})

test('RFC 8621 §7: each attempt is told to who follows the message, and ends what can be unsent', async () => {
  const q = makeQueue()
  const id = await putFollowed(q, ['bob@remote.example', 'carol@example.org', 'dave@other.example'])
  const before = await sequence(q)
  q.world.answer = (address) => {
    if (address === 'bob@remote.example') return result(q, 'delayed', 'connection refused')
    if (address === 'dave@other.example') return result(q, 'failed', '550 5.1.1 no such user')
    const attempt = attemptAt(q.clock.now(), '250 2.1.5 Delivered')
    return { kind: 'delivered', attempt, passedOn: false, byPassedOn: false }
  }
  await using manager = q.start()
  await q.pass(manager, 0)
  assert.deepEqual(await shown(q, id), {
    undo: 'final',
    recipients: [
      { address: 'bob@remote.example', delivered: 'queued', smtpReply: '451 4.4.1 connection refused' },
      { address: 'carol@example.org', delivered: 'yes', smtpReply: '250 2.1.5 Delivered' },
      { address: 'dave@other.example', delivered: 'no', smtpReply: '550 5.1.1 no such user' },
    ],
  })
  assert.notEqual(await sequence(q), before)
})

test('RFC 8621 §7: what another server took is not known to have arrived', async () => {
  const q = makeQueue()
  const id = await putFollowed(q, ['bob@remote.example'])
  await using manager = q.start()
  await q.pass(manager, 0)
  assert.deepEqual(await shown(q, id), {
    undo: 'final',
    recipients: [{ address: 'bob@remote.example', delivered: 'unknown', smtpReply: '250 ok' }],
  })
})

test('RFC 8621 §7: the reply is that to RCPT where the message was taken behind it', async () => {
  const q = makeQueue()
  const id = await putFollowed(q, ['bob@remote.example'])
  q.world.answer = () => ({
    kind: 'delivered',
    attempt: attemptAt(q.clock.now(), '250 2.0.0 queued as 17'),
    rcptSaid: '250 2.1.5 fine',
    passedOn: false,
    byPassedOn: false,
  })
  await using manager = q.start()
  await q.pass(manager, 0)
  assert.equal((await shown(q, id)).recipients[0]!.smtpReply, '250 2.1.5 fine')
})

test('RFC 8621 §7: it can be unsent while nobody has it, and not once nobody waits for it', async () => {
  const q = makeQueue()
  q.world.answer = () => result(q, 'delayed', '450 later')
  const id = await putFollowed(q, ['bob@remote.example'])
  await using manager = q.start()
  await q.pass(manager, 0)
  assert.equal((await shown(q, id)).undo, 'pending')
  q.world.answer = () => result(q, 'failed', '550 never')
  await q.pass(manager, 2 * 60_000)
  assert.deepEqual(await shown(q, id), {
    undo: 'final',
    recipients: [{ address: 'bob@remote.example', delivered: 'no', smtpReply: '550 never' }],
  })
})

test('an attempt is written down before it begins, and stays so where it has no end', async () => {
  const q = makeQueue()
  const begun = Promise.withResolvers<void>()
  const seen: unknown[] = []
  const id = await putFollowed(q, ['bob@remote.example'])
  q.world.answer = async () => {
    seen.push((await shown(q, id)).recipients[0]!.isTrying)
    begun.resolve()
    return new Promise<never>((_, reject) => setImmediate(() => reject(new Error('cut off'))))
  }
  const manager = q.start()
  manager.kick()
  await begun.promise
  await manager[Symbol.asyncDispose]()
  assert.deepEqual(seen, [true])
  assert.equal((await shown(q, id)).recipients[0]!.isTrying, true)
  await using next = q.start()
  // RFC 8620 §5.1: who looks at it by its state sees that it is final, even while the second attempt runs.
  const before = await q.db.read((tx) => tx.sequence(account))
  const during: unknown[] = []
  q.world.answer = async () => {
    const changes = await q.db.read((tx) => changesSince(tx, account, 'EmailSubmission', before, 10))
    during.push((await shown(q, id)).undo, changes === 'tooOld' ? changes : changes.updated)
    return result(q, 'delayed', '450 later')
  }
  await q.pass(next, 0)
  assert.deepEqual(during, ['final', [id]], 'whoever was tried first may have it')
})

test('RFC 8621 §7: it cannot be unsent where another server went away with it', async () => {
  const q = makeQueue()
  const id = await putFollowed(q, ['bob@remote.example'])
  await using manager = q.start()
  q.world.answer = () => ({ ...result(q, 'delayed', 'connection lost'), mayHaveIt: true }) as RecipientResult
  await q.pass(manager, 0)
  const { undo, recipients } = await shown(q, id)
  assert.deepEqual([undo, recipients[0]!.delivered], ['final', 'queued'])
})

test('what was given up because its destination cannot be reached is told without an attempt', async () => {
  const q = makeQueue()
  q.world.answer = () => ({ ...result(q, 'delayed', 'nobody answers'), unreachable: true }) as RecipientResult
  const id = await putFollowed(q, ['bob@remote.example'])
  await using manager = q.start()
  for (let days = 0; days < 4; days++) await q.pass(manager, 86_400_000)
  const { recipients, undo } = await shown(q, id)
  assert.deepEqual([recipients[0]!.delivered, undo], ['no', 'final'])
  assert.match(recipients[0]!.smtpReply, /^451 4\.\d\.\d nobody answers$/)
})

test('what an administrator takes out of the queue is told to who follows it', async () => {
  const q = makeQueue()
  const id = await putFollowed(q, ['bob@remote.example', 'carol@remote.example'])
  const accounts = { byName: async () => undefined, resolve: async () => ({ kind: 'remote' }) }
  const handler = new QueueHandler({ ...q, accounts, queue: stillQueue().queue })
  const one = await handler.update(queueIdText(id), { to: ['bob@remote.example'] })
  await q.db.write(one.accounts, (tx) => one.apply(tx))
  const status = async () => (await shown(q, id)).recipients.map(({ delivered }) => delivered)
  assert.deepEqual(await status(), ['queued', 'no'])
  const all = await handler.destroy(queueIdText(id))
  assert.deepEqual(all.accounts, [account])
  await q.db.write(all.accounts, (tx) => all.apply(tx))
  assert.deepEqual(await status(), ['no', 'no'])
  assert.equal((await shown(q, id)).undo, 'final')
})
