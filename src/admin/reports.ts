/**
 * `/api/reports/...` and `/api/queue/reports`: reports about mail that came in, and those that wait to be sent, in
 * the words of the classic interface. Everything goes through the management of their objects.
 */
import type { Context } from 'hono'
import type { Permission } from '#account/permission.ts'
import type { Shown } from '#registry/change.ts'
import type { Scope } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import { text } from '#settings/field.ts'
import type { Fields, Values } from '#settings/values.ts'
import type { AdminEnv } from './gate.ts'
import { pageFields, pageOf, queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

interface Kind {
  readonly path: string
  readonly tag: string
  readonly object: 'ArfExternalReport' | 'DmarcExternalReport' | 'DmarcInternalReport'
  /** What they are, in the plural. */
  readonly called: string
  readonly filters: Fields
  readonly classic: (one: Shown) => object
}

const part = (help: string) => text({ fallback: undefined, longest: 320, help })

const received = ({ id, values }: Shown): object => ({
  id,
  from: values['from'],
  to: values['to'],
  subject: values['subject'],
  report: values['report'],
})

const kinds: readonly Kind[] = [
  {
    path: '/api/reports/dmarc',
    tag: 'Reports',
    object: 'DmarcExternalReport',
    called: 'DMARC reports that came in',
    filters: {
      text: part('Only where the sender, the subject, the organisation or the domain has this in it.'),
      domain: part('Only about this domain.'),
    },
    classic: (one) => ({ type: 'dmarc', ...received(one) }),
  },
  {
    path: '/api/reports/arf',
    tag: 'Reports',
    object: 'ArfExternalReport',
    called: 'feedback reports that came in',
    filters: {
      text: part('Only where the sender, the subject or a domain has this in it.'),
      type: part('Only of this type, such as "abuse".'),
    },
    classic: (one) => ({ type: 'arf', ...received(one) }),
  },
  {
    path: '/api/queue/reports',
    tag: 'Queue',
    object: 'DmarcInternalReport',
    called: 'reports that wait to be sent',
    filters: { text: part('Only where the domain has this in it.') },
    classic: ({ id, values }) => ({
      type: 'dmarc',
      id,
      domain: values['domain'],
      range_from: values['createdAt'],
      range_to: (values['report'] as Values)['dateRangeEnd'],
      deliver_at: values['deliverAt'],
      rua: values['rua'],
      report: values['report'],
    }),
  },
]

export const reportRoutes = (management: Management): readonly ApiRoute[] =>
  kinds.flatMap((kind) => [...allRoutes(kind, management), ...oneRoutes(kind, management)])

const may = ({ object }: Kind, verb: 'Get' | 'Query' | 'Destroy'): readonly Permission[] => [
  `sys${object}${verb}`,
]

const scopeOf = (c: Context<AdminEnv>): Scope => {
  const actor = c.get('actor')
  return { actor, account: actor.account }
}

const filterOf = (query: Values, { filters }: Kind): Values =>
  Object.fromEntries(
    Object.keys(filters).flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
  )

function allRoutes(kind: Kind, management: Management): readonly ApiRoute[] {
  const { path, tag, object, called, filters } = kind
  const query = { ...filters, ...pageFields }
  return [
    {
      method: 'GET',
      path,
      tag,
      summary: `List ${called}, by their ids`,
      permissions: may(kind, 'Query'),
      query,
      data: { type: 'object' },
      handle: async (c) => {
        const given = queryOf(c, query)
        const page = { ...pageOf(given), filter: filterOf(given, kind) }
        const { ids, total } = await management.query(object, page, scopeOf(c))
        return c.json({ data: { items: ids, total } })
      },
    },
    {
      method: 'DELETE',
      path,
      tag,
      summary: `Remove all ${called} that match`,
      permissions: may(kind, 'Destroy'),
      query: filters,
      data: { type: 'boolean' },
      handle: async (c) => {
        const filter = filterOf(queryOf(c, filters), kind)
        const changed = await management.changeAll(object, { verb: 'destroy', filter }, scopeOf(c))
        return c.json({ data: changed > 0 })
      },
    },
  ]
}

function oneRoutes(kind: Kind, management: Management): readonly ApiRoute[] {
  const { tag, object, called, classic } = kind
  const path = `${kind.path}/:id`
  return [
    {
      method: 'GET',
      path,
      tag,
      summary: `Show one of the ${called}`,
      permissions: may(kind, 'Get'),
      data: { type: 'object' },
      handle: async (c) =>
        c.json({ data: classic(await management.get(object, c.req.param('id')!, scopeOf(c))) }),
    },
    {
      method: 'DELETE',
      path,
      tag,
      summary: `Remove one of the ${called}`,
      permissions: may(kind, 'Destroy'),
      data: { type: 'boolean' },
      handle: async (c) => {
        await management.destroy(object, c.req.param('id')!, scopeOf(c))
        return c.json({ data: true })
      },
    },
  ]
}
