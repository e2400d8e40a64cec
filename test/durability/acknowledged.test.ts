/**
 * Each operation that a client can be answered "done" for, in two ways. While the disk fails to sync, none of them is
 * acknowledged, each is refused as its protocol says, and nothing of it is there after a kill; reading and signing in
 * go on. When the disk is well, each is acknowledged, and is there after a kill.
 *
 * A fault that turns it red, planted by hand and seen: the journal is not synced.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startServer, type TestServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { needs } from '../interop/program.ts'
import { operations, prepare } from './acknowledged-operations.ts'
import { alice, bob, dave, password, World } from './acknowledged-world.ts'
import { FailingCalls } from './failing-calls.ts'
import { expectCleanCheck } from './inspect.ts'
import { enginesUnderTest, loadConfig } from './load-accounts.ts'

const { skip } = needs('strace')

// Side by side: they wait most of the time.
describe('acknowledged', { skip, concurrency: true }, () => {
  for (const [i, engine] of enginesUnderTest.entries()) {
    const workers = i + 1
    describe(`${engine}, workers: ${workers}`, () => {
      it(`means on disk, for ${operations.length} operations`, async () => {
        const directory = temporaryDirectory()
        const start = (): Promise<TestServer> =>
          startServer({ engine, directory, workers, config: loadConfig })
        let server = await start()
        const admin = server.adminPassword!
        try {
          for (const name of [alice, bob, dave]) await server.createAccount(name, password)
          let world = await World.open(server, admin)
          await prepare(world)

          const wrong: string[] = []
          {
            await using _failing = await FailingCalls.of(server.process.pid, ['fsync', 'fdatasync'])
            for (const { name, ask, refusal } of operations) {
              const { done, text } = await ask(world)
              if (done || !refusal.test(text)) wrong.push(`${name} on a disk that fails: ${text}`)
            }
            assert.equal((await world.select('Work', 'UID FETCH 1 (BODY.PEEK[])')).done, true)
            ;(await World.open(server, admin)).close()
          }
          const again = async (): Promise<void> => {
            world.close()
            await server.process.stop('SIGKILL')
            server = await start()
            world = await World.open(server, admin)
          }
          await again()
          for (const { name, isThere } of operations)
            if (await isThere(world)) wrong.push(`${name} was refused and is there`)
          for (const { name, ask } of operations) {
            const { done, text } = await ask(world)
            if (!done) wrong.push(`${name}: ${text}`)
          }
          await again()
          for (const { name, isThere } of operations)
            if (!(await isThere(world))) wrong.push(`${name} was acknowledged and is not there`)
          assert.deepEqual(wrong, [], wrong.join('\n'))
          world.close()
          await server.process.stop()
          await expectCleanCheck(join(directory, 'data'))
        } finally {
          await server.process.stop('SIGKILL')
          await rm(directory, { recursive: true, force: true })
        }
      })
    })
  }
})
