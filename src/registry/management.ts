/**
 * The one way in which objects are managed, for every protocol: permission, validation, commit, audit.
 *
 * What must always hold: without the permission nothing is looked at; a wrong value changes nothing and all
 * wrong ones are named; the change and its audit entry are one commit; a dry run does everything but commit.
 * An object of another account is not there for whoever may not manage that account.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type Clock } from '#base/clock.ts'
import { Fault, invalidProperties } from '#base/fault.ts'
import type { Db } from '#kv/db.ts'
import { type Fields, readValues, type Values } from '#settings/values.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { audit, type AuditVerb } from './audit.ts'
import { objectChanged } from './events.ts'
import {
  type Actor,
  type ManagedObject,
  type ObjectHandler,
  type Plan,
  type Scope,
} from './managed-object.ts'

export interface Shown {
  readonly id: string
  readonly values: Values
  /** Changes when anything that can be set changes; opaque. */
  readonly revision: string
}

export interface ChangeOptions {
  /** Do everything but commit. */
  readonly dryRun?: boolean
  /** Fault `conflict` where the object has another revision by now. */
  readonly ifRevision?: string
}

export interface Created extends Shown {
  readonly shownOnce: Values
}

/** Ends a dry run inside its transaction, so that nothing of it is written. */
class DryRun extends Error {
  readonly result: Shown
  constructor(result: Shown) {
    super('a dry run')
    this.result = result
  }
}

const verbs = { get: 'Get', query: 'Query', create: 'Create', update: 'Update', destroy: 'Destroy' } as const

export class Management {
  readonly #db: Db
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #handlers: ReadonlyMap<string, ObjectHandler>
  #changes = 0

  constructor(o: { db: Db; clock: Clock; telemetry: Telemetry; handlers: readonly ObjectHandler[] }) {
    this.#db = o.db
    this.#clock = o.clock
    this.#telemetry = o.telemetry
    this.#handlers = new Map(o.handlers.map((handler) => [handler.object.name, handler]))
  }

  /** All that there is, whoever asks. */
  get objects(): readonly ManagedObject[] {
    return [...this.#handlers.values()].map((handler) => handler.object)
  }

  /** Throws Fault `notFound` for a name that no object has. */
  object(name: string): ManagedObject {
    return this.#handler(name).object
  }

  mayUse(name: string, verb: keyof typeof verbs, actor: Actor): boolean {
    return actor.permissions.has(`sys${name}${verbs[verb]}`)
  }

  /** By id or by name. Throws Fault `notFound` and `forbidden`. */
  async get(name: string, key: string, scope: Scope): Promise<Shown> {
    const handler = this.#permitted(name, 'get', scope)
    return this.#db.read(async (tx) => {
      const id = await handler.locate(tx, key, scope)
      const values = id === undefined ? undefined : await handler.read(tx, id, scope)
      if (id === undefined || values === undefined) throw noSuch(handler.object)
      return shown(handler.object, id, values)
    })
  }

  /** Those that exist of some ids, in their order. */
  async getMany(name: string, ids: readonly string[], scope: Scope): Promise<readonly Shown[]> {
    const handler = this.#permitted(name, 'get', scope)
    return this.#db.read(async (tx) => {
      const found: Shown[] = []
      for (const id of ids) {
        const values = await handler.read(tx, id, scope)
        if (values !== undefined) found.push(shown(handler.object, id, values))
      }
      return found
    })
  }

  /** `filter` as it was given. Throws Fault `invalid` that names the filters that are wrong. */
  async query(
    name: string,
    o: { filter: unknown; position: number; limit: number },
    scope: Scope,
  ): Promise<{ readonly ids: readonly string[]; readonly total: number }> {
    const handler = this.#permitted(name, 'query', scope)
    const filter = valid(handler.object.filters, o.filter, 'update')
    return handler.query({ ...o, filter }, scope)
  }

  async create(name: string, given: unknown, scope: Scope, o: ChangeOptions = {}): Promise<Created> {
    const handler = this.#permitted(name, 'create', scope)
    const { object } = handler
    if (handler.create === undefined) throw cannot(object, 'create')
    const values = valid(object.fields, given, 'create')
    const plan = await handler.create(values, scope)
    const done = await this.#commit({ handler, scope, plan, verb: 'create', given: values, id: undefined, o })
    return { ...done, shownOnce: plan.shownOnce ?? {} }
  }

  /** `key`: id or name. */
  async update(
    name: string,
    key: string,
    given: unknown,
    scope: Scope,
    o: ChangeOptions = {},
  ): Promise<Shown> {
    const handler = this.#permitted(name, 'update', scope)
    if (handler.update === undefined) throw cannot(handler.object, 'update')
    const id = await this.#locate(handler, key, scope)
    const patch = valid(handler.object.fields, given, 'update')
    const plan = await handler.update(id, patch, scope)
    return this.#commit({ handler, scope, plan, verb: 'update', given: patch, id, o })
  }

  async destroy(name: string, key: string, scope: Scope, o: ChangeOptions = {}): Promise<void> {
    const handler = this.#permitted(name, 'destroy', scope)
    if (handler.destroy === undefined) throw cannot(handler.object, 'destroy')
    const id = await this.#locate(handler, key, scope)
    const plan = await handler.destroy(id, scope)
    await this.#commit({ handler, scope, plan, verb: 'destroy', given: {}, id, o })
  }

  async #locate(handler: ObjectHandler, key: string, scope: Scope): Promise<string> {
    const id = await this.#db.read((tx) => handler.locate(tx, key, scope))
    if (id === undefined) throw noSuch(handler.object)
    return id
  }

  async #commit(c: {
    handler: ObjectHandler
    scope: Scope
    plan: Plan
    verb: AuditVerb
    given: Values
    id: string | undefined
    o: ChangeOptions
  }): Promise<Shown> {
    const { handler, scope, plan, verb, given, o } = c
    const { object } = handler
    const key = { atMs: this.#clock.now(), nonce: this.#nextNonce() }
    const result = await this.#db
      .write(plan.accounts, async (tx) => {
        const before = c.id === undefined ? {} : await handler.read(tx, c.id, scope)
        if (before === undefined) throw noSuch(object)
        if (o.ifRevision !== undefined && o.ifRevision !== revisionOf(object, before)) {
          throw new Fault('conflict', `${object.name} was changed by somebody else meanwhile`, {})
        }
        const id = await plan.apply(tx)
        const after = verb === 'destroy' ? {} : ((await handler.read(tx, id, scope)) ?? {})
        audit(tx, key, scope.actor, { verb, object, id, before, after, given })
        if (o.dryRun === true) throw new DryRun(shown(object, id, after))
        return shown(object, id, after)
      })
      .catch((error: unknown) => {
        if (error instanceof DryRun) return error.result
        throw error
      })
    if (o.dryRun === true) return result
    plan.committed?.(result.id)
    this.#telemetry.emit(objectChanged, {
      ip: scope.actor.ip,
      by: scope.actor.name,
      what: `${verb} ${object.name} ${nameOf(result) ?? result.id}`,
    })
    return result
  }

  /** Rises, so that changes of one millisecond stay in order; the rest keeps workers apart. */
  #nextNonce(): string {
    this.#changes = (this.#changes + 1) % 0x10000
    return this.#changes.toString(16).padStart(4, '0') + randomBytes(2).toString('hex')
  }

  #permitted(name: string, verb: keyof typeof verbs, scope: Scope): ObjectHandler {
    const handler = this.#handler(name)
    if (!this.mayUse(name, verb, scope.actor)) {
      throw new Fault('forbidden', `This needs the permission sys${name}${verbs[verb]}.`, { what: name })
    }
    const { actor, account } = scope
    const isOthers = handler.object.ofAccount === true && account !== actor.account
    if (isOthers && !this.mayUse('Account', 'update', actor)) throw noSuch(handler.object)
    return handler
  }

  #handler(name: string): ObjectHandler {
    const handler = this.#handlers.get(name)
    if (handler === undefined)
      throw new Fault('notFound', 'There is no such kind of object.', { what: 'object' })
    return handler
  }
}

const nameOf = ({ values }: Shown): string | undefined =>
  typeof values['name'] === 'string' ? values['name'] : undefined

function valid(fields: Fields, given: unknown, how: 'create' | 'update'): Values {
  const { values, problems } = readValues(fields, given, how)
  if (problems.length > 0) throw invalidProperties(problems)
  return values
}

const noSuch = (object: ManagedObject): Fault =>
  new Fault('notFound', `There is no such ${object.name}.`, { what: object.name })

const cannot = (object: ManagedObject, verb: string): Fault =>
  new Fault('forbidden', `${object.name} is not there to ${verb}.`, { what: object.name })

const shown = (object: ManagedObject, id: string, values: Values): Shown => ({
  id,
  values,
  revision: revisionOf(object, values),
})

function revisionOf(object: ManagedObject, values: Values): string {
  const settable = Object.keys(object.fields)
    .filter((name) => object.fields[name]!.settable !== 'never')
    .map((name) => values[name])
  return createHash('sha256').update(JSON.stringify(settable)).digest('base64url').slice(0, 16)
}
