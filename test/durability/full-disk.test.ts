/**
 * A full disk: mail is refused so that senders keep it, deleting still works, nothing that was acknowledged is
 * lost, and when there is space again mail is taken again without anybody's help. Over every protocol, each operation
 * that brings bytes is refused as its protocol says, others are done or refused, and what was done is there after a kill.
 *
 * A fault that turns it red, planted by hand and seen: the disk's own error is thrown where a large message is staged.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { startServer, type TestServer } from '../harness/server.ts'
import { operations, prepare } from './acknowledged-operations.ts'
import { alice, bob, dave, World } from './acknowledged-world.ts'
import { ImapClient, SmtpClient } from './client.ts'
import { expectCleanCheck, expectSoundStore } from './inspect.ts'
import { type Action, expectedStates } from './ledger.ts'
import { password } from './load.ts'
import type { LoadAccount } from './load-user.ts'
import { createAccounts, enginesUnderTest, loadConfig } from './load-accounts.ts'
import { messageOf } from './messages.ts'
import { readAccount } from './read-account.ts'
import { SmallDisk } from './small-disk.ts'
import { differences } from './verify.ts'

const reserveBytes = 12 << 20
/** Free space is looked at twice a second; this many tries, 100 ms apart, are far more than that. */
const mostTries = 300

/** One user with one session of each kind, who notes what was answered. */
class User {
  readonly #account: LoadAccount
  readonly #smtp: SmtpClient
  readonly #imap: ImapClient
  #messages = 0

  private constructor(account: LoadAccount, smtp: SmtpClient, imap: ImapClient) {
    this.#account = account
    this.#smtp = smtp
    this.#imap = imap
  }

  static async open(server: TestServer, account: LoadAccount): Promise<User> {
    const imap = await ImapClient.open(server.imapPort, { user: account.name, password, tagPrefix: 'd' })
    await imap.command('SELECT Archive')
    return new User(account, await SmtpClient.open(server.smtpPort), imap)
  }

  async deliver(): Promise<number> {
    const key = `d${++this.#messages}`
    const { code } = await this.#smtp.deliver([this.#account.name], messageOf(key))
    if (code === 250) this.#note({ kind: 'deliver', key })
    return code
  }

  async append(): Promise<string> {
    const key = `a${++this.#messages}`
    const { status, text } = await this.#imap.command('APPEND Archive ()', messageOf(key))
    const uid = Number(/APPENDUID \d+ (\d+)/.exec(text)?.[1])
    if (status === 'OK') this.#note({ kind: 'append', mailbox: 'Archive', key, flags: [], uid })
    return status
  }

  /** Marks a message and removes it; both must succeed. */
  async remove(uid: number): Promise<void> {
    const stored = await this.#imap.command(`UID STORE ${uid} +FLAGS (\\Deleted \\Seen)`)
    assert.equal(stored.status, 'OK', stored.text)
    const flags = ['\\Deleted', '\\Seen']
    this.#note({ kind: 'store', mailbox: 'Archive', uids: [uid], how: '+', flags })
    const expunged = await this.#imap.command('EXPUNGE')
    assert.equal(expunged.status, 'OK', expunged.text)
    this.#note({ kind: 'expunge', mailbox: 'Archive' })
  }

  /** Delivers until the answer is this one. */
  async deliverUntil(wanted: number): Promise<void> {
    for (let tries = 0; tries < mostTries; tries++) {
      const code = await this.deliver()
      if (code === wanted) return
      assert.ok(code === 250 || code === 452, `a delivery was answered ${code}`)
      await wait(100)
    }
    assert.fail(`no delivery was answered ${wanted}`)
  }

  #note(action: Action): void {
    this.#account.steps.push({ account: this.#account.name, action, token: undefined, answered: true })
  }
}

async function expectNothingLost(server: TestServer, account: LoadAccount): Promise<void> {
  const { state, wrong } = await readAccount(server.imapPort, account.name)
  const expected = expectedStates(account.base, account.steps, account.used, () => true)
  const all = [...wrong, ...differences(expected, state)]
  assert.deepEqual(all, [], all.join('\n'))
}

for (const engine of enginesUnderTest) {
  describe(`full disk, ${engine}`, () => {
    it('refuses mail, deletes, loses nothing and recovers by itself', async (t) => {
      using disk = SmallDisk.mount(80 << 20)
      if (disk === undefined) return t.skip('only root can mount a small file system')
      const { directory } = disk
      await using server = await startServer({ engine, directory, config: loadConfig, reserveBytes })
      const [account] = (await createAccounts(server, 1)) as [LoadAccount]
      const user = await User.open(server, account)
      for (let i = 0; i < 30; i++) {
        assert.equal(await user.deliver(), 250)
        assert.equal(await user.append(), 'OK')
      }

      disk.fill(reserveBytes - (2 << 20))
      await user.deliverUntil(452)
      assert.equal(await user.append(), 'NO')
      await user.remove(1)
      await server.process.printed('server.storage-trouble')

      // Somebody else takes the reserve as well: what changes little still fits into the journal's own space.
      disk.fill(0)
      // It lasts longer than the time between checkpoints, which fail now and are tried again.
      for (let uid = 2; uid <= 20; uid++) {
        await user.remove(uid)
        assert.equal(await user.deliver(), 452)
        await wait(100)
      }
      assert.equal(await user.append(), 'NO')
      await expectNothingLost(server, account)

      disk.free()
      await user.deliverUntil(250)
      assert.equal(await user.append(), 'OK')
      await user.remove(21)
      await expectNothingLost(server, account)
      await server.process.stop()
      await expectSoundStore(engine, join(directory, 'data'))
      await expectCleanCheck(join(directory, 'data'))
    })

    it('is told as each protocol says, and what is said to be done is done', async (t) => {
      using disk = SmallDisk.mount(100 << 20)
      if (disk === undefined) return t.skip('only root can mount a small file system')
      const { directory } = disk
      const start = (): Promise<TestServer> =>
        startServer({ engine, directory, config: loadConfig, reserveBytes })
      let server = await start()
      const admin = server.adminPassword!
      try {
        for (const name of [alice, bob, dave]) await server.createAccount(name, password)
        let world = await World.open(server, admin)
        await prepare(world)
        const wrong: string[] = []
        const told = new Map<string, boolean>()
        disk.fill(0)
        // Free space is looked at twice a second, by a machine that has the time for it.
        while ((await world.upload('x')).done) await wait(100)
        for (const { name, ask, refusal, brings } of operations) {
          const { done, text } = await ask(world)
          told.set(name, done)
          if (done ? brings : !refusal.test(text)) wrong.push(`${name} on a full disk: ${text}`)
        }
        const large = 'x'.repeat(1 << 20)
        // One that is refused while it is being sent may find the connection ended before the answer.
        const refusal = await world.upload(large).then(({ text }) => text, String)
        assert.match(refusal, /^503 |fetch failed/)
        assert.match((await world.imap('APPEND Work ()', Buffer.from(large))).text, /^NO \[UNAVAILABLE\] /)
        assert.equal((await world.select('Work', 'UID FETCH 1 (BODY.PEEK[])')).done, true)
        await server.process.printed('server.storage-trouble')
        disk.free()
        // The connection of the upload that was not read to its end is closed: the next may find it so.
        const hasRoom = (): Promise<boolean> =>
          world.upload('x').then(
            ({ done }) => done,
            () => false,
          )
        while (!(await hasRoom())) await wait(100)
        for (const { name, ask, brings } of operations)
          if (brings) {
            const { done, text } = await ask(world)
            told.set(name, done)
            if (!done) wrong.push(`${name} when there is room again: ${text}`)
          }
        world.close()
        await server.process.stop('SIGKILL')
        server = await start()
        world = await World.open(server, admin)
        for (const { name, isThere } of operations)
          if ((await isThere(world)) !== told.get(name))
            wrong.push(`${name} was told ${told.get(name)}, and is not so`)
        assert.deepEqual(wrong, [], wrong.join('\n'))
        world.close()
        await server.process.stop()
        await expectCleanCheck(join(directory, 'data'))
      } finally {
        await server.process.stop('SIGKILL')
      }
    })
  })
}
