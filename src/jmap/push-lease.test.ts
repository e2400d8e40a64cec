/** Several servers of one store: of all dispatchers one sends at a time (`server/background/push.ts` puts them under a lease). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { userAccess } from '#account/fixture.test.ts'
import { pushSubscriptionTable } from '#account/push-subscription.ts'
import { systemClock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import { LeasedWork } from '#tasks/lease.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from './fixture.test.ts'
import { PushDispatcher } from './push-dispatcher.ts'
import { PushReceiver, type ReceivedPush } from './push-receiver.test.ts'
import { PushTurns } from './push-turns.ts'
import { StateWatch } from './state-watch.ts'
import type { JsonObject } from './value.ts'
import { VerificationLimit } from './verification-limit.ts'

/** One is lost where a machine stands still for two thirds of it. */
const leaseMs = 4500

/** One server of several. Once it is cut off, what it writes is not answered. */
interface Peer {
  readonly work: LeasedWork
  cut(): void
}

class Peers implements AsyncDisposable {
  readonly server: JmapTestServer
  readonly receiver: PushReceiver

  private constructor(server: JmapTestServer, receiver: PushReceiver) {
    this.server = server
    this.receiver = receiver
  }

  static async start(): Promise<Peers> {
    const server = await JmapTestServer.start({ pushThrottle: 0, pushRetryWait: 10, pushAttemptWait: 1000 })
    return new Peers(server, await PushReceiver.start())
  }

  open(holder: string): Peer {
    const { server, receiver } = this
    let isCut = false
    const db: Db = {
      read: (body) => server.db.read(body),
      write: (accounts, body, o) => (isCut ? new Promise(() => {}) : server.db.write(accounts, body, o)),
    }
    const services = { ...server.services, db }
    const dispatcher = (): PushDispatcher =>
      new PushDispatcher(server.bus, {
        services,
        stateWatch: new StateWatch({ services, accountWatch: server.accountWatch }),
        accessWatch: server.accessWatch,
        accessOf: async (id) => userAccess(id, 'fred@example.org'),
        sender: receiver.sender,
        turns: new PushTurns(),
        limit: new VerificationLimit(),
        telemetry: silentTelemetry,
      })
    const work = new LeasedWork('web-push', { db, clock: systemClock, holder, leaseMs }, dispatcher)
    return { work, cut: () => (isCut = true) }
  }

  async subscribe(): Promise<void> {
    const wanted = { deviceClientId: 'd', url: this.receiver.url('/push') }
    await this.#set({ create: { k: wanted } })
    const { pushSubscriptionId: id, verificationCode } = json(await this.receiver.next())
    await this.#set({ update: { [id as string]: { verificationCode } } })
  }

  touch(): Promise<void> {
    return this.server.db.write([account], async (tx) => tx.changed(account, 'Identity', 1, 'updated'))
  }

  /** Up to which change the row says that it was told. */
  async told(): Promise<string> {
    const [row] = await this.server.db.read((tx) => tx.list(pushSubscriptionTable, []))
    return row![1].told
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.receiver[Symbol.asyncDispose]()
  }

  async #set(args: object): Promise<void> {
    const answer = (await this.server.call('PushSubscription/set', {
      accountId: undefined,
      ...args,
    })) as unknown as Record<string, JsonObject | null>
    assert.deepEqual([answer['notCreated'], answer['notUpdated']], [null, null])
  }
}

const json = ({ body }: ReceivedPush): JsonObject => JSON.parse(body.toString('utf8')) as JsonObject

const stateOf = (push: ReceivedPush): string =>
  (json(push)['changed'] as Record<string, Record<string, string>>)[accountId]!['Identity']!

describe('several servers of one store', { concurrency: true }, () => {
  // Fault that turns it red: dispatchers without a lease.
  it('tell a subscription of a change once, also while they take turns', async () => {
    await using peers = await Peers.start()
    let one = peers.open('one')
    await using two = peers.open('two').work
    await peers.subscribe()
    const states: string[] = []
    for (let i = 0; i < 12; i++) {
      if (i === 6) await one.work[Symbol.asyncDispose]()
      await peers.touch()
      states.push(stateOf(await peers.receiver.next()))
    }
    one = peers.open('one')
    await one.work[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
    assert.equal(new Set(states).size, 12)
    assert.equal(peers.receiver.waiting, 0)
  })

  // Faults that turn it red: what was told is written before it is sent; a lease without an end.
  it('take over from one that stops without a word, and lose nothing', async () => {
    await using peers = await Peers.start()
    const one = peers.open('one')
    await peers.subscribe()
    await peers.touch()
    const first = stateOf(await peers.receiver.next())
    // The next message is taken, but the answer does not reach the one who sent it, and nobody hears of that.
    const before = await peers.told()
    peers.receiver.answer = () => undefined
    await peers.touch()
    const unanswered = stateOf(await peers.receiver.next())
    one.cut()
    await using _two = peers.open('two').work
    peers.receiver.answer = () => 201
    const again = stateOf(await peers.receiver.next())
    assert.ok(again === unanswered && again !== first)
    while ((await peers.told()) === before) await new Promise((resolve) => setImmediate(resolve))
    await peers.touch()
    const last = stateOf(await peers.receiver.next())
    assert.notEqual(last, again)
    assert.equal(peers.receiver.waiting, 0)
  })
})
