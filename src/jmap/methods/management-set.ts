/**
 * x:<Object>/set: creates, changes and destroys managed objects (RFC 8620 §5.3). Each object is a commit of its own,
 * with its entry in the audit log, as over the REST API; a secret that was made up stands in the answer, once.
 */
import { isFault } from '#base/fault.ts'
import type { ManagedObject, Scope } from '#registry/managed-object.ts'
import type { Changed, Management, ManagementVerb } from '#registry/management.ts'
import { MethodError, setErrorOf, SetFault } from '../errors.ts'
import { managedState, managedType, managementUrn, scopeOf } from '../managed.ts'
import { type Call, type JmapMethod, method } from '../method.ts'
import { applyPatch } from '../patch.ts'
import {
  notFound,
  requestOf,
  responseOf,
  setFields,
  type SetRequest,
  type SetResult,
} from '../standard-set.ts'
import type { Json, JsonObject } from '../value.ts'

export const managementSet = (management: Management, object: ManagedObject): JmapMethod =>
  method({
    name: `${managedType(object)}/set`,
    using: managementUrn,
    standard: 'RFC 8620 §5.3',
    arguments: setFields,
    required: ['accountId'],
    async call(call, args) {
      const account = await call.account(args.accountId!)
      const scope = scopeOf(call, account)
      const oldState = await managedState(call, object)
      if ((args.ifInState ?? oldState) !== oldState) throw new MethodError('stateMismatch')
      const work = new ManagedSet(management, object, scope)
      const result = await work.run(call, requestOf(call, args))
      for (const [creationId, { id }] of result.created) call.createdIds.set(creationId, id)
      const newState = await managedState(call, object)
      return [{ arguments: responseOf(account, { ...result, oldState, newState }) }]
    },
  })

class ManagedSet {
  readonly #management: Management
  readonly #object: ManagedObject
  readonly #scope: Scope

  constructor(management: Management, object: ManagedObject, scope: Scope) {
    this.#management = management
    this.#object = object
    this.#scope = scope
  }

  async run(call: Call, request: SetRequest): Promise<Omit<SetResult, 'oldState' | 'newState'>> {
    const created = new Map<string, { id: string; set: JsonObject }>()
    const updated = new Map<string, JsonObject | null>()
    const destroyed: string[] = []
    const notCreated = new Map<string, JsonObject>()
    const notUpdated = new Map<string, JsonObject>()
    const notDestroyed = new Map<string, JsonObject>()
    const idOf = (text: string): string => {
      const id = text.startsWith('#') ? created.get(text.slice(1))?.id : undefined
      const known = id ?? call.resolve(text)
      if (known === undefined) throw notFound()
      return known
    }
    for (const [creationId, given] of request.create)
      await attempt(notCreated, creationId, async () => created.set(creationId, await this.#create(given)))
    for (const [id, patch] of request.update)
      await attempt(notUpdated, id, async () => updated.set(idOf(id), await this.#update(idOf(id), patch)))
    for (const id of request.destroy)
      await attempt(notDestroyed, id, async () => {
        this.#assertCan('destroy')
        await this.#management.destroy(this.#object.name, idOf(id), this.#scope)
        destroyed.push(idOf(id))
      })
    return { created, updated, destroyed, notCreated, notUpdated, notDestroyed }
  }

  async #create(given: JsonObject): Promise<{ id: string; set: JsonObject }> {
    this.#assertCan('create')
    const made = await this.#management.create(this.#object.name, given, this.#scope)
    return { id: made.id, set: chosen(made, given) }
  }

  /** What lies deeper than the properties of the object is looked up, so that only that is replaced. */
  async #update(id: string, patch: JsonObject): Promise<JsonObject | null> {
    this.#assertCan('update')
    const { name } = this.#object
    const isPlain = Object.keys(patch).every((path) => !/[/~]/.test(path))
    if (isPlain) return told(await this.#management.update(name, id, patch, this.#scope), patch)
    const before = await this.#management.get(name, id, this.#scope)
    const whole = applyPatch(before.values as JsonObject, patch)
    const touched = new Set(
      Object.keys(patch).map((path) => path.split('/', 1)[0]!.replaceAll('~1', '/').replaceAll('~0', '~')),
    )
    const given = Object.fromEntries([...touched].map((property) => [property, whole[property] ?? null]))
    const ifRevision = before.revision
    return told(await this.#management.update(name, id, given, this.#scope, { ifRevision }), given)
  }

  #assertCan(verb: ManagementVerb): void {
    const { name, kind } = this.#object
    if (this.#management.verbsOf(name).includes(verb)) return
    if (kind === 'singleton') throw new SetFault('singleton')
    throw new SetFault('forbidden', `${name} is not there to ${verb}.`)
  }
}

async function attempt(
  refused: Map<string, JsonObject>,
  key: string,
  body: () => Promise<unknown>,
): Promise<void> {
  try {
    await body()
  } catch (error) {
    if (!isFault(error)) throw error
    refused.set(key, setErrorOf(error))
  }
}

/** What the creator cannot know: what was not given, or came out differently, and secrets that were made up. */
function chosen({ values, revision, shownOnce }: Changed, given: JsonObject): JsonObject {
  const differing = Object.entries(values).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(given[name]),
  )
  return { ...Object.fromEntries(differing as [string, Json][]), ...(shownOnce as JsonObject), revision }
}

/** RFC 8620 §5.3: only what came out differently than it was asked for. */
function told({ values, revision, shownOnce }: Changed, given: JsonObject): JsonObject {
  const differing = Object.keys(given).filter(
    (name) => values[name] !== undefined && JSON.stringify(values[name]) !== JSON.stringify(given[name]),
  )
  return {
    ...Object.fromEntries(differing.map((name) => [name, values[name] as Json])),
    ...(shownOnce as JsonObject),
    revision,
  }
}
