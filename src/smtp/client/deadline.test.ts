import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { mock, test } from 'node:test'
import { Deadline } from './deadline.ts'
import { jobFor, ScriptedServer, type Script, toDomain, transportTo } from './fixture.test.ts'

const lingerMs = 6000

function withDeadline(o: { lingerMs: number; signal: AbortSignal }) {
  const seen = { ends: 0 }
  return { seen, deadline: new Deadline({ ...o, timeoutMs: 1000, onEnd: () => void seen.ends++ }) }
}

test('a step ends late, or when all is to end, or after a while then; and says so once', (t) => {
  t.after(() => mock.timers.reset())
  mock.timers.enable({ apis: ['setTimeout'] })
  const late = withDeadline({ lingerMs: 0, signal: new AbortController().signal })
  mock.timers.tick(999)
  assert.deepEqual([late.deadline.ended, late.seen.ends], [undefined, 0])
  mock.timers.tick(1)
  assert.deepEqual([late.deadline.ended, late.seen.ends], ['late', 1])

  const stop = new AbortController()
  const stopped = withDeadline({ lingerMs: 0, signal: stop.signal })
  const lingering = withDeadline({ lingerMs: 500, signal: stop.signal })
  const over = withDeadline({ lingerMs, signal: stop.signal })
  stop.abort()
  assert.deepEqual([stopped.deadline.ended, stopped.seen.ends], ['stopped', 1])
  assert.equal(lingering.deadline.ended, undefined)
  mock.timers.tick(500)
  assert.equal(lingering.deadline.ended, 'stopped')
  // Lingering does not make its own time longer.
  mock.timers.tick(500)
  assert.equal(over.deadline.ended, 'late')
  mock.timers.tick(lingerMs)
  for (const { seen } of [stopped, lingering, over]) assert.equal(seen.ends, 1)
  assert.equal(withDeadline({ lingerMs: 0, signal: stop.signal }).deadline.ended, 'stopped')
})

test('what is over says nothing later', (t) => {
  t.after(() => mock.timers.reset())
  mock.timers.enable({ apis: ['setTimeout'] })
  const stop = new AbortController()
  const aborted = new AbortController()
  aborted.abort()
  for (const signal of [stop.signal, aborted.signal]) {
    const { seen, deadline } = withDeadline({ lingerMs, signal })
    deadline[Symbol.dispose]()
    stop.abort()
    mock.timers.tick(2 * lingerMs)
    assert.equal(seen.ends, 0)
  }
})

/** Timers that `deadline.ts` made and that are still to come. */
function countTimers(): { readonly count: () => number; readonly stop: () => void } {
  const alive = new Set<number>()
  const hook = createHook({
    init: (id, type) => {
      if (type === 'Timeout' && new Error().stack!.includes('/smtp/client/deadline.ts')) alive.add(id)
    },
    destroy: (id) => void alive.delete(id),
  }).enable()
  return { count: () => alive.size, stop: () => void hook.disable() }
}

const scripts: readonly Script[] = [
  {},
  { offers: ['PIPELINING', 'CHUNKING'] },
  { answers: { RCPT: '550 5.1.1 no' } },
  { answers: { MAIL: 'end' } },
  { answers: { DATA: 'end' } },
  { greeting: '554 no' },
  { greeting: 'no SMTP' },
  { offers: ['STARTTLS'], tls: 'good' },
  { offers: ['STARTTLS'], tls: 'broken' },
  { answers: { EHLO: 'silence' } },
]

test('however many attempts were made, they leave neither timers nor listeners behind', async () => {
  const { signal } = new AbortController()
  const timers = countTimers()
  let most = 0
  try {
    for (const script of scripts) {
      const once: Script = { ...script, onCommand: () => (most = Math.max(most, timers.count())) }
      await using server = await ScriptedServer.start(once)
      const zone = { 'A remote.example': [{ ip: '127.0.0.1' }] }
      const isSilent = Object.values(script.answers ?? {}).includes('silence')
      const config = `MtaConnectionStrategy.port = ${server.port}\nMtaConnectionStrategy.ehloTimeout = "1s"`
      using transport = transportTo(zone, config)
      for (let i = 0; i < (isSilent ? 1 : 20); i++) {
        const results = await transport.deliver(
          jobFor(toDomain('remote.example'), ['bob@remote.example']),
          signal,
        )
        assert.equal(results.length, 1)
      }
    }
    // Destruction is told a moment later.
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(most > 0)
    assert.equal(timers.count(), 0)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  } finally {
    timers.stop()
  }
})
