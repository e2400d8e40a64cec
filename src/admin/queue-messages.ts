/**
 * `/api/queue/messages`: mail that waits, in the words of the classic interface. Everything goes through the
 * management of `QueuedMessage`, with its permissions and its audit log.
 */
import type { Context } from 'hono'
import type { Shown } from '#registry/change.ts'
import type { Scope } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import type { QueueControl } from '#queue/control.ts'
import { dateTime, text } from '#settings/field.ts'
import type { JsonSchema } from '#settings/json-schema.ts'
import type { Fields, Values } from '#settings/values.ts'
import type { AdminEnv } from './gate.ts'
import { pageFields, pageOf, queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface QueueMessageOptions {
  readonly management: Management
  readonly queue: Pick<QueueControl, 'paused'>
}

const object = 'QueuedMessage'
const base = '/api/queue/messages'
const tag = 'Queue'

const part = (help: string) => text({ fallback: undefined, help, longest: 320 })

const filterFields = {
  text: part('Only where the sender or a recipient has this in it.'),
  from: part('Only where the sender has this in it.'),
  to: part('Only where a recipient has this in it.'),
  before: dateTime({ fallback: undefined, help: 'Only where a recipient is tried before this time.' }),
  after: dateTime({ fallback: undefined, help: 'Only where a recipient is tried at this time or later.' }),
} as const satisfies Fields

const listFields = {
  ...filterFields,
  ...pageFields,
  values: text({
    fallback: undefined,
    help: 'With 1 whole messages are listed, otherwise their ids.',
    allowed: '0 or 1',
    normalise: (given) =>
      /^(?:1|true|)$/i.test(given) ? '1' : /^(?:0|false)$/i.test(given) ? '0' : undefined,
  }),
} as const satisfies Fields

const atField = dateTime({ fallback: undefined, help: 'When it is tried; now where absent.' })
const oneField = part('Only recipients that have this in them.')

const isDone: JsonSchema = { type: 'boolean', description: 'Whether anything matched.' }
const anyObject: JsonSchema = { type: 'object' }

export function queueMessageRoutes(o: QueueMessageOptions): readonly ApiRoute[] {
  const { management } = o
  const retryQuery = { ...filterFields, at: atField }
  return [
    {
      method: 'GET',
      path: base,
      tag,
      summary: 'List mail that waits',
      permissions: ['sysQueuedMessageQuery'],
      query: listFields,
      data: anyObject,
      handle: async (c) => {
        const query = queryOf(c, listFields)
        const scope = scopeOf(c)
        const { ids, ...counted } = await management.query(
          object,
          { ...pageOf(query), filter: filterOf(query) },
          scope,
        )
        const items =
          query['values'] === '1' ? (await management.getMany(object, ids, scope)).map(classic) : ids
        return c.json({ data: { items, ...counted, status: o.queue.paused === undefined } })
      },
    },
    {
      method: 'PATCH',
      path: base,
      tag,
      summary: 'Try all that match now, or at another time',
      permissions: ['sysQueuedMessageUpdate'],
      query: retryQuery,
      data: isDone,
      handle: async (c) => {
        const query = queryOf(c, retryQuery)
        const change = { verb: 'update', filter: filterOf(query), given: retryOf(query) } as const
        return c.json({ data: (await management.changeAll(object, change, scopeOf(c))) > 0 })
      },
    },
    {
      method: 'DELETE',
      path: base,
      tag,
      summary: 'Take all that match out of the queue',
      permissions: ['sysQueuedMessageDestroy'],
      query: filterFields,
      data: isDone,
      handle: async (c) => {
        const change = { verb: 'destroy', filter: filterOf(queryOf(c, filterFields)) } as const
        return c.json({ data: (await management.changeAll(object, change, scopeOf(c))) > 0 })
      },
    },
    ...oneMessageRoutes(management),
  ]
}

function oneMessageRoutes(management: Management): readonly ApiRoute[] {
  const retryOneQuery = { at: atField, filter: oneField }
  const cancelOneQuery = { filter: oneField }
  const message = (id: string, scope: Scope): Promise<Shown> => management.get(object, id, scope)
  return [
    {
      method: 'GET',
      path: `${base}/:id`,
      tag,
      summary: 'Show a message that waits',
      permissions: ['sysQueuedMessageGet'],
      data: anyObject,
      handle: async (c) => c.json({ data: classic(await message(c.req.param('id')!, scopeOf(c))) }),
    },
    {
      method: 'PATCH',
      path: `${base}/:id`,
      tag,
      summary: 'Try a message now, or at another time',
      permissions: ['sysQueuedMessageUpdate'],
      query: retryOneQuery,
      data: isDone,
      handle: async (c) => {
        const query = queryOf(c, retryOneQuery)
        const scope = scopeOf(c)
        const { id, values } = await message(c.req.param('id')!, scope)
        const only = matching(values, query['filter'])
        if (only.length > 0) await management.update(object, id, { ...retryOf(query), only }, scope)
        return c.json({ data: only.length > 0 })
      },
    },
    {
      method: 'DELETE',
      path: `${base}/:id`,
      tag,
      summary: 'Take a message out of the queue, or some of its recipients',
      permissions: ['sysQueuedMessageDestroy'],
      query: cancelOneQuery,
      data: isDone,
      handle: async (c) => {
        const { filter } = queryOf(c, cancelOneQuery)
        const scope = scopeOf(c)
        if (filter === undefined) {
          await management.destroy(object, c.req.param('id')!, scope)
          return c.json({ data: true })
        }
        const { id, values } = await message(c.req.param('id')!, scope)
        const gone = matching(values, filter)
        const to = addresses(values).filter((address) => !gone.includes(address))
        if (gone.length > 0) await management.update(object, id, { to }, scope)
        return c.json({ data: gone.length > 0 })
      },
    },
  ]
}

const scopeOf = (c: Context<AdminEnv>): Scope => {
  const actor = c.get('actor')
  return { actor, account: actor.account }
}

const names = { text: 'text', from: 'from', to: 'to', before: 'dueBefore', after: 'dueAfter' } as const

const filterOf = (query: Values): Values =>
  Object.fromEntries(
    Object.entries(names).flatMap(([classicName, name]) =>
      query[classicName] === undefined ? [] : [[name, query[classicName]]],
    ),
  )

const retryOf = ({ at }: Values): Values => (at === undefined ? { retry: true } : { nextAttemptAt: at })

const addresses = (values: Values): readonly string[] => values['to'] as readonly string[]

function matching(values: Values, filter: unknown): readonly string[] {
  if (typeof filter !== 'string') return addresses(values)
  return addresses(values).filter((address) => address.toLowerCase().includes(filter.toLowerCase()))
}

interface Recipient {
  readonly address: string
  readonly queue: string
  readonly attempts: number
  readonly nextAttemptAt: string
  readonly expiresAt: string
  readonly state: string
  readonly history: readonly { readonly said: string; readonly host: string }[]
}

/** As programs know it that were written for the classic interface. */
const classic = ({ id, values }: Shown): object => ({
  id,
  return_path: values['from'],
  created: values['receivedAt'],
  size: values['size'],
  priority: 0,
  ...(values['envelopeId'] === '' ? {} : { env_id: values['envelopeId'] }),
  recipients: (values['recipients'] as readonly Recipient[]).map((one) => ({
    address: one.address,
    status: statusOf(one),
    queue: one.queue,
    retry_num: one.attempts,
    next_retry: one.nextAttemptAt,
    expires: one.expiresAt,
  })),
})

function statusOf({ state, history }: Recipient): unknown {
  const last = history.at(-1)
  if (last === undefined) return 'scheduled'
  return state === 'reporting' ? { perm_fail: last.said } : { temp_fail: last.said }
}
