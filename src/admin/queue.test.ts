import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { enqueue, QueueIds } from '#queue/enqueue.ts'
import { queueIdText } from '#queue/tables.ts'
import { makeApi } from './fixture.test.ts'

const at = Date.UTC(2026, 2, 4, 5, 6, 7)
const hour = 3_600_000

async function withMail(all: readonly (readonly [from: string, ...to: string[]])[]) {
  const api = await makeApi()
  const ids = new QueueIds()
  const waiting: string[] = []
  for (const [i, [from, ...to]] of all.entries()) {
    const stager = api.blobs.stager({ maxBytes: 1000 })
    await stager.write(Buffer.from(`Subject: ${i}\r\n\r\nhello\r\n`))
    const staged = await stager.finish()
    const recipients = to.map((address) => ({ address, queue: 'remote', expiresAt: at + 72 * hour }))
    const text = { from, before: '', added: {}, is8bit: false, needsUtf8: false }
    const rest = {
      source: 'received',
      account: 0 as AccountId,
      receivedAt: at,
      heldUntil: at + i * hour,
    } as const
    const id = await api.db.write([], (tx) => enqueue(tx, ids, staged, { ...text, ...rest }, recipients))
    waiting.push(queueIdText(id))
  }
  const data = async (method: string, path: string): Promise<unknown> => {
    const { status, body } = await api.call(method, `/api/queue/${path}`)
    assert.equal(status, 200, JSON.stringify(body))
    return (body as { data: unknown }).data
  }
  return { ...api, waiting, data }
}

const some = [
  ['alice@example.org', 'bob@remote.example', 'carol@remote.example'],
  ['erin@example.org', 'bob@remote.example'],
  ['', 'dave@third.example'],
] as const

test('messages are listed as ids or whole, by what they have and when they are due', async () => {
  const { data, waiting } = await withMail(some)
  assert.deepEqual(await data('GET', 'messages'), { items: waiting, total: 3, status: true })
  assert.deepEqual(await data('GET', 'messages?limit=1&page=2'), {
    items: [waiting[1]],
    total: 3,
    status: true,
  })
  const { items } = (await data('GET', 'messages?text=erin&values=1')) as { items: unknown[] }
  const erin = {
    id: waiting[1],
    return_path: 'erin@example.org',
    created: '2026-03-04T05:06:07Z',
    size: 21,
    priority: 0,
    recipients: [
      {
        address: 'bob@remote.example',
        status: 'scheduled',
        queue: 'remote',
        retry_num: 0,
        next_retry: '2026-03-04T06:06:07Z',
        expires: '2026-03-07T05:06:07Z',
      },
    ],
  }
  assert.deepEqual(items, [erin])
  assert.deepEqual(await data('GET', `messages/${waiting[1]}`), erin)
  const due = (await data('GET', 'messages?after=2026-03-04T06:00:00Z&before=2026-03-04T07:00:00Z')) as object
  assert.deepEqual(due, { items: [waiting[1]], total: 1, status: true })
})

test('retry and cancel: one, some recipients of one, all that match', async () => {
  const { data, call, waiting, queueState } = await withMail(some)
  const list = async () => ((await data('GET', 'messages')) as { items: string[] }).items
  assert.equal(await data('PATCH', `messages/${waiting[0]}?filter=carol`), true)
  assert.deepEqual(queueState.hurried, ['carol@remote.example'])
  assert.equal(await data('PATCH', `messages/${waiting[0]}?filter=nobody`), false)
  assert.equal(await data('PATCH', 'messages?text=third&at=2036-03-04T00:00:00Z'), true)
  assert.equal(await data('PATCH', 'messages?text=nobody'), false)
  const later = await data('GET', 'messages?after=2036-01-01T00:00:00Z')
  assert.deepEqual((later as { items: string[] }).items, [waiting[2]])
  assert.equal(await data('DELETE', `messages/${waiting[0]}?filter=BOB`), true)
  assert.equal(
    ((await data('GET', `messages/${waiting[0]}`)) as { recipients: object[] }).recipients.length,
    1,
  )
  assert.equal(await data('DELETE', 'messages?to=remote.example'), true)
  assert.deepEqual(await list(), [waiting[2]])
  assert.equal(await data('DELETE', `messages/${waiting[2]}`), true)
  assert.deepEqual(await list(), [])
  for (const [method, path, status] of [
    ['GET', `messages/${waiting[2]}`, 404],
    ['DELETE', `messages/${waiting[2]}`, 404],
    ['GET', 'messages/..%2f', 404],
    ['GET', 'messages?when=now', 400],
    ['GET', 'messages?before=now', 400],
  ] as const)
    assert.equal((await call(method, `/api/queue/${path}`)).status, status, path)
})

test('all that match are changed as objects too, and nothing where nobody says which', async () => {
  const { call, waiting } = await withMail(some)
  const path = '/api/object/QueuedMessage'
  for (const method of ['PATCH', 'DELETE']) {
    const { status } = await call(method, path, method === 'PATCH' ? { retry: true } : undefined)
    assert.equal(status, 400, method)
  }
  assert.equal((await call('PATCH', `${path}?domain=third.example`, { to: 7 })).status, 400)
  assert.equal((await call('PATCH', `${path}?domain=third.example`)).status, 400)
  assert.equal((await call('DELETE', `${path}?doman=third.example`)).status, 400)
  const later = await call('PATCH', `${path}?domain=third.example`, { nextAttemptAt: '2036-03-04T00:00:00Z' })
  assert.deepEqual(later.body, { data: { changed: 1 } })
  assert.deepEqual((await call('DELETE', `${path}?to=bob`)).body, { data: { changed: 2 } })
  const { body } = await call('GET', path)
  assert.deepEqual(
    (body as { data: { items: { id: string }[] } }).data.items.map(({ id }) => id),
    [waiting[2]],
  )
  assert.deepEqual((await call('DELETE', `${path}?all=true`)).body, { data: { changed: 1 } })
  assert.equal((await call('PATCH', '/api/object/Account?all=true', {})).status, 405)
})

test('pausing is for those who may, and in the audit log', async () => {
  const { data, call, ask, queueState, accounts, basic } = await withMail([])
  assert.equal(await data('GET', 'status'), true)
  assert.equal(await data('PATCH', 'status/stop'), true)
  assert.equal(await data('PATCH', 'status/stop'), false)
  assert.equal(await data('GET', 'status'), false)
  const status = await call('GET', '/api/status')
  assert.deepEqual((status.body as { data: { queue: unknown } }).data.queue, {
    active: 0,
    paused: { at: new Date(queueState.paused!.at).toISOString(), by: 'admin' },
  })
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createAccount({ name: 'alice@example.org', password: 'correct horse battery' })
  const headers = { authorization: basic('alice@example.org', 'correct horse battery') }
  for (const [method, path] of [
    ['PATCH', 'status/start'],
    ['GET', 'status'],
    ['GET', 'messages'],
    ['DELETE', 'messages'],
  ] as const)
    assert.equal((await ask(`/api/queue/${path}`, { method, headers })).status, 403, path)
  assert.equal(await data('PATCH', 'status/start'), false)
  assert.equal(queueState.paused, undefined)
  const { body } = await call('GET', '/api/object/AuditEntry?verb=action')
  const { items } = (body as { data: { items: { object: string }[] } }).data
  assert.deepEqual(
    items.map((one) => one.object),
    ['ResumeMtaQueue', 'PauseMtaQueue', 'PauseMtaQueue'],
  )
})
