import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { BroadcastChannel } from 'node:worker_threads'
import type { BusMessage } from '../bus.ts'
import { LocalBus } from './local.ts'

const task = { kind: 'task' } as const
const unexpected = (error: unknown): never => {
  throw error
}

test('a hint reaches all handlers of its kind before publish returns, until they are given up', () => {
  using bus = new LocalBus({ onError: unexpected })
  const heard: string[] = []
  bus.on('task', () => void heard.push('first'))
  const second = bus.on('task', () => void heard.push('second'))
  bus.on('forget', () => void heard.push('other'))
  bus.publish(task)
  assert.deepEqual(heard, ['first', 'second'])
  second[Symbol.dispose]()
  bus.publish(task)
  assert.deepEqual(heard, ['first', 'second', 'first'])
})

test('a handler that throws is reported, and the others are called', () => {
  const errors: unknown[] = []
  using bus = new LocalBus({ onError: (error) => errors.push(error) })
  const planted = new Error('planted')
  let heard = 0
  bus.on('task', () => {
    throw planted
  })
  bus.on('task', () => void heard++)
  bus.publish(task)
  assert.deepEqual(errors, [planted])
  assert.equal(heard, 1)
})

test('other workers hear it once, and what they say is heard here', async () => {
  const channelName = 'local.test.ts'
  const other = new BroadcastChannel(channelName)
  using bus = new LocalBus({ channelName, onError: unexpected })
  const heard: BusMessage[] = []
  const all = Promise.withResolvers<void>()
  bus.on('forget', (message) => {
    heard.push(message)
    if (message.key === 'last') all.resolve()
  })
  const own = { kind: 'forget', cache: 'dkim', key: 'example.org' } as const
  const got = once(other as unknown as EventTarget, 'message')
  bus.publish(own)
  const [{ data }] = (await got) as [MessageEvent]
  assert.deepEqual(data, own)
  other.postMessage({ ...own, key: 'last' })
  await all.promise
  other.close()
  assert.deepEqual(heard, [own, { ...own, key: 'last' }], 'its own not twice')
})

test('a bus that is given up neither hears nor says anything', () => {
  const bus = new LocalBus({ channelName: 'over.test.ts', onError: unexpected })
  bus.on('task', () => assert.fail('heard'))
  bus[Symbol.dispose]()
  // A closed channel refuses what would go to others.
  assert.throws(() => bus.publish(task), { name: 'InvalidStateError' })
})
