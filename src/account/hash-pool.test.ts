import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { isFault } from '#base/fault.ts'
import { HashPool } from './hash-pool.ts'
import { isRightPassword } from './verifiers/stored-hash.ts'

const program = `
  import { parentPort } from 'node:worker_threads'
  import { serveHashing } from ${JSON.stringify(new URL('hash-pool.ts', import.meta.url).href)}
  serveHashing(parentPort)`

/** As the server starts itself, and keeps count. */
function spawner() {
  const started: Worker[] = []
  const spawn = (): Worker => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
    started.push(worker)
    return worker
  }
  return { started, spawn }
}

const wanted = { algorithm: 'argon2id', scramKeys: false } as const

/** A thread that never answers. */
const deaf = (): Worker => new Worker('setInterval(() => undefined, 1000)', { eval: true })

test('hashes and verifies in one thread, started when needed', async () => {
  const { spawn, started } = spawner()
  await using pool = new HashPool({ spawn })
  assert.equal(started.length, 0)
  const [hash = ''] = await pool.make('correct horse', wanted)
  assert.ok(isRightPassword(hash, 'correct horse'))
  const answers = await Promise.all([
    pool.verify(hash, 'correct horse'),
    pool.verify(hash, 'wrong horse'),
    pool.verify('no hash at all', 'correct horse'),
  ])
  assert.deepEqual(answers, [true, false, false])
  assert.equal(started.length, 1)
})

test('an idle thread ends, and the next job starts another', async () => {
  const { spawn, started } = spawner()
  await using pool = new HashPool({ spawn, idleMs: 1 })
  const [hash = ''] = await pool.make('correct horse', wanted)
  const keepAlive = setInterval(() => undefined, 1000)
  await once(started[0]!, 'exit')
  clearInterval(keepAlive)
  assert.ok(await pool.verify(hash, 'correct horse'))
  assert.equal(started.length, 2)
})

test('a full queue is refused at once, a lost thread fails its jobs', async () => {
  const pool = new HashPool({ spawn: deaf, maxWaiting: 2 })
  const waiting = [pool.make('a', wanted), pool.make('b', wanted)].map((job) =>
    assert.rejects(job, (e) => isFault(e, 'unavailable')),
  )
  await assert.rejects(
    pool.make('c', wanted),
    (error) => isFault(error, 'unavailable') && /too many/.test(error.message),
  )
  await pool[Symbol.asyncDispose]()
  await Promise.all(waiting)
  await assert.rejects(pool.make('d', wanted), (error) => isFault(error, 'unavailable'))
})

test('a thread that dies does not take the pool along', async () => {
  const { spawn } = spawner()
  let first = true
  const pool = new HashPool({
    spawn: () => {
      if (!first) return spawn()
      first = false
      return new Worker('throw new Error("planned")', { eval: true })
    },
  })
  await assert.rejects(pool.make('correct horse', wanted), (error) => isFault(error, 'unavailable'))
  assert.match((await pool.make('correct horse', wanted))[0]!, /^\$argon2id\$/)
  await pool[Symbol.asyncDispose]()
})

/** Answers each job with true, one after the other, and says in which order. */
function recorder() {
  const order: string[] = []
  const worker = new EventEmitter() as EventEmitter & Pick<Worker, 'ref' | 'unref'>
  Object.assign(worker, {
    ref: () => undefined,
    unref: () => undefined,
    terminate: async () => 0,
    postMessage: ({ id, job }: { id: number; job: { prepared: string } }) => {
      order.push(job.prepared)
      setImmediate(() => worker.emit('message', { id, result: true }))
    },
  })
  return { order, spawn: () => worker as unknown as Worker }
}

test('who guesses a thousand passwords does not keep others waiting', async () => {
  const { order, spawn } = recorder()
  await using pool = new HashPool({ spawn, maxWaiting: 1000, maxWaitingOfOne: 100 })
  const guesses = Array.from({ length: 300 }, (_, i) => pool.verify('hash', `guess ${i}`, '192.0.2.1'))
  const settled = Promise.allSettled(guesses)
  assert.ok(await pool.verify('hash', 'right', '192.0.2.2'))
  assert.ok(order.indexOf('right') <= 3)
  const refused = (await settled).filter(({ status }) => status === 'rejected')
  assert.equal(refused.length, 300 - 102)
})

test('the strength of a password is judged in the thread', async () => {
  const { spawn } = spawner()
  await using pool = new HashPool({ spawn })
  const weak = await pool.strength('password1', [])
  assert.ok(weak.score < 3 && weak.advice !== '')
  assert.equal((await pool.strength('wombat-otter-larch-38', [])).score, 4)
  assert.ok((await pool.strength('alice2024', ['alice'])).score < 3)
})
