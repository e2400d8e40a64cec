/**
 * The one way in which objects are managed, for every protocol: permission, validation, commit, audit.
 *
 * What must always hold: without the permission nothing is looked at; a wrong value changes nothing and all
 * wrong ones are named; the change and its audit entry are one commit; a dry run does everything but commit.
 * An object of another account is not there for whoever may not manage that account.
 */
import type { Clock } from '#base/clock.ts'
import { Fault, invalidProperties, type PropertyProblem } from '#base/fault.ts'
import type { Db } from '#kv/db.ts'
import { type Fields, readValues, type Values } from '#settings/values.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import {
  ChangeCommitter,
  noSuch,
  type PreparedChange,
  renaming,
  type Shown,
  shown,
  type WantedChange,
} from './change.ts'
import { objectChanged } from './events.ts'
import type { Actor, ManagedObject, ObjectHandler, QueryResult, Scope } from './managed-object.ts'

export interface ChangeOptions {
  /** Do everything but commit. */
  readonly dryRun?: boolean
  /** Fault `conflict` where the object has another revision by now. */
  readonly ifRevision?: string
}

export interface Changed extends Shown {
  /** Nobody can ask for it again. */
  readonly shownOnce: Values
}

const verbs = { get: 'Get', query: 'Query', create: 'Create', update: 'Update', destroy: 'Destroy' } as const

export type ManagementVerb = keyof typeof verbs

export class Management {
  readonly #db: Db
  readonly #telemetry: Telemetry
  readonly #handlers: ReadonlyMap<string, ObjectHandler>
  readonly #committer: ChangeCommitter

  constructor(o: { db: Db; clock: Clock; telemetry: Telemetry; handlers: readonly ObjectHandler[] }) {
    this.#db = o.db
    this.#telemetry = o.telemetry
    this.#handlers = new Map(o.handlers.map((handler) => [handler.object.name, handler]))
    this.#committer = new ChangeCommitter(o)
  }

  /** All that there is, whoever asks. */
  get objects(): readonly ManagedObject[] {
    return [...this.#handlers.values()].map((handler) => handler.object)
  }

  /** Throws Fault `notFound` for a name that no object has. */
  object(name: string): ManagedObject {
    return this.#handler(name).object
  }

  /** What can be done with an object, whoever asks. */
  verbsOf(name: string): readonly ManagementVerb[] {
    const handler = this.#handler(name)
    const changing = (['create', 'update', 'destroy'] as const).filter((verb) => handler[verb] !== undefined)
    return ['get', ...(handler.object.kind === 'singleton' ? [] : (['query'] as const)), ...changing]
  }

  mayUse(name: string, verb: ManagementVerb, actor: Actor): boolean {
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
    const found: Shown[] = []
    for (let at = 0; at < ids.length; at += perRead) {
      if (at > 0) await otherWork()
      await this.#db.read(async (tx) => {
        for (const id of ids.slice(at, at + perRead)) {
          const values = await handler.read(tx, id, scope)
          if (values !== undefined) found.push(shown(handler.object, id, values))
        }
      })
    }
    return found
  }

  /** `filter` as it was given. Throws Fault `invalid` that names the filters that are wrong. */
  async query(
    name: string,
    o: { filter: unknown; position: number; limit: number },
    scope: Scope,
  ): Promise<QueryResult> {
    const handler = this.#permitted(name, 'query', scope)
    const filter = valid(handler.object.filters, o.filter, 'update')
    return handler.query({ ...o, filter }, scope)
  }

  async create(name: string, given: unknown, scope: Scope, o: ChangeOptions = {}): Promise<Changed> {
    const [created] = await this.together([{ verb: 'create', object: name, given }], scope, o)
    return created!
  }

  /** `key`: id or name. */
  async update(
    name: string,
    key: string,
    given: unknown,
    scope: Scope,
    o: ChangeOptions = {},
  ): Promise<Changed> {
    const [updated] = await this.together([{ verb: 'update', object: name, key, given, ...o }], scope, o)
    return updated!
  }

  async destroy(name: string, key: string, scope: Scope, o: ChangeOptions = {}): Promise<void> {
    await this.together([{ verb: 'destroy', object: name, key, ...o }], scope, o)
  }

  /**
   * Several changes, all or none; what is wrong with any of them is told at once. `problems`: what whoever
   * asks found wrong already.
   */
  async together(
    changes: readonly WantedChange[],
    scope: Scope,
    o: { readonly dryRun?: boolean; readonly problems?: readonly PropertyProblem[] } = {},
  ): Promise<readonly Changed[]> {
    const problems: PropertyProblem[] = [...(o.problems ?? [])]
    const readable: {
      change: WantedChange
      handler: ObjectHandler
      given: Values
      id: string | undefined
    }[] = []
    for (const change of changes) {
      const handler = this.#permitted(change.object, change.verb, scope)
      if (handler[change.verb] === undefined) throw cannot(handler.object, change.verb)
      const id = change.key === undefined ? undefined : await this.#locate(handler, change.key, scope)
      const read = given(handler.object.fields, change)
      const called = change.called ?? ((property: string) => property)
      problems.push(...read.problems.map((one) => ({ ...one, property: called(one.property) })))
      readable.push({ change, handler, given: read.values, id })
    }
    if (problems.length > 0) throw invalidProperties(problems)
    const prepared: PreparedChange[] = []
    for (const one of readable) prepared.push(await prepare(one, scope))
    const results = await this.#committer.commit(prepared, scope, { dryRun: o.dryRun === true })
    // Of a dry run nothing is kept, so a secret that was made up for it is nobody's.
    if (o.dryRun === true) return results.map((result) => ({ ...result, shownOnce: {} }))
    for (const [i, result] of results.entries()) this.#done(prepared[i]!, result, scope)
    return results.map((result, i) => ({ ...result, shownOnce: prepared[i]!.plan.shownOnce ?? {} }))
  }

  /**
   * The same change to all that match, some at a time: each time in one commit with one audit entry.
   * Returns how many were changed; where it fails in the middle, those before are.
   */
  async changeAll(
    name: string,
    o: { readonly filter: unknown } & (
      | { readonly verb: 'update'; readonly given: unknown }
      | { readonly verb: 'destroy' }
    ),
    scope: Scope,
  ): Promise<number> {
    const { verb } = o
    const handler = this.#permitted(name, verb, scope)
    const { object, many } = this.#permitted(name, 'query', scope)
    if (many === undefined) throw cannot(handler.object, `${verb} many at a time`)
    const filter = valid(object.filters, o.filter, 'update')
    const patch = o.verb === 'update' ? valid(object.fields, o.given, 'update') : undefined
    const plan = await many.changeMany(patch, scope)
    const audited = { verb, object, given: patch ?? {} }
    try {
      const commit = (ids: readonly string[]): Promise<number> =>
        this.#committer.commitMany(plan, ids, scope.actor, audited)
      const changed = await sumOf(many.search(filter, scope), commit)
      const { ip, name: by } = scope.actor
      this.#telemetry.emit(objectChanged, { ip, by, what: `${verb} ${changed} of ${name}` })
      return changed
    } finally {
      plan.finished?.()
    }
  }

  /** Whether `changeAll` can be used. */
  hasMany(name: string): boolean {
    return this.#handler(name).many !== undefined
  }

  /** Something that is done and not kept; the audit log has what came of it. `name`: as in `actionReloadSettings`. */
  async act<T extends object>(name: string, scope: Scope, run: () => Promise<T>): Promise<T> {
    const permission = `action${name}`
    if (!scope.actor.permissions.has(permission))
      throw new Fault('forbidden', `This needs the permission ${permission}.`, { what: name })
    const outcome = await run()
    await this.#committer.record(scope.actor, name, Object.fromEntries(Object.entries(outcome)))
    return outcome
  }

  async #locate(handler: ObjectHandler, key: string, scope: Scope): Promise<string> {
    const id = await this.#db.read((tx) => handler.locate(tx, key, scope))
    if (id === undefined) throw noSuch(handler.object)
    return id
  }

  #done({ plan, verb, handler }: PreparedChange, result: Shown, { actor, account }: Scope): void {
    plan.committed?.(result.id)
    const { object } = handler
    const whose = object.ofAccount === true ? ` of account ${account}` : ''
    const called = object.kind === 'singleton' ? '' : ` ${nameOf(result) ?? result.id}`
    this.#telemetry.emit(objectChanged, {
      ip: actor.ip,
      by: actor.name,
      what: `${verb} ${object.name}${called}${whose}`,
    })
  }

  #permitted(name: string, verb: ManagementVerb, scope: Scope): ObjectHandler {
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

/** Objects that are read before something else has its turn. */
const perRead = 50
/** Objects that are changed in one commit of many: no more than takes a moment. */
const perCommit = 20
/** Such commits at a time: they share the disk's sync. */
const commitsAtOnce = 8

const otherWork = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function sumOf(
  found: AsyncIterable<readonly string[]>,
  commit: (ids: readonly string[]) => Promise<number>,
): Promise<number> {
  let sum = 0
  let running: Promise<number>[] = []
  const settle = async (): Promise<void> => {
    const ended = running
    running = []
    for (const one of await Promise.all(ended)) sum += one
  }
  try {
    for await (const ids of found) {
      for (let at = 0; at < ids.length; at += perCommit) {
        running.push(commit(ids.slice(at, at + perCommit)))
        if (running.length === commitsAtOnce) await settle()
        else await otherWork()
      }
    }
    await settle()
    return sum
  } finally {
    await Promise.allSettled(running)
  }
}

const nameOf = ({ values }: Shown): string | undefined =>
  typeof values['name'] === 'string' ? values['name'] : undefined

const given = (fields: Fields, { verb, given: input }: WantedChange) =>
  verb === 'destroy' ? { values: {}, problems: [] } : readValues(fields, input, verb)

async function prepare(
  o: { change: WantedChange; handler: ObjectHandler; given: Values; id: string | undefined },
  scope: Scope,
): Promise<PreparedChange> {
  const { handler, given: values, id } = o
  const { verb, called, ifRevision } = o.change
  const plan = await planned(handler, verb, values, id, scope).catch(renaming(called))
  return { handler, plan, verb, given: values, id, ifRevision, called }
}

function planned(
  handler: ObjectHandler,
  verb: WantedChange['verb'],
  values: Values,
  id: string | undefined,
  scope: Scope,
) {
  if (verb === 'create') return handler.create!(values, scope)
  return verb === 'update' ? handler.update!(id!, values, scope) : handler.destroy!(id!, scope)
}

function valid(fields: Fields, input: unknown, how: 'create' | 'update'): Values {
  const { values, problems } = readValues(fields, input, how)
  if (problems.length > 0) throw invalidProperties(problems)
  return values
}

const cannot = (object: ManagedObject, verb: string): Fault =>
  new Fault('forbidden', `${object.name} is not there to ${verb}.`, { what: object.name })
