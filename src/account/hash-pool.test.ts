import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { isFault } from '#base/fault.ts'
import { HashPool } from './hash-pool.ts'
import { verifyNow } from './password.ts'

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

/** A thread that never answers. */
const deaf = (): Worker => new Worker('setInterval(() => undefined, 1000)', { eval: true })

test('hashes and verifies in one thread, started when needed', async () => {
  const { spawn, started } = spawner()
  await using pool = new HashPool({ spawn })
  assert.equal(started.length, 0)
  const hash = await pool.hash('correct horse')
  assert.ok(verifyNow(hash, 'correct horse'))
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
  const hash = await pool.hash('correct horse')
  const keepAlive = setInterval(() => undefined, 1000)
  await once(started[0]!, 'exit')
  clearInterval(keepAlive)
  assert.ok(await pool.verify(hash, 'correct horse'))
  assert.equal(started.length, 2)
})

test('a full queue is refused at once, a lost thread fails its jobs', async () => {
  const pool = new HashPool({ spawn: deaf, maxWaiting: 2 })
  const waiting = [pool.hash('a'), pool.hash('b')].map((job) =>
    assert.rejects(job, (e) => isFault(e, 'unavailable')),
  )
  await assert.rejects(
    pool.hash('c'),
    (error) => isFault(error, 'unavailable') && /too many/.test(error.message),
  )
  await pool[Symbol.asyncDispose]()
  await Promise.all(waiting)
  await assert.rejects(pool.hash('d'), (error) => isFault(error, 'unavailable'))
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
  await assert.rejects(pool.hash('correct horse'), (error) => isFault(error, 'unavailable'))
  assert.match(await pool.hash('correct horse'), /^\$argon2id\$/)
  await pool[Symbol.asyncDispose]()
})
