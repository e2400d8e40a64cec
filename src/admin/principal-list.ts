/** Lists of principals: one kind of object after the other, in pages over all of them. */
import type { Shown } from '#registry/change.ts'
import type { Scope } from '#registry/managed-object.ts'
import type { Management } from '#registry/management.ts'
import { text } from '#settings/field.ts'
import type { Fields, Values } from '#settings/values.ts'
import { addressesOf } from './principal-changes.ts'
import { joined, listsByAddress } from './principal-lists.ts'
import {
  classicFields,
  objectOf,
  type PrincipalObject,
  type PrincipalType,
  principalTypes,
  showPrincipal,
  type ShownPrincipal,
} from './principal-shape.ts'
import { pageFields, pageOf } from './request.ts'

/** Some of these words, with commas in between. */
const someOf = (words: readonly string[], help: string) =>
  text({
    fallback: '',
    help,
    allowed: `some of ${words.join(', ')}, with commas in between`,
    normalise: (given) =>
      given.split(',').every((one) => one === '' || words.includes(one)) ? given : undefined,
  })

export const listQuery = {
  types: someOf(principalTypes, 'Only these kinds; without it all that you may see.'),
  filter: text({ fallback: '', help: 'Part of a name, an address or a description.' }),
  fields: someOf([...classicFields, 'id', 'enabled'], 'Only these fields, besides id and type.'),
  ...pageFields,
} as const satisfies Fields

interface Segment {
  readonly object: PrincipalObject
  readonly filter: Values
}

const wordsIn = (given: unknown): readonly string[] =>
  String(given)
    .split(',')
    .filter((one) => one !== '')

export async function listPrincipals(
  management: Management,
  scope: Scope,
  query: Values,
): Promise<{ items: readonly Partial<ShownPrincipal>[]; total: number }> {
  const wanted = wordsIn(query['types']) as readonly PrincipalType[]
  const segments = segmentsOf(wanted.length === 0 ? principalTypes : wanted, query['filter'] as string)
  const { actor } = scope
  const visible = segments.filter(
    ({ object }) => management.mayUse(object, 'query', actor) && management.mayUse(object, 'get', actor),
  )
  // What was asked for by name is refused by name; of everything, there is what one may see.
  const asked = wanted.length > 0 || visible.length === 0 ? segments : visible
  const page = pageOf(query)
  let { position } = page
  let total = 0
  const found: { object: PrincipalObject; one: Shown }[] = []
  for (const { object, filter } of asked) {
    const limit = page.limit - found.length
    const { ids, total: all } = await management.query(object, { filter, position, limit }, scope)
    for (const one of await management.getMany(object, ids, scope)) found.push({ object, one })
    position = Math.max(0, position - all)
    total += all
  }
  return { items: await show(management, scope, found, wordsIn(query['fields'])), total }
}

/** Users and groups are one kind of object: asked for together, they are in one order. */
function segmentsOf(types: readonly PrincipalType[], filter: string): readonly Segment[] {
  const text = filter === '' ? {} : { text: filter }
  const accounts = types.filter((type) => objectOf[type] === 'Account')
  const onlyType = new Set(accounts).size === 1 ? { type: accounts[0] === 'group' ? 'group' : 'user' } : {}
  return [...new Set(types.map((type) => objectOf[type]))].map((object) => ({
    object,
    filter: object === 'Account' ? { ...text, ...onlyType } : text,
  }))
}

async function show(
  management: Management,
  scope: Scope,
  found: readonly { object: PrincipalObject; one: Shown }[],
  fields: readonly string[],
): Promise<readonly Partial<ShownPrincipal>[]> {
  const isWanted = (field: string): boolean => fields.length === 0 || fields.includes(field)
  const accounts = isWanted('lists') ? found.filter(({ object }) => object === 'Account') : []
  const addresses = new Set(accounts.flatMap(({ one }) => addressesOf(one)))
  const lists = addresses.size === 0 ? new Map() : await listsByAddress(management, scope, addresses)
  return found.map(({ object, one }) => {
    const shown = showPrincipal(object, one, object === 'Account' ? joined(lists, addressesOf(one)) : [])
    const picked = Object.entries(shown).filter(
      ([field]) => field === 'id' || field === 'type' || isWanted(field),
    )
    return Object.fromEntries(picked)
  })
}
