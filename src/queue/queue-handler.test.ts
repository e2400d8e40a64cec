import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { isFault } from '#base/fault.ts'
import { Management } from '#registry/management.ts'
import type { Scope } from '#registry/managed-object.ts'
import type { QueueControl } from './control.ts'
import { attemptAt, day, makeQueue, startedAt, stillQueue } from './fixture.test.ts'
import { QueueHandler } from './queue-handler.ts'
import { countQueue, searchQueue } from './queue-search.ts'
import { queueIdText } from './tables.ts'
import type { RecipientResult } from './transport.ts'

const scope: Scope = {
  account: 0 as AccountId,
  actor: {
    account: 0 as AccountId,
    name: 'admin',
    ip: '192.0.2.9',
    protocol: 'http',
    permissions: new Set(['Get', 'Query', 'Update', 'Destroy'].map((verb) => `sysQueuedMessage${verb}`)),
  },
}

const later = (at: number): RecipientResult => ({
  kind: 'delayed',
  status: '4.2.0',
  attempt: attemptAt(at, '450 4.2.0 later'),
})

function manage(q: ReturnType<typeof makeQueue>, queue: QueueControl) {
  const accounts = {
    byName: async (name: string) => (name === 'alice@example.org' ? ({ id: 1 } as never) : undefined),
    resolve: async (address: string) => ({
      kind: address.endsWith('@example.org') ? 'local' : 'remote',
    }),
  }
  const management = new Management({ ...q, handlers: [new QueueHandler({ ...q, accounts, queue })] })
  const update = async (id: string, patch: object) =>
    (await management.update('QueuedMessage', id, patch, scope)).values
  const get = async (id: string) => (await management.get('QueuedMessage', id, scope)).values
  const find = async (filter: object, position = 0, limit = 10) =>
    management.query('QueuedMessage', { filter, position, limit }, scope)
  return { management, update, get, find }
}

test('a message is shown with what was tried, and looked for by what it has', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const { get, find } = manage(q, manager)
  q.world.answer = () => later(q.clock.now())
  const one = queueIdText(await q.put(['bob@remote.example', 'carol@other.example']))
  const two = queueIdText(
    await q.put(['dave@third.example'], { from: '', account: 0 as AccountId, source: 'dsn' }),
  )
  await q.pass(manager, 0)
  const shown = await get(one)
  assert.deepEqual(shown['to'], ['bob@remote.example', 'carol@other.example'])
  assert.deepEqual((shown['recipients'] as readonly unknown[])[0], {
    address: 'bob@remote.example',
    state: 'delayed',
    queue: 'remote',
    attempts: 1,
    nextAttemptAt: '2026-03-04T05:08:07Z',
    expiresAt: '2026-03-07T05:06:07Z',
    status: '4.2.0',
    history: [
      {
        at: '2026-03-04T05:06:07Z',
        elapsedMs: 5,
        host: 'mx.example',
        ip: '192.0.2.1',
        tls: '',
        step: 'RCPT',
        said: '450 4.2.0 later',
      },
    ],
  })
  const cases: readonly [object, readonly string[]][] = [
    [{}, [one, two]],
    [{ text: 'ALICE@' }, [one]],
    [{ text: 'Dave' }, [two]],
    [{ from: 'alice' }, [one]],
    [{ to: 'carol@' }, [one]],
    [{ domain: 'Third.example' }, [two]],
    [{ domain: 'example' }, []],
    [{ account: 'alice@example.org' }, [one]],
    [{ account: 'nobody@example.org' }, []],
    [{ status: '450' }, [one, two]],
    [{ status: 'refused' }, []],
    [{ dueBefore: '2026-03-04T05:08:08Z' }, [one, two]],
    [{ dueBefore: '2026-03-04T05:08:07Z' }, []],
    [{ dueAfter: '2026-03-04T05:08:08Z' }, []],
    [{ from: 'alice', domain: 'third.example' }, []],
    [{ text: 'alice', domain: 'remote.example' }, []],
  ]
  for (const [filter, ids] of cases)
    assert.deepEqual(await find(filter), { ids, total: ids.length }, JSON.stringify(filter))
  assert.deepEqual(await find({}, 1, 1), { ids: [two], total: 2 })
})

test('retry: now, also for a destination that was given up for a while', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const { update } = manage(q, manager)
  q.world.answer = () => ({ ...later(q.clock.now()), unreachable: true }) as RecipientResult
  const id = queueIdText(await q.put(['bob@remote.example', 'carol@other.example']))
  await q.pass(manager, 0)
  q.world.answer = () => ({
    kind: 'delivered',
    attempt: attemptAt(q.clock.now(), '250 ok'),
    passedOn: false,
  })
  await update(id, { retry: true, only: ['bob@remote.example'] })
  await new Promise((resolve) => setImmediate(resolve))
  await manager.settled()
  assert.deepEqual(
    q.sent.map(({ to }) => to),
    [['bob@remote.example']],
  )
  await update(id, { nextAttemptAt: '2026-03-05T00:00:00Z', expiresAt: '2026-03-06T00:00:00Z' })
  const { recipients } = await q.rows()
  assert.equal(recipients[0]![1].dueAt, Date.parse('2026-03-05T00:00:00Z'))
  assert.equal(recipients[0]![1].expiresAt, Date.parse('2026-03-06T00:00:00Z'))
})

test('a retry while an attempt is under way loses nothing of it', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const { update, get } = manage(q, manager)
  const held = Promise.withResolvers<RecipientResult>()
  const begun = Promise.withResolvers<void>()
  q.world.answer = () => {
    begun.resolve()
    return held.promise
  }
  const id = queueIdText(await q.put(['bob@remote.example']))
  await begun.promise
  assert.equal(((await get(id))['recipients'] as { state: string }[])[0]!.state, 'trying')
  await update(id, { retry: true, expiresAt: '2026-03-10T00:00:00Z' })
  for (const patch of [{ to: ['carol@remote.example'] }, { to: [], bounce: true }])
    await assert.rejects(update(id, patch), (error) => isFault(error, 'conflict'))
  held.resolve(later(q.clock.now()))
  await manager.settled()
  const [, row] = (await q.rows()).recipients[0]!
  assert.equal(row.attempts, 1)
  assert.equal(row.expiresAt, Date.parse('2026-03-10T00:00:00Z'))
  assert.equal((await q.rows()).due.length, 1)
})

test('recipients are taken out without a word, or with one to the sender', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const { update, management } = manage(q, manager)
  q.world.answer = () => later(q.clock.now())
  const id = queueIdText(
    await q.put([
      'a@one.example',
      'b@two.example',
      { address: 'c@three.example', notify: [] },
      'd@four.example',
    ]),
  )
  await q.pass(manager, 0)
  await update(id, { to: ['b@two.example', 'c@three.example', 'd@four.example'] })
  await manager.settled()
  assert.equal((await q.rows()).messages.length, 1)
  q.world.answer = (address) =>
    address === 'alice@example.org'
      ? { kind: 'delivered', attempt: attemptAt(q.clock.now(), '250 ok'), passedOn: false }
      : later(q.clock.now())
  const changed = await update(id, { to: ['d@four.example'], bounce: true })
  assert.deepEqual(changed['to'], ['d@four.example'])
  await q.pass(manager, 1)
  await manager.settled()
  const [notice] = q.sent
  assert.equal(q.sent.length, 1)
  assert.match(notice!.text, /b@two\.example[^]*took the message out of its\s+queue/)
  assert.ok(!notice!.text.includes('c@three.example'))
  await management.destroy('QueuedMessage', id, scope)
  const { messages, recipients, due } = await q.rows()
  assert.deepEqual([messages, recipients, due], [[], [], []])
})

test('an address is changed: it goes there as if it had never been tried', async () => {
  const q = makeQueue()
  const { queue, state } = stillQueue()
  const { update } = manage(q, queue)
  const id = queueIdText(await q.put(['bob@remote.exmaple', 'carol@remote.example']))
  await update(id, { to: ['bob@example.org', 'carol@remote.example'] })
  const [first] = (await q.rows()).recipients
  assert.deepEqual(
    [first![1].address, first![1].queue, first![1].originalRecipient],
    ['bob@example.org', 'local', 'rfc822;bob@remote.exmaple'],
  )
  for (const patch of [
    { to: ['x@a.example', 'y@a.example', 'z@a.example'] },
    { retry: true, nextAttemptAt: '2026-03-05T00:00:00Z' },
    { expiresAt: null },
    { to: ['no address'] },
    { recipients: [] },
  ])
    await assert.rejects(update(id, patch), (error) => isFault(error, 'invalid'))
  assert.deepEqual(state.hurried, [])
})

test('paused stays paused over a restart', async () => {
  const q = makeQueue()
  {
    await using manager = q.start()
    await manager.pause('admin')
    await manager.pause('somebody else')
    assert.deepEqual(manager.paused, { at: startedAt, by: 'admin' })
  }
  {
    await using manager = q.start()
    await q.put(['bob@remote.example'])
    await q.pass(manager, day / 24)
    assert.deepEqual(manager.paused, { at: startedAt, by: 'admin' })
    assert.equal(q.world.attempts, 0)
    await manager.resume('admin')
    await manager.settled()
    assert.equal(q.world.attempts, 1)
  }
  await using manager = q.start()
  await manager.settled()
  assert.equal(manager.paused, undefined)
  assert.deepEqual(
    q.told.map(({ event }) => event).filter((event) => /paused|resumed/.test(event)),
    ['queue.paused', 'queue.paused', 'queue.resumed'],
  )
})

test('slices: none is lost between them, whoever has many recipients', async () => {
  const q = makeQueue()
  const ids: string[] = []
  for (let i = 0; i < 1100; i++)
    ids.push(queueIdText(await q.put(i % 100 === 0 ? manyRecipients(i) : [`r${i}@remote.example`])))
  assert.equal(await countQueue(q.db), 1100)
  const found: string[] = []
  for await (const slice of searchQueue(q.db, { to: '@remote.example' }))
    found.push(...slice.map(queueIdText))
  assert.deepEqual(found, ids)
})

const manyRecipients = (i: number): readonly string[] =>
  Array.from({ length: 600 }, (_, n) => (n === 599 ? `last${i}@remote.example` : `n${n}@other.example`))
