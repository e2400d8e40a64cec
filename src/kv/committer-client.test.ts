import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import type { Batch } from './backend.ts'
import { type CommitNotice, type CommitRequest, newSharedCounters } from './committer.ts'
import { CommitterClient } from './committer-client.ts'

const batch = (key: string): Batch => ({
  checks: [],
  puts: [{ key, value: Buffer.of(1) }],
  deletes: [],
  blobs: [],
})

/** A client, and the committer as far as it notes what comes in one message and says yes. */
function makeLine() {
  const { port1, port2 } = new MessageChannel()
  const requests: number[] = []
  port2.on('message', ({ firstId, batches }: CommitRequest) => {
    requests.push(batches.length)
    const answers = [{ firstId, outcomes: batches.map(() => 'done' as const) }]
    const notice: CommitNotice = { kind: 'round', committed: undefined, answers }
    port2.postMessage(notice)
  })
  const client = new CommitterClient(
    { port: port1, counters: newSharedCounters() },
    { add: () => undefined, checkpoint: () => undefined },
  )
  return { client, requests, [Symbol.dispose]: () => client.close() }
}

test('what may wait goes with what may not, in the order of submission', async () => {
  using line = makeLine()
  const waiting = line.client.commit(batch('a'), true)
  const also = line.client.commit(batch('b'), true)
  const urgent = line.client.commit(batch('c'))
  assert.deepEqual(await Promise.all([waiting, also, urgent]), ['done', 'done', 'done'])
  assert.deepEqual(line.requests, [3])
})

test('where nobody comes, it goes by itself', async () => {
  using line = makeLine()
  assert.equal(await line.client.commit(batch('a'), true), 'done')
  assert.equal(await line.client.commit(batch('b'), true), 'done')
  assert.deepEqual(line.requests, [1, 1])
})
