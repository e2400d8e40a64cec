/** Foo/get (RFC 8620 §5.1), of what is particular to a type. */
import type { Permission } from '#account/permission.ts'
import type { OpenAccount } from './accounts.ts'
import { MethodError } from './errors.ts'
import { accountField, type Call, type JmapMethod, method } from './method.ts'
import { jmapSettings } from './settings.ts'
import { type Fields, type JsonObject, listOf, nullable, type ReadFields, string, wantedId } from './value.ts'

export interface GetType<F extends Fields> {
  readonly type: string
  readonly using: string
  readonly standard: string
  readonly permission?: Permission
  /** Every property that an object has. */
  readonly properties: readonly string[]
  /** Those that come with a further capability, if the request uses it. */
  readonly extensions?: Readonly<Record<string, readonly string[]>>
  /** Those that are given where none are asked for; all, where nothing is said. */
  readonly usual?: readonly string[]
  /** Whether a name that is not in the list is a property too (RFC 8621 §4.1.3). */
  readonly isProperty?: (name: string) => boolean
  /** Arguments besides those of every /get. */
  readonly more?: F
  /** Whether `ids: null` is refused as too much where there are more than may be asked for. */
  read(call: Call, account: OpenAccount, wanted: WantedObjects, args: ReadFields<F>): Promise<FoundObjects>
}

export interface WantedObjects {
  /** Without doubles, references resolved; null: all there are. */
  readonly ids: readonly string[] | null
  /** Always with `id`. */
  readonly properties: ReadonlySet<string>
  /** The most objects that may be in the answer. */
  readonly limit: number
}

interface FoundObjects {
  readonly state: string
  /** Each with its `id` and the properties asked for, in any order. */
  readonly list: readonly JsonObject[]
}

export function standardGet<const F extends Fields = Fields>(of: GetType<F>): JmapMethod {
  const { type, using, standard, permission } = of
  const fields = {
    ...accountField,
    ids: nullable(listOf(wantedId)),
    properties: nullable(listOf(string)),
    ...of.more,
  }
  return method({
    name: `${type}/get`,
    using,
    standard,
    ...(permission === undefined ? {} : { permission }),
    arguments: fields,
    required: ['accountId'],
    async call(call, args) {
      const account = await call.account(args.accountId!)
      const limit = call.services.settings.get(jmapSettings).getMaxResults
      const wanted = {
        ids: idsOf(call, args.ids ?? null, limit),
        properties: propertiesOf(call, of, args.properties),
        limit,
      }
      const { state, list } = await of.read(call, account, wanted, args as ReadFields<F>)
      if (list.length > limit) throw tooMany(limit)
      return [{ arguments: { accountId: account.text, state, ...inOrder(list, args.ids ?? null, call) } }]
    },
  })
}

export const tooMany = (limit: number): MethodError =>
  new MethodError('requestTooLarge', `At most ${limit} objects can be asked for.`)

/** Without doubles, references resolved. */
export function idsOf(call: Call, ids: readonly string[] | null, limit: number): readonly string[] | null {
  if (ids === null) return null
  const unique = new Set<string>()
  for (const id of ids) unique.add(call.resolve(id) ?? id)
  // RFC 8620 §5.1: an id that stands twice is one object.
  if (unique.size > limit) throw tooMany(limit)
  return [...unique]
}

function propertiesOf<F extends Fields>(
  { using }: Call,
  { properties: always, usual, isProperty, extensions = {} }: GetType<F>,
  given: readonly string[] | null | undefined,
): ReadonlySet<string> {
  const more = Object.entries(extensions).flatMap(([urn, names]) => (using.has(urn) ? names : []))
  const properties = [...always, ...more]
  if (given === null || given === undefined) return new Set(['id', ...(usual ?? properties)])
  for (const name of given)
    if (!properties.includes(name) && isProperty?.(name) !== true)
      throw new MethodError(
        'invalidArguments',
        `There is no property ${JSON.stringify(name.slice(0, 200))}.`,
        {
          arguments: ['properties'],
        },
      )
  return new Set(['id', ...given])
}

/** As they were asked for; ids under which there is nothing are told as the client wrote them. */
export function inOrder(
  list: readonly JsonObject[],
  ids: readonly string[] | null,
  call: Call,
): { list: readonly JsonObject[]; notFound: readonly string[] } {
  if (ids === null) return { list, notFound: [] }
  const byId = new Map(list.map((one) => [one['id'] as string, one]))
  const found = new Set<JsonObject>()
  const notFound = new Set<string>()
  for (const id of ids) {
    const one = byId.get(call.resolve(id) ?? id)
    if (one === undefined) notFound.add(id)
    else found.add(one)
  }
  return { list: [...found], notFound: [...notFound] }
}
