import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { makeQueue } from './fixture.test.ts'
import { countSent, sentTable } from './sending-limit.ts'

const alice = 1 as AccountId
const hour = 3_600_000

test('so many an hour and a day, and no more; what is refused does not count', async () => {
  const { db } = makeQueue()
  const limits = { perHour: 10, perDay: 25 }
  const send = async (recipients: number, now: number): Promise<string> => {
    try {
      await db.write([alice], (tx) => countSent(tx, alice, recipients, { now, limits }))
      return 'sent'
    } catch (error) {
      return isFault(error, 'rateLimited') ? error.message : String(error)
    }
  }
  assert.equal(await send(8, 0), 'sent')
  assert.match(await send(3, 0), /more than 10 recipients an hour/)
  assert.equal(await send(2, hour - 1), 'sent')
  assert.equal(await send(10, hour), 'sent')
  assert.match(await send(6, 2 * hour), /more than 25 recipients a day/)
  assert.equal(await send(5, 2 * hour), 'sent')
  // The first hour is a day old.
  assert.equal(await send(10, 24 * hour), 'sent')
  const row = await db.read((tx) => tx.get(sentTable, alice))
  assert.deepEqual(row, { 1: 10, 2: 5, 24: 10 })
})

test('many at once are counted one after the other', async () => {
  const { db } = makeQueue()
  const o = { now: 0, limits: { perHour: 10, perDay: 0 } }
  const all = await Promise.allSettled(
    Array.from({ length: 30 }, () => db.write([alice], (tx) => countSent(tx, alice, 1, o))),
  )
  assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 10)
})
