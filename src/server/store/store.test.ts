import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { CommitterThread } from './store.ts'

/** The side of a thread that its process sees: what it is told, and what it says by `emit`. */
class FakeThread extends EventEmitter {
  readonly orders: unknown[] = []

  ref(): void {}

  postMessage(order: unknown): void {
    this.orders.push(order)
  }
}

function begin(): { thread: FakeThread; opened: Promise<CommitterThread> } {
  const thread = new FakeThread()
  const store = { directory: '/nowhere', engine: 'lmdb', reserveBytes: 0 } as const
  return { thread, opened: CommitterThread.open(store, thread as unknown as Worker) }
}

test('a committer that cannot open its store says why', async () => {
  const { thread, opened } = begin()
  thread.emit('error', new Error('planted'))
  await assert.rejects(opened, /planted/)
})

test('once it is open, its troubles and its failure are heard of', async () => {
  const { thread, opened } = begin()
  thread.emit('message', { ready: true })
  const committer = await opened
  const troubles: string[] = []
  const errors: unknown[] = []
  committer.onTrouble((trouble) => troubles.push(trouble))
  committer.onError((error) => errors.push(error))
  thread.emit('message', { ready: true })
  thread.emit('message', { trouble: 'no space' })
  assert.deepEqual(troubles, ['no space'])
  const planted = new Error('planted')
  thread.emit('error', planted)
  assert.ok(errors.includes(planted), 'whoever waits for a commit would wait for ever')
})

test('it is told to end, and has ended when its thread has', async () => {
  const { thread, opened } = begin()
  thread.emit('message', { ready: true })
  const committer = await opened
  let hasEnded = false
  const ended = committer.end().then(() => (hasEnded = true))
  assert.deepEqual(thread.orders.at(-1), { end: true })
  await new Promise(setImmediate)
  assert.equal(hasEnded, false)
  thread.emit('exit', 0)
  await ended
})
