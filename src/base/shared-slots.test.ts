/** Counters of which two threads have the memory: what they count holds for both together, whatever they do at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { newRateMemory, type Rate, RateLimiter } from './rate.ts'
import { newRunningMemory, RunningCount } from './running-count.ts'

const tries = 30_000

interface Given {
  readonly limiters: SharedArrayBuffer
  readonly running: SharedArrayBuffer
  /** How many are in at this moment, and the most that ever were, as the threads count themselves. */
  readonly present: SharedArrayBuffer
}

/** Runs `body` in two threads at once, which wait for each other; what each returned. */
async function inTwoThreads(body: string, given: Given): Promise<readonly number[]> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    Promise.all([import(${url('./rate.ts')}), import(${url('./running-count.ts')})]).then(
      ([{ RateLimiter }, { RunningCount }]) => {
        const { limiters, running, present } = workerData
        const limiter = new RateLimiter(limiters)
        const count = new RunningCount(running)
        const numbers = new Int32Array(present)
        Atomics.add(numbers, 2, 1)
        while (Atomics.load(numbers, 2) < 2);
        parentPort.postMessage((() => { ${body} })())
      },
    )`
  const threads = [0, 1].map(() => new Worker(code, { eval: true, workerData: given }))
  return Promise.all(
    threads.map(
      (thread) =>
        new Promise<number>((resolve, reject) => {
          thread.once('message', resolve)
          thread.once('error', reject)
        }),
    ),
  )
}

const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href)

const newGiven = (): Given => ({
  limiters: newRateMemory(),
  running: newRunningMemory(),
  present: new SharedArrayBuffer(12),
})

// Planted: a slot is written without looking at what it was.
test('two threads that take of one rate get all of it and no more', async () => {
  const given = newGiven()
  const rate: Rate = { count: 20_000, periodMs: 3_600_000 }
  const taken = await inTwoThreads(
    `let taken = 0
    for (let i = 0; i < ${tries}; i++)
      if (limiter.take(7, ${JSON.stringify(rate)}, 1000) === 0) taken++
    return taken`,
    given,
  )
  assert.equal(taken[0]! + taken[1]!, rate.count)
  assert.ok(new RateLimiter<number>(given.limiters).take(7, rate, 1000) > 0)
  assert.equal(new RateLimiter<number>(given.limiters).take(8, rate, 1000), 0)
})

// Planted: it is not looked again when all slots have it; and: what is refused then is not given back.
test('two threads never have more at once than there may be, and give all of it back', async () => {
  const given = newGiven()
  const entered = await inTwoThreads(
    `let entered = 0
    for (let i = 0; i < ${10 * tries}; i++) {
      const place = count.take(7, 1)
      if (place === undefined) continue
      entered++
      const now = Atomics.add(numbers, 0, 1) + 1
      if (now > Atomics.load(numbers, 1)) Atomics.store(numbers, 1, now)
      Atomics.sub(numbers, 0, 1)
      place[Symbol.dispose]()
    }
    return entered`,
    given,
  )
  assert.ok(entered.every((count) => count > 0))
  assert.deepEqual([...new Int32Array(given.present)].slice(0, 2), [0, 1])
  assert.equal(new RunningCount<number>(given.running).of(7), 0)
})

test('who has another memory counts alone', () => {
  const [one, other] = [new RunningCount<number>(), new RunningCount<number>()]
  assert.notEqual(one.take(1, 1), undefined)
  assert.equal(one.take(1, 1), undefined)
  assert.notEqual(other.take(1, 1), undefined)
})
