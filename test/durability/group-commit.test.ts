/**
 * Group commit: what arrives while a sync is under way shares the next one, whatever worker it came to. Counted
 * in a record of the real server's system calls.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { needs } from '../interop/program.ts'
import { SmtpClient } from './client.ts'
import { messageOf } from './messages.ts'
import { readRecording, straceCommand, type TraceEvent } from './recording.ts'

const deliveries = 256
const inFlight = 64
/** Far from one each, also where a busy machine lets a worker do a few at a time only. */
const mostSyncs = 64
/** As many as deliveries at a time: what waits for one account shares a commit anyway. */
const accounts = inFlight

const { skip } = needs('strace')

describe('group commit', { skip }, () => {
  for (const workers of [1, 2]) {
    it(`${deliveries} deliveries, ${inFlight} at a time, ${workers} worker${workers > 1 ? 's' : ''}: at most ${mostSyncs} syncs`, async (t) => {
      const events = await recordDeliveries(workers)
      const accepted = events.filter(
        (event) => event.kind === 'sent' && String(event.data).startsWith('250 2.0.0 Message accepted'),
      )
      assert.equal(accepted.length, deliveries + 1)
      // The first one made the journal's file.
      const first = accepted[0]!.at
      const last = accepted.at(-1)!.at
      const syncs = events.filter(
        (event) =>
          event.kind === 'sync' && event.path.endsWith('.log') && event.at > first && event.at < last,
      )
      t.diagnostic(`${syncs.length} syncs`)
      assert.ok(syncs.length <= mostSyncs, `${syncs.length} syncs`)
    })
  }
})

async function recordDeliveries(workers: number): Promise<readonly TraceEvent[]> {
  const directory = temporaryDirectory()
  const record = join(directory, 'record.strace')
  try {
    await using server = await startServer({ workers, directory, through: straceCommand(record) })
    const names = Array.from({ length: accounts }, (_, i) => `user${i}@example.org`)
    for (const name of names) await server.createAccount(name, 'a-password-for-nobody')
    const clients = await Promise.all(
      Array.from({ length: inFlight }, () => SmtpClient.open(server.smtpPort)),
    )
    assert.equal((await clients[0]!.deliver([names[0]!], smallMessage(-1, 0))).code, 250)
    for (let wave = 0; wave < deliveries / inFlight; wave++) {
      await Promise.all(clients.map((client, i) => client.prepare([names[i % accounts]!])))
      // All of them are there when the server looks, however slow this process is at sending them.
      server.process.kill('SIGSTOP')
      const answering = clients.map((client, i) => client.finish(smallMessage(wave, i)))
      await Promise.all(clients.map((client) => client.flushed()))
      server.process.kill('SIGCONT')
      const answers = await Promise.all(answering)
      for (const { code, text } of answers) assert.equal(code, 250, text)
    }
    for (const client of clients) client.close()
    await server.process.stop()
    return await readRecording(record, join(directory, 'data'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Never one that takes a file of its own, which has syncs of its own. */
function smallMessage(wave: number, i: number): Buffer {
  const message = messageOf(`g${wave}x${i}`)
  const head = message.indexOf('\r\n\r\n') + 4
  return message.subarray(0, head + 10 * 78)
}
