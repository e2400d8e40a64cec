import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { enqueue, type NewRecipient, QueueIds } from '#queue/enqueue.ts'
import { queueIdText } from '#queue/tables.ts'
import { serve } from '../fixture.test.ts'

const ids = new QueueIds()

/** A server where mail waits that was tried five minutes ago and is tried in an hour. */
async function withMail(t: TestContext, all: readonly (readonly [from: string, ...to: string[]])[]) {
  const served = await serve(t)
  const now = Date.now()
  const waiting: string[] = []
  for (const [from, ...to] of all) {
    const stager = served.blobs.stager({ maxBytes: 1000 })
    await stager.write(Buffer.from('Subject: hello\r\n\r\nhello\r\n'))
    const staged = await stager.finish()
    const recipients = to.map((address): NewRecipient => ({
      address,
      queue: 'remote',
      expiresAt: now + 3 * day,
    }))
    const message = { from, before: '', added: {}, is8bit: false, needsUtf8: false, heldUntil: now + hour }
    const rest = { source: 'submitted', account: 0 as AccountId, receivedAt: now - 5 * 60_000 } as const
    const id = await served.db.write([], (tx) =>
      enqueue(tx, ids, staged, { ...message, ...rest }, recipients),
    )
    waiting.push(queueIdText(id))
  }
  const left = async () => {
    const { items } = await served.json<{ items: { id: string; to: string[] }[] }>('queue list')
    return items.map(({ to }) => to.join())
  }
  return { ...served, waiting, left }
}

const hour = 3_600_000
const day = 24 * hour

test('a list fits the screen; one message is shown with all there is to know', async (t) => {
  const { postern, waiting } = await withMail(t, [
    ['alice@example.org', 'bob@remote.example', 'carol@remote.example'],
    ['', 'dave@a-domain-with-a-rather-long-name.example'],
  ])
  const { out } = await postern('queue list', { columns: 80 })
  const lines = out.trimEnd().split('\n')
  assert.match(lines[0]!, /^ID +NEXT +TRIED +TO +MORE +FROM +SAID/)
  assert.match(
    lines[1]!,
    new RegExp(`^${waiting[0]} +in 59m +0 +bob@remote\\.example +\\+1 +alice@example\\.org`),
  )
  for (const line of lines) assert.ok(line.length <= 80, line)
  const shown = await postern(`queue show ${waiting[0]}`, { columns: 80 })
  assert.match(shown.out, /received: +20\S+Z \(5m ago\)/)
  assert.match(shown.out, /carol@remote\.example\n {2}state: +waiting\n/)
  assert.match(shown.out, /expires: +\S+Z \(in 2d 23h\)/)
  const { out: none } = await postern('queue list --domain nowhere.example')
  assert.equal(none, 'Nothing waits.\n')
})

test('retry and cancel: by id, by filter, single recipients', async (t) => {
  const { postern, waiting, left, queueState } = await withMail(t, [
    ['alice@example.org', 'bob@remote.example', 'carol@remote.example'],
    ['alice@example.org', 'dave@third.example'],
    ['erin@example.org', 'bob@remote.example'],
  ])
  const [one, two] = waiting
  assert.equal((await postern(`queue retry ${one} --only carol@remote.example`)).code, 0)
  assert.deepEqual(queueState.hurried, ['carol@remote.example'])
  assert.match((await postern('queue retry --domain third.example')).out, /^1 message will be tried now/)
  assert.match((await postern(`queue retry ${two} --at 2h`)).out, /tried at 20/)
  assert.equal((await postern(`queue cancel ${one} --only bob@remote.example --yes`)).code, 0)
  assert.deepEqual(await left(), ['carol@remote.example', 'dave@third.example', 'bob@remote.example'])
  const refused = await postern('queue cancel --from alice')
  assert.match(refused.err, /--yes/)
  const asked = await postern('queue cancel --from alice', { typed: ['y'] })
  assert.deepEqual(asked.asked, ['Take 2 messages out of the queue for good? [y/N] '])
  assert.deepEqual(await left(), ['bob@remote.example'])
  const gone = await postern(`queue cancel ${one} --yes`)
  assert.equal(gone.code, 1)
  for (const line of ['queue cancel', `queue retry ${one} --all`, 'queue retry --all --at soon'])
    assert.equal((await postern(line)).code, 64, line)
})

test('another address is given by the words that all objects have', async (t) => {
  const { postern, waiting, left } = await withMail(t, [
    ['alice@example.org', 'bob@remote.exmaple', 'c@third.example'],
  ])
  const moved = await postern(`update QueuedMessage ${waiting[0]} to=bob@remote.example to+=c@third.example`)
  assert.equal(moved.code, 0, moved.err)
  const removed = await postern(`update QueuedMessage ${waiting[0]} to-=c@third.example`)
  assert.equal(removed.code, 0, removed.err)
  assert.deepEqual(await left(), ['bob@remote.example'])
})

test('pause and resume say what is, and the status does too', async (t) => {
  const { postern } = await serve(t)
  assert.equal((await postern('queue resume')).out, 'The queue was not paused.\n')
  assert.match((await postern('queue pause')).out, /^The queue is paused\. `postern queue resume`/)
  assert.equal((await postern('queue pause')).out, 'The queue is paused already.\n')
  assert.match(
    (await postern('status')).out,
    /The queue has been paused for .* by admin: `postern queue resume`/,
  )
  assert.equal((await postern('queue resume')).out, 'The queue lets mail out again.\n')
  assert.ok(!(await postern('status')).out.includes('paused'))
  const audit = await postern('audit --verb action')
  assert.match(audit.out, /ResumeMtaQueue[^]*PauseMtaQueue/)
})
