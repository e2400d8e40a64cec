import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { isFault } from '#base/fault.ts'
import { listAudit } from '#registry/audit.ts'
import { Management } from '#registry/management.ts'
import type { Scope } from '#registry/managed-object.ts'
import type { QueueControl } from './control.ts'
import { attemptAt, day, makeQueue, startedAt, stillQueue } from './fixture.test.ts'
import { QueueHandler } from './queue-handler.ts'
import { countQueue, searchQueue } from './queue-search.ts'
import { queuedMessageTable, type QueueId, queueIdText } from './tables.ts'
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
    byPassedOn: false,
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
      ? { kind: 'delivered', attempt: attemptAt(q.clock.now(), '250 ok'), passedOn: false, byPassedOn: false }
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
  assert.equal(state.hurried.length, 0)
})

test('all that match are changed, some in a commit, each with one entry of the audit log', async () => {
  const q = makeQueue()
  const { queue, state } = stillQueue()
  const { management } = manage(q, queue)
  const ids: string[] = []
  for (let i = 0; i < 250; i++)
    ids.push(queueIdText(await q.put([`user${i}@${i % 2 === 0 ? 'even' : 'odd'}.example`])))
  const at = '2026-03-05T00:00:00Z'
  const filter = { domain: 'odd.example' }
  const change = { verb: 'update', filter, given: { nextAttemptAt: at } } as const
  assert.equal(await management.changeAll('QueuedMessage', change, scope), 125)
  const odd = ids.filter((_, i) => i % 2 === 1)
  const later = (await q.rows()).recipients.filter(([, { dueAt }]) => dueAt === Date.parse(at))
  assert.deepEqual(
    later.map(([[id]]) => queueIdText(id)),
    odd,
  )
  const entries = (await q.db.read((tx) => listAudit(tx, { limit: 1000 }))).map(([, row]) => row)
  assert.ok(entries.length < 10, `${entries.length} entries`)
  assert.deepEqual(entries.flatMap(({ after }) => after['ids']).toSorted(), odd)
  assert.ok(entries.every(({ verb, after }) => verb === 'update' && after['nextAttemptAt'] === at))
  assert.equal(state.hurried.length, 0)

  const hurry = { verb: 'update', filter: {}, given: { retry: true } } as const
  assert.equal(await management.changeAll('QueuedMessage', hurry, scope), 250)
  assert.deepEqual(state.hurried.map((one) => one.replace(/.*@/, '')).toSorted(), [
    'even.example',
    'odd.example',
  ])
  // What is under way may have arrived: nobody is told that it was cancelled.
  state.taken.add(`${Number.parseInt(ids[0]!, 36)} 0`)
  const bounce = {
    verb: 'update',
    filter: { domain: 'even.example' },
    given: { to: [], bounce: true },
  } as const
  assert.equal(await management.changeAll('QueuedMessage', bounce, scope), 124)
  assert.equal(await management.changeAll('QueuedMessage', { verb: 'destroy', filter: {} }, scope), 250)
  const { messages, recipients, due } = await q.rows()
  assert.deepEqual([messages, recipients, due], [[], [], []])
  const nobody = { ...scope, actor: { ...scope.actor, permissions: new Set(['sysQueuedMessageQuery']) } }
  await assert.rejects(
    management.changeAll('QueuedMessage', { verb: 'destroy', filter: {} }, nobody),
    (error) => isFault(error, 'forbidden'),
  )
})

test('what is counted has an end, what is listed has not', async () => {
  const q = makeQueue()
  const { queue } = stillQueue()
  const { find } = manage(q, queue)
  const count = 12_000
  const ids: QueueId[] = []
  await q.db.write([], async (tx) => {
    for (let i = 1; i <= count; i++) {
      ids.push(i as QueueId)
      tx.put(queuedMessageTable, [i as QueueId], { from: 'alice@example.org' } as never)
    }
  })
  const first = await find({}, 0, 5)
  assert.deepEqual([first.ids.length, first.isMore], [5, true])
  assert.ok(first.total > 10_000 && first.total < count, String(first.total))
  const last = await find({ from: 'ALICE' }, count - 2, 5)
  assert.deepEqual(last, { ids: ids.slice(-2).map(queueIdText), total: count })
})

test('texts are found whatever JSON makes of them', async () => {
  const q = makeQueue()
  const { queue } = stillQueue()
  const { find } = manage(q, queue)
  const addresses = [
    '"a b\\"c"@x.example',
    'käse@x.example',
    '\u212aelvin@x.example',
    'back\\slash@x.example',
  ]
  for (const address of addresses) await q.put([address], { from: '' })
  // A kelvin sign in lower case is a k.
  for (const text of ['B\\"C', 'KÄSE', 'kelvin', 'Back\\SLASH', 'x.EXAMPLE'])
    assert.ok((await find({ text })).total > 0, text)
  assert.equal((await find({ text: 'address' })).total, 0)
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
