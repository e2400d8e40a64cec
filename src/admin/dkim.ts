/**
 * `/api/dkim`: the keys of domains as existing programs ask for them, and their exchange before their time. All
 * else about them is in the object DkimSignature.
 */
import { readOwnDomain } from '#account/address.ts'
import { Fault, invalidProperties } from '#base/fault.ts'
import type { DkimRotation } from '#cert/dkim-lifecycle.ts'
import type { Management } from '#registry/management.ts'
import { boolean } from '#settings/field.ts'
import { jsonBody, queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface DkimOptions {
  readonly management: Management
  /** Names of records: of the keys that were made, and of those that sign no more. Throws Fault `notFound` and `conflict`. */
  readonly rotateDkim: (
    domain: string,
    rotation: DkimRotation,
  ) => Promise<{ readonly created: readonly string[]; readonly retired: readonly string[] }>
}

const tag = 'DkimSignature'
const texts = { type: 'array', items: { type: 'string' } } as const

const rotateFields = {
  now: boolean({
    fallback: false,
    help: 'Whether nothing is signed any more by the keys that there are, since somebody else may have them. Mail goes unsigned until the records of the new ones are seen.',
  }),
}

export const dkimRoutes = (o: DkimOptions): readonly ApiRoute[] => [
  {
    method: 'POST',
    path: '/api/dkim',
    tag,
    summary: 'Make a DKIM key',
    permissions: ['sysDkimSignatureCreate'],
    body: {
      type: 'object',
      properties: {
        domain: { type: 'string' },
        algorithm: { type: 'string', enum: ['Ed25519', 'RSA'] },
        selector: { type: ['string', 'null'] },
        id: { type: ['string', 'null'], description: 'A key is called by the name of its record.' },
      },
      required: ['domain'],
    },
    data: { type: 'string', description: 'The name of its record.' },
    handle: async (c) => {
      const actor = c.get('actor')
      const made = await o.management.create(tag, classicValues(await jsonBody(c)), {
        actor,
        account: actor.account,
      })
      return c.json({ data: made.id })
    },
  },
  {
    method: 'GET',
    path: '/api/dkim/:key',
    tag,
    summary: 'The public key of a DKIM key',
    permissions: ['sysDkimSignatureGet'],
    data: { type: 'string' },
    handle: async (c) => {
      const actor = c.get('actor')
      const { values } = await o.management.get(tag, c.req.param('key')!, { actor, account: actor.account })
      return c.json({ data: values['publicKey'] })
    },
  },
  rotateRoute(o),
]

const rotateRoute = ({ management, rotateDkim }: DkimOptions): ApiRoute => ({
  method: 'POST',
  path: '/api/dkim/:domain/rotate',
  tag,
  summary: 'Exchange the DKIM keys of a domain before their time',
  permissions: ['actionRotateDkimKeys'],
  query: rotateFields,
  data: {
    type: 'object',
    properties: { domain: { type: 'string' }, created: texts, retired: texts },
  },
  handle: async (c) => {
    const actor = c.get('actor')
    const { now } = queryOf(c, rotateFields) as { now: boolean }
    const domain = readOwnDomain(c.req.param('domain')!)
    const scope = { actor, account: actor.account }
    const done = await management.act('RotateDkimKeys', scope, async () => {
      if (domain === undefined) throw new Fault('notFound', 'There is no such domain.', { what: 'domain' })
      return { domain, ...(await rotateDkim(domain, now ? 'atOnce' : 'soon')) }
    })
    return c.json({ data: done })
  },
})

/** `id` and `selector` may be null, and the id is of no use here. Throws Fault `invalid`. */
function classicValues(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  const { id, ...rest } = body as Readonly<Record<string, unknown>>
  if (id !== undefined && id !== null && typeof id !== 'string')
    throw invalidProperties([{ property: 'id', problem: 'must be a text' }])
  return rest
}
