/**
 * The server is killed at random moments while a user's devices subscribe to changes (RFC 8620 §7.2), and changes come
 * by delivery, over IMAP and over JMAP. After each restart, with nothing that changes any more: every subscription
 * that was acknowledged is there, or gone where that was; what was confirmed remains so; and each device has been
 * told, in messages whose receipt it acknowledged, the newest state of each type that it asked for and that changed.
 *
 * Faults that turn it red, each planted by hand and seen, all but the last in `push-subscriber.ts`: `told` put before a
 * change is sent; what a device is told from read where a verification is sent, so a second time with a second one;
 * the row put back as it was read, not as it is now, when the verification was sent; with two workers, no
 * check of rows of no account in `kv/transaction.ts`; in `push-dispatcher.ts` no look at the start.
 *
 * POSTERN_KILL_ROUNDS: rounds for each number of workers, 6 by default.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { PushReceiver } from '#jmap/push-receiver.test.ts'
import { certificatePath } from '../harness/certificates.ts'
import { startDns } from '../harness/dns.ts'
import { Random } from '../harness/random.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { expectCleanCheck } from './inspect.ts'
import { loadConfig } from './load-accounts.ts'
import { PushDevices } from './push-devices.ts'
import { deliver, name, password, PushUser } from './push-user.ts'

const rounds = Number(process.env['POSTERN_KILL_ROUNDS'] ?? 6)

// Side by side: they wait most of the time.
describe('devices', { concurrency: true }, () => {
  for (const workers of [1, 2])
    it(`devices learn of every change, over ${rounds} kills, workers: ${workers}`, () =>
      killAgainAndAgain(workers))
})

async function killAgainAndAgain(workers: number): Promise<void> {
  const random = new Random()
  const directory = temporaryDirectory()
  process.env['NODE_EXTRA_CA_CERTS'] = certificatePath('root')
  await using receiver = await PushReceiver.start()
  await using dns = await startDns({ 'push.example.com': { A: ['127.0.0.1'] } })
  const config = `${dns.config}
${loadConfig}
[Jmap]
eventSourceThrottle = 0
maxSubscriptions = 1000
maxConcurrentRequests = 1000
pushThrottle = 0
pushRetryWait = 10
pushAttemptWait = 1000
pushPrivateNetworks = true
[Http]
rateLimitAuthenticated = "off"
`
  const devices = new PushDevices(receiver, random)
  const start = (): Promise<TestServer> => startServer({ directory, workers, config })
  let server = await start()
  try {
    await server.createAccount(name, password)
    await deliver(server)
    for (let round = 1; round <= rounds; round++) {
      await loadUntilKilled(server, devices, { random, round })
      devices.life++
      server = await start()
      const wrong = await devices.wrongWith(new PushUser(server))
      assert.deepEqual(wrong, [], `round ${round}, seed ${random.seed}:\n${wrong.join('\n')}`)
    }
    await server.process.stop()
    await expectCleanCheck(join(directory, 'data'))
    const { confirmed, destroyed } = devices
    assert.ok(confirmed >= rounds && destroyed > 0, `${confirmed} were confirmed, ${destroyed} destroyed`)
  } finally {
    await server.process.stop('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
}

async function loadUntilKilled(
  server: TestServer,
  devices: PushDevices,
  { random, round }: { readonly random: Random; readonly round: number },
): Promise<void> {
  const user = new PushUser(server)
  let isKilled = false
  const again = async (one: () => Promise<void>, leastMs: number): Promise<void> => {
    while (!isKilled) {
      await one()
      await wait(leastMs + random.below(60))
    }
  }
  let n = 0
  const work = [
    again(() => deliver(server), 40),
    again(() => user.flag(), 20),
    again(() => user.createMailbox(`r${round}-${n++}`), 150),
    again(() => devices.subscribe(user), 30),
    again(() => devices.subscribe(user), 30),
    again(() => devices.destroyOne(user), 200),
  ]
  const changes = Promise.allSettled(work)
  await wait(500 + random.below(900))
  // A kill of a server that did nothing shows nothing.
  while (devices.confirmed < 2 * round || devices.destroyed === 0) await Promise.race([...work, wait(20)])
  await server.process.stop('SIGKILL')
  isKilled = true
  devices.stop()
  for (const change of await changes)
    if (change.status === 'rejected')
      assert.match(String(change.reason), /fetch failed|terminated|JSON|the server (?:ended|was killed)/)
}
