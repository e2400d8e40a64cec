/** A worker as the main thread has it, by a thread that the test plays. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import type { Snapshot } from '#observe/meter.ts'
import type { WorkerData } from './threads.ts'
import { WorkerThread } from './worker-thread.ts'

interface Order {
  readonly do: string
  readonly id: number
}

class PlayedWorker extends EventEmitter {
  readonly orders: Order[] = []

  postMessage(order: Order): void {
    this.orders.push(order)
  }
}

async function start() {
  const played = new PlayedWorker()
  const failures: unknown[] = []
  const starting = WorkerThread.start({} as Omit<WorkerData, 'role'>, {
    spawn: () => played as unknown as Worker,
    onFailure: (error) => failures.push(error),
  })
  played.emit('message', { kind: 'ready' })
  return { played, failures, thread: await starting }
}

const snapshotOf = (counter: number): Snapshot => ({ counters: counter }) as unknown as Snapshot

// Planted: who reads settings again does not wait for the worker.
test('a reload is over when the worker says so, with what could not be', async () => {
  const { played, thread } = await start()
  let problems: readonly string[] | undefined
  const reloading = thread.reload(undefined).then((told) => (problems = told))
  await new Promise(setImmediate)
  assert.equal(problems, undefined)
  played.emit('message', { kind: 'reloaded', id: played.orders[0]!.id, problems: ['no port'] })
  await reloading
  assert.deepEqual(problems, ['no port'])
})

// Planted: a worker that is late is left out.
test('of a worker that does not answer there are the numbers that it gave before', async () => {
  const { played, thread } = await start()
  assert.equal(await thread.snapshot(1), undefined)
  const asking = thread.snapshot(10_000)
  played.emit('message', { kind: 'snapshot', id: played.orders[1]!.id, snapshot: snapshotOf(7) })
  assert.deepEqual(await asking, snapshotOf(7))
  assert.deepEqual(await thread.snapshot(1), snapshotOf(7))
})

// Planted: the end of a thread is not looked at.
test('a worker that ends without having been told so is a failure, and nobody waits for it', async () => {
  const { played, failures, thread } = await start()
  const reloading = thread.reload(undefined)
  played.emit('exit', 0)
  assert.deepEqual(await reloading, [])
  assert.match(String(failures[0]), /a worker ended/)
})

test('a worker that was told to end is none', async () => {
  const { played, failures, thread } = await start()
  const stopping = thread.stop(1000)
  played.emit('message', { kind: 'drained', cut: 2 })
  played.emit('exit', 0)
  assert.equal(await stopping, 2)
  assert.deepEqual(failures, [])
})
