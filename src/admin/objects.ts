/**
 * `/api/object/...`: every object of the management in the same way, from its declaration. Answers are
 * `{"data": ...}`; an object comes with its `id` and its revision, which `If-Match` takes back.
 */
import type { Context } from 'hono'
import type { Accounts } from '#account/account.ts'
import type { Permission } from '#account/permission.ts'
import { Fault, invalidProperties } from '#base/fault.ts'
import type { Shown } from '#registry/change.ts'
import { type ManagedObject, type Scope, singletonId } from '#registry/managed-object.ts'
import type { Management, ManagementVerb } from '#registry/management.ts'
import { describeFields } from '#settings/describe-field.ts'
import { boolean, text } from '#settings/field.ts'
import type { Fields, Values } from '#settings/values.ts'
import type { AdminEnv } from './gate.ts'
import { objectRefs } from './object-schema.ts'
import { changeFields, changeOptions, jsonBody, pageFields, pageOf, queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface ObjectOptions {
  readonly management: Management
  readonly accounts: Pick<Accounts, 'byName'>
}

const base = '/api/object'
const accountField = text({
  fallback: undefined,
  help: 'The name of another account whose objects are meant; for whoever manages accounts.',
})

export function objectRoutes(o: ObjectOptions): readonly ApiRoute[] {
  const { management } = o
  const list: ApiRoute = {
    method: 'GET',
    path: base,
    tag: 'Objects',
    summary: 'All kinds of object, their fields, and what you may do with them',
    permissions: [],
    handle: (c) => {
      const actor = c.get('actor')
      const data = management.objects.map((object) => ({
        ...describeObject(object),
        may: management.verbsOf(object.name).filter((verb) => management.mayUse(object.name, verb, actor)),
      }))
      return c.json({ data })
    },
  }
  return [list, ...management.objects.flatMap((object) => new ObjectRoutes(object, o).all())]
}

const allField = boolean({
  fallback: false,
  help: 'With true, all there are; needed where nothing is asked.',
})

const givenFilters = (c: Context<AdminEnv>, filters: Fields): Values =>
  Object.fromEntries(Object.entries(c.req.query()).filter(([name]) => Object.hasOwn(filters, name)))

const titleOf: Readonly<Record<ManagementVerb, string>> = {
  query: 'List and search',
  get: 'Show one of',
  create: 'Create one of',
  update: 'Change one of',
  destroy: 'Delete one of',
}

class ObjectRoutes {
  readonly #object: ManagedObject
  readonly #o: ObjectOptions
  readonly #verbs: readonly ManagementVerb[]

  constructor(object: ManagedObject, o: ObjectOptions) {
    this.#object = object
    this.#o = o
    this.#verbs = o.management.verbsOf(object.name)
  }

  all(): readonly ApiRoute[] {
    const path = `${base}/${this.#object.name}`
    const made = this.#object.kind === 'singleton' ? this.#singleton(path) : this.#collection(path)
    return made.filter(({ verb }) => this.#verbs.includes(verb)).map(({ route }) => route)
  }

  #singleton(path: string) {
    const key = (): string => singletonId
    return [
      this.#get(path, key, 'Show'),
      this.#update(path, key, 'Change'),
      this.#get(`${path}/${singletonId}`, key, 'Show'),
      this.#update(`${path}/${singletonId}`, key, 'Change'),
    ]
  }

  #collection(path: string) {
    const key = (c: Context<AdminEnv>): string => c.req.param('key')!
    return [
      this.#query(path),
      this.#create(path),
      this.#get(`${path}/:key`, key),
      this.#update(`${path}/:key`, key),
      this.#destroy(`${path}/:key`),
      ...(this.#o.management.hasMany(this.#object.name)
        ? [this.#changeAll('PATCH', path), this.#changeAll('DELETE', path)]
        : []),
    ]
  }

  #query(path: string) {
    const { name, filters } = this.#object
    const query = { ...filters, ...pageFields, ...this.#ownQuery() }
    return this.#route('GET', path, 'query', {
      query,
      data: objectRefs(this.#object).page,
      handle: async (c) => {
        const given = queryOf(c, query)
        const scope = await this.#scope(c, given)
        const filter = givenFilters(c, filters)
        const { ids, ...counted } = await this.#o.management.query(name, { ...pageOf(given), filter }, scope)
        const items = await this.#o.management.getMany(name, ids, scope)
        return c.json({ data: { items: items.map(showOne), ...counted } })
      },
    })
  }

  #create(path: string) {
    const { name } = this.#object
    const query = { ...changeFields, ...this.#ownQuery() }
    return this.#route('POST', path, 'create', {
      query,
      changes: true,
      body: objectRefs(this.#object).create,
      data: objectRefs(this.#object).shown,
      status: 201,
      handle: async (c) => {
        const given = queryOf(c, query)
        const scope = await this.#scope(c, given)
        const created = await this.#o.management.create(
          name,
          await jsonBody(c),
          scope,
          changeOptions(c, given),
        )
        c.header('Location', `${path}/${encodeURIComponent(created.id)}`)
        c.header('ETag', `"${created.revision}"`)
        return c.json({ data: { ...showOne(created), ...created.shownOnce } }, 201)
      },
    })
  }

  #get(path: string, key: (c: Context<AdminEnv>) => string, title?: string) {
    const query = this.#ownQuery()
    return this.#route('GET', path, 'get', {
      ...(title === undefined ? {} : { summary: `${title}: ${this.#object.title}` }),
      query,
      data: objectRefs(this.#object).shown,
      handle: async (c) => {
        const scope = await this.#scope(c, queryOf(c, query))
        return answer(c, await this.#o.management.get(this.#object.name, key(c), scope))
      },
    })
  }

  #update(path: string, key: (c: Context<AdminEnv>) => string, title?: string) {
    const { name } = this.#object
    const query = { ...changeFields, ...this.#ownQuery() }
    return this.#route('PATCH', path, 'update', {
      ...(title === undefined ? {} : { summary: `${title}: ${this.#object.title}` }),
      query,
      changes: true,
      body: objectRefs(this.#object).update,
      data: objectRefs(this.#object).shown,
      handle: async (c) => {
        const given = queryOf(c, query)
        const scope = await this.#scope(c, given)
        const options = changeOptions(c, given)
        const updated = await this.#o.management.update(name, key(c), await jsonBody(c), scope, options)
        c.header('ETag', `"${updated.revision}"`)
        return c.json({ data: { ...showOne(updated), ...updated.shownOnce } })
      },
    })
  }

  #destroy(path: string) {
    const query = { ...changeFields, ...this.#ownQuery() }
    return this.#route('DELETE', path, 'destroy', {
      query,
      changes: true,
      data: { type: 'null' },
      handle: async (c) => {
        const given = queryOf(c, query)
        const scope = await this.#scope(c, given)
        await this.#o.management.destroy(
          this.#object.name,
          c.req.param('key')!,
          scope,
          changeOptions(c, given),
        )
        return c.json({ data: null })
      },
    })
  }

  /** All that match, some at a time. */
  #changeAll(method: 'PATCH' | 'DELETE', path: string) {
    const { name, filters, title } = this.#object
    const query = { ...filters, all: allField }
    const isUpdate = method === 'PATCH'
    return this.#route(method, path, isUpdate ? 'update' : 'destroy', {
      summary: `${isUpdate ? 'Change' : 'Delete'} all that match: ${title}`,
      query,
      ...(isUpdate ? { body: objectRefs(this.#object).update } : {}),
      data: {
        type: 'object',
        required: ['changed'],
        properties: { changed: { type: 'integer', description: 'How many were changed.' } },
      },
      handle: async (c) => {
        const { all } = queryOf(c, query)
        const filter = givenFilters(c, filters)
        if (Object.keys(filter).length === 0 && all !== true)
          throw invalidProperties([{ property: 'all', problem: 'must be true where no filter is given' }])
        const scope = await this.#scope(c, {})
        const change = isUpdate
          ? ({ verb: 'update', filter, given: await jsonBody(c) } as const)
          : ({ verb: 'destroy', filter } as const)
        return c.json({ data: { changed: await this.#o.management.changeAll(name, change, scope) } })
      },
    })
  }

  #route(
    method: ApiRoute['method'],
    path: string,
    verb: ManagementVerb,
    rest: Pick<ApiRoute, 'handle'> & Partial<ApiRoute>,
  ): { readonly verb: ManagementVerb; readonly route: ApiRoute } {
    const { name, title } = this.#object
    const permission = `sys${name}${verb[0]!.toUpperCase()}${verb.slice(1)}` as Permission
    const summary = `${titleOf[verb]}: ${title}`
    return { verb, route: { method, path, tag: name, summary, permissions: [permission], ...rest } }
  }

  /** `?account=`, for what everybody has of their own. */
  #ownQuery(): Fields {
    return this.#object.ofAccount === true ? { account: accountField } : {}
  }

  async #scope(c: Context<AdminEnv>, query: Values): Promise<Scope> {
    const actor = c.get('actor')
    const name = query['account'] as string | undefined
    if (name === undefined) return { actor, account: actor.account }
    const account = actor.permissions.has('sysAccountUpdate')
      ? await this.#o.accounts.byName(name)
      : undefined
    if (account === undefined) throw new Fault('notFound', 'There is no such account.', { what: 'account' })
    return { actor, account: account.id }
  }
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
