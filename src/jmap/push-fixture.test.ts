/** A server with push subscriptions at work, and the push service that they are sent to, for the tests of this folder. */
import assert from 'node:assert/strict'
import { userAccess } from '#account/fixture.test.ts'
import { pushSubscriptionTable } from '#account/push-subscription.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from './fixture.test.ts'
import { PushDispatcher } from './push-dispatcher.ts'
import { PushReceiver, type ReceivedPush } from './push-receiver.test.ts'
import { PushTurns } from './push-turns.ts'
import { StateWatch } from './state-watch.ts'
import type { JsonObject } from './value.ts'
import { VerificationLimit } from './verification-limit.ts'

const quick = { pushThrottle: 0, pushRetryWait: 10, pushAttemptWait: 1000 }

export interface Pushing extends AsyncDisposable {
  readonly server: JmapTestServer
  readonly receiver: PushReceiver
  /** What failed, by its reason. */
  readonly told: readonly { readonly event: string; readonly [field: string]: unknown }[]
  dispatcher: PushDispatcher
  /** As after a restart. */
  restart(): Promise<void>
  call(name: string, args: object, as?: string): Promise<Record<string, JsonObject>>
  /** Made, and asked for; with the code. */
  create(
    more?: object,
    as?: string,
  ): Promise<{ readonly id: string; readonly code: string; readonly push: ReceivedPush }>
  verified(more?: object, as?: string): Promise<string>
  rows(): Promise<number>
}

export async function startPushing(settings: object = {}): Promise<Pushing> {
  const server = await JmapTestServer.start({ ...quick, ...settings })
  const receiver = await PushReceiver.start()
  const told: { readonly event: string; readonly [field: string]: unknown }[] = []
  const open = (): PushDispatcher =>
    new PushDispatcher(server.bus, {
      services: server.services,
      stateWatch: new StateWatch({ services: server.services, accountWatch: server.accountWatch }),
      accessWatch: server.accessWatch,
      accessOf: async (id) => {
        const person = server.people.find((one) => one.id === id)
        return person === undefined ? undefined : userAccess(id, person.name)
      },
      sender: receiver.sender,
      turns: new PushTurns(),
      limit: new VerificationLimit(),
      telemetry: {
        ...silentTelemetry,
        emit: (kind, values) => void told.push({ event: kind.name, ...values }),
      },
    })
  const call: Pushing['call'] = async (name, args, as) =>
    (await server.call(
      name,
      { accountId: undefined, ...args },
      as === undefined ? {} : { as },
    )) as unknown as Record<string, JsonObject>
  const pushing: Pushing = {
    server,
    receiver,
    told,
    dispatcher: open(),
    call,
    async restart() {
      await pushing.dispatcher[Symbol.asyncDispose]()
      pushing.dispatcher = open()
      await pushing.dispatcher.settled()
    },
    async create(more = {}, as) {
      const wanted = { deviceClientId: 'd', url: receiver.url('/push?device=1'), ...more }
      const { created } = await call('PushSubscription/set', { create: { k: wanted } }, as)
      const id = (created!['k'] as JsonObject)['id'] as string
      const push = await receiver.next()
      const [, row] = (await server.db.read((tx) => tx.list(pushSubscriptionTable, []))).find(
        ([[, one]]) => `P${one}` === id,
      )!
      return { id, push, code: row.code }
    },
    async verified(more, as) {
      const { id, code } = await pushing.create(more, as)
      const { notUpdated } = await call(
        'PushSubscription/set',
        { update: { [id]: { verificationCode: code } } },
        as,
      )
      assert.equal(notUpdated, null)
      return id
    },
    rows: async () => (await server.db.read((tx) => tx.list(pushSubscriptionTable, []))).length,
    async [Symbol.asyncDispose]() {
      await pushing.dispatcher[Symbol.asyncDispose]()
      await receiver[Symbol.asyncDispose]()
    },
  }
  return pushing
}

export const json = ({ body }: ReceivedPush): Record<string, unknown> =>
  JSON.parse(body.toString('utf8')) as Record<string, unknown>

export const typesOf = (push: ReceivedPush, of = accountId): readonly string[] =>
  Object.keys((json(push)['changed'] as Record<string, object>)[of]!).sort()

export const touch = (p: Pushing, type: 'Identity' | 'Thread' = 'Identity'): Promise<void> =>
  p.server.db.write([account], async (tx) => tx.changed(account, type, 1, 'updated'))

export const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve))
}
