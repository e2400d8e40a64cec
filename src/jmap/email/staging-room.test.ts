import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import { StagingRoom } from './staging-room.ts'

const usage = { usedBytes: 40, messages: 1 }
const limits = { bytes: 100, messages: 0, mailboxes: 0 }

/** How many bytes of a message of so many pieces of ten went by. */
async function staged(room: StagingRoom, pieces: number): Promise<number | 'overQuota'> {
  async function* message(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < pieces; i++) yield Buffer.alloc(10)
  }
  let bytes = 0
  try {
    for await (const piece of room.within(message())) bytes += piece.length
    return bytes
  } catch (error) {
    assert.ok(isFault(error, 'overQuota'), String(error))
    return 'overQuota'
  }
}

test('a message that the quota has no room for is not staged to its end', async () => {
  const room = new StagingRoom(usage, limits, 0)
  assert.equal(await staged(room, 7), 'overQuota')
  assert.equal(await staged(room, 6), 60, 'what was refused has taken no room')
})

test('all messages of a call have room together, with something for those that are refused in the end', async () => {
  const room = new StagingRoom(usage, limits, 50)
  assert.deepEqual([await staged(room, 6), await staged(room, 5)], [60, 50])
  assert.equal(await staged(room, 1), 'overQuota')
})

test('without a quota there is room for all, and a full account has none', async () => {
  const room = new StagingRoom(usage, { ...limits, bytes: 0 }, 0)
  assert.deepEqual([await staged(room, 100), await staged(room, 100)], [1000, 1000])
  const full = new StagingRoom(usage, { bytes: 0, messages: 1, mailboxes: 0 })
  assert.equal(await staged(full, 1), 'overQuota')
})
