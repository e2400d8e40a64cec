/**
 * Objects of the management as commands use them: described, read, listed and changed. What is known of them
 * is what the server describes, so that an object that it learns needs nothing here.
 */
import { nearest } from '#settings/nearest.ts'
import { CliFailure, isNotFound, Refusal, usageFailure } from './failure.ts'
import { listingOf, wordFor } from './object-words.ts'
import { notUnderstood } from './server-answer.ts'
import type { ServerApi } from './server-api.ts'

export interface FieldDescription {
  readonly kind: string
  readonly help: string
  /** What would be right, to be put after "must be". */
  readonly allowed: string
  readonly default?: unknown
  readonly required?: boolean
  readonly settable?: string
  readonly restart?: boolean
  readonly words?: readonly string[]
  readonly item?: FieldDescription
  readonly parts?: Fields
}

export type Fields = Readonly<Record<string, FieldDescription>>

export interface ObjectDescription {
  readonly name: string
  readonly title: string
  readonly help: string
  readonly kind: string
  readonly ofAccount: boolean
  readonly fields: Fields
  readonly filters: Fields
  /** What whoever asks may do with it: get, query, create, update, destroy. */
  readonly may: readonly string[]
}

export type Values = Readonly<Record<string, unknown>>

export interface ShownObject extends Values {
  readonly id: string
  readonly revision: string
}

export interface ChangeOptions {
  readonly dryRun?: boolean
  readonly ifRevision?: string
}

export const mostPerPage = 1000
/** Of one kind: where a list goes on beyond that, it never ends. */
const mostObjects = 2_000_000

/** Names come from the command line or the server; whatever they hold stays one segment of the path. */
const pathOf = (object: string, key?: string): string =>
  `/api/object/${encodeURIComponent(object)}${key === undefined ? '' : `/${segment(key)}`}`

/** A URL parser resolves `.` and `..`, also where they are escaped. */
function segment(key: string): string {
  if (key === '' || key === '.' || key === '..') throw usageFailure(`"${key}" is no name`)
  return encodeURIComponent(key)
}

export class ObjectClient {
  readonly #api: ServerApi
  readonly #account: string | undefined
  #described: Promise<readonly ObjectDescription[]> | undefined

  /** `account`: whose objects, of those that every account has; absent: of whoever signs in. */
  constructor(api: ServerApi, account?: string) {
    this.#api = api
    this.#account = account
  }

  /** Asked once. */
  describeAll(): Promise<readonly ObjectDescription[]> {
    this.#described ??= this.#api.ask('GET', '/api/object').then(readDescriptions)
    return this.#described
  }

  /** By name in any case. Throws CliFailure with the nearest one where there is none. */
  async describe(name: string): Promise<ObjectDescription> {
    const all = await this.describeAll()
    const found = all.find((one) => one.name.toLowerCase() === name.toLowerCase())
    if (found !== undefined) return found
    const near = nearest(
      name,
      all.map((one) => one.name),
    )
    const guess = near === undefined ? '' : `did you mean ${near}? `
    throw usageFailure(`there is no object ${name}`, `${guess}\`postern describe\` lists them`)
  }

  async get(object: string, key: string): Promise<ShownObject> {
    return readShown(await this.#askOne('GET', object, key))
  }

  async page(
    object: string,
    o: { filter?: Readonly<Record<string, string>>; page: number; limit: number },
  ): Promise<{ readonly items: readonly ShownObject[]; readonly total: number; readonly isMore: boolean }> {
    const query = this.#query({ ...o.filter, page: String(o.page), limit: String(o.limit) })
    const found = (await this.#api.ask('GET', pathOf(object) + query)) as {
      items?: unknown
      total?: unknown
      isMore?: unknown
    }
    if (!Array.isArray(found?.items) || typeof found.total !== 'number') throw notUnderstood()
    return { items: found.items.map(readShown), total: found.total, isMore: found.isMore === true }
  }

  async all(object: string, filter: Readonly<Record<string, string>> = {}): Promise<readonly ShownObject[]> {
    const all: ShownObject[] = []
    for (let page = 1; ; page++) {
      const { items, total } = await this.page(object, { filter, page, limit: mostPerPage })
      all.push(...items)
      if (items.length < mostPerPage) return all
      if (Math.max(total, all.length) > mostObjects)
        throw new CliFailure('the server lists more than any server has')
    }
  }

  /** All that match, of what can be changed so; without a filter all there are. Returns how many. */
  async updateAll(object: string, filter: Readonly<Record<string, string>>, patch: Values): Promise<number> {
    return changedIn(await this.#api.ask('PATCH', pathOf(object) + this.#query(orAll(filter)), patch))
  }

  /** The same. */
  async destroyAll(object: string, filter: Readonly<Record<string, string>>): Promise<number> {
    return changedIn(await this.#api.ask('DELETE', pathOf(object) + this.#query(orAll(filter))))
  }

  async create(object: string, values: Values, o: ChangeOptions = {}): Promise<ShownObject> {
    try {
      return readShown(await this.#api.ask('POST', pathOf(object) + this.#query(dryRunOf(o)), values))
    } catch (error) {
      throw impossible(error, `no ${wordFor(object)} can be created`, object)
    }
  }

  async update(object: string, key: string, patch: Values, o: ChangeOptions = {}): Promise<ShownObject> {
    return readShown(await this.#askOne('PATCH', object, key, o, patch))
  }

  async destroy(object: string, key: string, o: ChangeOptions = {}): Promise<void> {
    await this.#askOne('DELETE', object, key, o)
  }

  /** About one that may not be there: which one, the server's words leave to whoever asked. */
  async #askOne(
    method: 'GET' | 'PATCH' | 'DELETE',
    object: string,
    key: string,
    o: ChangeOptions = {},
    body?: Values,
  ): Promise<unknown> {
    try {
      return await this.#api.ask(method, pathOf(object, key) + this.#query(dryRunOf(o)), body, conditionOf(o))
    } catch (error) {
      const done = method === 'DELETE' ? 'deleted' : 'changed'
      if (!isNotFound(error)) throw impossible(error, `${object} cannot be ${done}`, object)
      // Of what an account has it may be the account that is not there.
      if (this.#account !== undefined && (error as Error).message === 'There is no such account.')
        throw missing('Account', this.#account)
      throw missing(object, key, this.#account)
    }
  }

  #query(wanted: Readonly<Record<string, string>> = {}): string {
    const whose = this.#account === undefined ? {} : { account: this.#account }
    const query = new URLSearchParams({ ...wanted, ...whose }).toString()
    return query === '' ? '' : `?${query}`
  }
}

const dryRunOf = ({ dryRun }: ChangeOptions) => (dryRun === true ? { dryRun: 'true' } : {})
const conditionOf = ({ ifRevision }: ChangeOptions) => (ifRevision === undefined ? {} : { ifRevision })

/** What is said where there is nothing of that name. */
export const missing = (object: string, key: string, ofAccount?: string): Refusal =>
  new Refusal(404, `there is no ${wordFor(object)} ${key}`, {
    hint: `\`postern ${listingOf(object, ofAccount)}\` lists those that there are`,
  })

/** The method is not there: the object is for the configuration alone, or there is always one. */
const impossible = (error: unknown, message: string, object: string): unknown =>
  error instanceof Refusal && error.status === 405
    ? new Refusal(405, message, {
        hint: `\`postern describe ${object}\` says what can be done with it; what only the server's configuration can say is in its file`,
      })
    : error

const isObject = (given: unknown): given is Record<string, unknown> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

const orAll = (filter: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.keys(filter).length === 0 ? { all: 'true' } : filter

function changedIn(answer: unknown): number {
  const changed = (answer as { changed?: unknown } | undefined)?.changed
  if (typeof changed !== 'number') throw notUnderstood()
  return changed
}

function readShown(given: unknown): ShownObject {
  if (!isObject(given) || typeof given['id'] !== 'string') throw notUnderstood()
  return given as unknown as ShownObject
}

function readDescriptions(given: unknown): readonly ObjectDescription[] {
  if (!Array.isArray(given)) throw notUnderstood()
  return given.map((one: unknown) => {
    if (!isObject(one) || typeof one['name'] !== 'string' || !isObject(one['fields'])) throw notUnderstood()
    const { title, help, kind, ofAccount, filters, may } = one
    return {
      name: one['name'],
      title: textOf(title),
      help: textOf(help),
      kind: textOf(kind),
      ofAccount: ofAccount === true,
      fields: readFields(one['fields']),
      filters: readFields(filters),
      may: Array.isArray(may) ? may.map(textOf) : [],
    }
  })
}

const textOf = (given: unknown): string => (typeof given === 'string' ? given : '')

function readFields(given: unknown): Fields {
  if (!isObject(given)) return {}
  return Object.fromEntries(Object.entries(given).map(([name, field]) => [name, readField(field)]))
}

function readField(given: unknown): FieldDescription {
  if (!isObject(given)) throw notUnderstood()
  const { kind, help, allowed, required, settable, restart, words, item, parts } = given
  return {
    kind: textOf(kind),
    help: textOf(help),
    allowed: textOf(allowed),
    ...(Object.hasOwn(given, 'default') ? { default: given['default'] } : {}),
    ...(required === true ? { required } : {}),
    ...(typeof settable === 'string' ? { settable } : {}),
    ...(restart === true ? { restart } : {}),
    ...(Array.isArray(words) ? { words: words.map(textOf) } : {}),
    ...(item === undefined ? {} : { item: readField(item) }),
    ...(isObject(parts) ? { parts: readFields(parts) } : {}),
  }
}
