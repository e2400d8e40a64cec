/**
 * `/api/object/...`: every object of the management in the same way, from its declaration. Answers are
 * `{"data": ...}`; an object comes with its `id` and its revision, which `If-Match` takes back.
 */
import type { Context, Hono } from 'hono'
import type { Accounts } from '#account/account.ts'
import { Fault } from '#base/fault.ts'
import { type ManagedObject, type Scope, singletonId } from '#registry/managed-object.ts'
import type { Shown } from '#registry/change.ts'
import type { Management } from '#registry/management.ts'
import { describeFields } from '#settings/describe-field.ts'
import type { AdminEnv } from './gate.ts'
import { changeOptions, jsonBody, pageOf } from './request.ts'

export interface ObjectOptions {
  readonly management: Management
  readonly accounts: Pick<Accounts, 'byName'>
}

const base = '/api/object'
/** Query parameters that are no filters. */
const reserved = new Set(['page', 'limit', 'account', 'dryRun'])

export function addObjects(router: Hono<AdminEnv>, o: ObjectOptions): void {
  const { management } = o

  router.get(base, (c) => {
    const actor = c.get('actor')
    const verbs = ['get', 'query', 'create', 'update', 'destroy'] as const
    const data = management.objects.map((object) => ({
      ...describeObject(object),
      may: verbs.filter((verb) => management.mayUse(object.name, verb, actor)),
    }))
    return c.json({ data })
  })

  router.get(`${base}/:object`, async (c) => {
    const name = c.req.param('object')
    const scope = await scopeOf(c, o)
    if (management.object(name).kind === 'singleton')
      return answer(c, await management.get(name, singletonId, scope))
    const filter = Object.fromEntries(Object.entries(c.req.query()).filter(([key]) => !reserved.has(key)))
    const { ids, total } = await management.query(name, { ...pageOf(c), filter }, scope)
    const items = await management.getMany(name, ids, scope)
    return c.json({ data: { items: items.map(showOne), total } })
  })

  router.post(`${base}/:object`, async (c) => {
    const name = c.req.param('object')
    const scope = await scopeOf(c, o)
    const created = await management.create(name, await jsonBody(c), scope, changeOptions(c))
    c.header('Location', `${base}/${name}/${encodeURIComponent(created.id)}`)
    c.header('ETag', `"${created.revision}"`)
    return c.json({ data: { ...showOne(created), ...created.shownOnce } }, 201)
  })

  router.get(`${base}/:object/:key`, async (c) =>
    answer(c, await management.get(c.req.param('object'), c.req.param('key'), await scopeOf(c, o))),
  )

  router.patch(`${base}/:object/:key`, async (c) => {
    const { object, key } = c.req.param()
    const scope = await scopeOf(c, o)
    return answer(c, await management.update(object, key, await jsonBody(c), scope, changeOptions(c)))
  })

  router.patch(`${base}/:object`, async (c) => {
    const name = c.req.param('object')
    if (management.object(name).kind !== 'singleton')
      throw new Fault('notFound', 'Which one?', { what: name })
    const scope = await scopeOf(c, o)
    return answer(c, await management.update(name, singletonId, await jsonBody(c), scope, changeOptions(c)))
  })

  router.delete(`${base}/:object/:key`, async (c) => {
    const { object, key } = c.req.param()
    await management.destroy(object, key, await scopeOf(c, o), changeOptions(c))
    return c.json({ data: null })
  })
}

/** `?account=` names whose objects are meant, for those that everybody has of their own. */
async function scopeOf(c: Context<AdminEnv>, { accounts }: ObjectOptions): Promise<Scope> {
  const actor = c.get('actor')
  const name = c.req.query('account')
  if (name === undefined) return { actor, account: actor.account }
  const account = actor.permissions.has('sysAccountUpdate') ? await accounts.byName(name) : undefined
  if (account === undefined) throw new Fault('notFound', 'There is no such account.', { what: 'account' })
  return { actor, account: account.id }
}

function answer(c: Context<AdminEnv>, one: Shown): Response {
  c.header('ETag', `"${one.revision}"`)
  return c.json({ data: showOne(one) })
}

const showOne = ({ id, values, revision }: Shown) => ({ id, ...values, revision })

const describeObject = ({ name, title, help, kind, ofAccount, fields, filters }: ManagedObject) => ({
  name,
  title,
  help,
  kind,
  ofAccount: ofAccount === true,
  fields: describeFields(fields),
  filters: describeFields(filters),
})
