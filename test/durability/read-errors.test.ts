/**
 * The disk does not give what is stored. Nobody is told a lie: no empty message, none that is gone, none that a search
 * did not find; whoever wants the bytes is told that they cannot be had now. What needs none of them goes on, nothing is
 * deleted, the administrator is told which file it is, and when the disk is well all is as before.
 *
 * Faults that turn it red, each planted by hand and seen: what cannot be read is taken for gone; the error of the system
 * is thrown as it is; nobody tells the administrator; a search takes what cannot be read for no match.
 */
import assert from 'node:assert/strict'
import { readdirSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { startServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { needs } from '../interop/program.ts'
import { alice, password, World } from './acknowledged-world.ts'
import { ConnectionEnded } from './client.ts'
import { FailingCalls } from './failing-calls.ts'
import { expectCleanCheck } from './inspect.ts'
import { enginesUnderTest, loadConfig } from './load-accounts.ts'

const { skip } = needs('strace')
const reads = ['pread64', 'preadv', 'read', 'readv', 'preadv2']

const small = 'From: a@example.org\r\nSubject: small\r\nX-Load: small\r\n\r\nthe needle is here\r\n'
/** Of many chunks, a file of its own. */
const large = `From: a@example.org\r\nSubject: large\r\nX-Load: large\r\n\r\n${'and the haystack is here\r\n'.repeat(20_000)}`

for (const engine of enginesUnderTest)
  describe(`what cannot be read, ${engine}`, { skip }, () => {
    it('is said to be so, and is there when the disk is well', async () => {
      const directory = realpathSync(temporaryDirectory())
      try {
        await using server = await startServer({ engine, directory, config: loadConfig })
        await server.createAccount(alice, password)
        const world = await World.open(server, server.adminPassword!)
        for (const text of [small, large])
          assert.equal((await world.imap('APPEND INBOX ()', Buffer.from(text))).done, true)
        const ids = await Promise.all(['small', 'large'].map((key) => world.emailId(key)))
        const { list } = await world.call('Email/get', { ids, properties: ['blobId'] })
        const blobIds = (list as { blobId: string }[]).map(({ blobId }) => blobId)
        const blobs = join(directory, 'data/blobs')
        const files = readdirSync(blobs).filter((name) => name.endsWith('.seg'))
        assert.equal(files.length, 2)
        const bodies = { ids: ids.slice(0, 1), properties: ['bodyValues'], fetchAllBodyValues: true }
        const mailboxIds = { [await world.mailboxId('INBOX')]: true }
        const imported = { emails: { i: { blobId: blobIds[0], mailboxIds } } }
        const everything = async (): Promise<readonly string[]> => {
          const fetched = await world.imap('UID FETCH 1 (BODY.PEEK[])')
          const found = await world.imap('UID SEARCH BODY needle')
          return [
            `${fetched.text} ${fetched.untagged}`,
            `${found.text} ${found.untagged}`,
            JSON.stringify(await world.call('Email/get', bodies)),
            JSON.stringify(await world.call('Email/query', { filter: { body: 'needle' } })),
            JSON.stringify(await world.call('Email/import', imported)),
            JSON.stringify(await world.call('Email/parse', { blobIds: blobIds.slice(0, 1) })),
            ...(await Promise.all(blobIds.map((blobId) => world.download(blobId)))),
          ]
        }
        const refusals = [
          /^NO \[UNAVAILABLE\] [^(]*$/,
          /^NO \[UNAVAILABLE\] [^*]*$/,
          /^\{"type":"serverUnavailable"/,
          /^\{"type":"serverUnavailable"/,
          /"notCreated":\{"i":\{"type":"serverFail"/,
          /^\{"type":"serverUnavailable"/,
          /^503 /,
          /^503 /,
        ]
        const answers = [
          /^OK .*the needle is here/s,
          /^OK .*SEARCH 1\b/s,
          /the needle is here/,
          /"ids":\["/,
          /"created":\{"i"/,
          /"parsed":\{"/,
          /^200 .*the needle is here/s,
          /^200 .*the haystack is here/s,
        ]
        await world.imap('SELECT INBOX')
        {
          const on = files.map((name) => join(blobs, name))
          await using _failing = await FailingCalls.of(server.process.pid, reads, { on })
          for (const [i, said] of (await everything()).entries()) assert.match(said, refusals[i]!)
          const listed = await world.imap('UID FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)')
          assert.match(listed.untagged, /small.*large/s)
          assert.equal(listed.done, true)
          // Of a large one the answer has begun: it ends in the middle, and cannot be taken for a whole one.
          const another = await World.open(server, server.adminPassword!)
          await another.imap('SELECT INBOX')
          await assert.rejects(another.imap('UID FETCH 2 (BODY.PEEK[])'), ConnectionEnded)
          await server.process.printed('server.storage-unreadable')
          assert.ok(on.some((file) => server.process.output.includes(`${file} at `)))
        }
        for (const [i, said] of (await everything()).entries()) assert.match(said, answers[i]!)
        world.close()
        assert.equal((await server.process.stop()).code, 0)
        await expectCleanCheck(join(directory, 'data'))
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    })
  })
