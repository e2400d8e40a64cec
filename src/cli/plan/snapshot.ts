/**
 * All that can be described of a server as a plan. What must always hold: servers that are alike give the same
 * bytes, so nothing is in it that tells when or where it was made; no secret is in it; applied to an empty
 * server it gives one that is alike, but for passwords.
 */
import { builtInRoles } from '#account/permission.ts'
import { holdsSecret } from '../assignment.ts'
import { sameJson } from '../difference.ts'
import { nameOf, singletonKey } from '../object-actions.ts'
import type { ObjectClient, ObjectDescription, ShownObject, Values } from '../object-client.ts'
import { rankOf } from './reference.ts'
import { unsaid } from './wanted.ts'

export interface Snapshot {
  readonly comment: readonly string[]
  readonly complete: true
  readonly kinds: readonly (readonly [name: string, some: Values | readonly Values[]])[]
}

export async function takeSnapshot(
  objects: ObjectClient,
  progress: (kind: string) => void,
): Promise<Snapshot> {
  const all = await objects.describeAll()
  const isAsked = ({ kind, ofAccount, may }: ObjectDescription): boolean =>
    kind !== 'record' && !ofAccount && may.includes('get') && may.includes('update')
  const wanted = all
    .filter(isAsked)
    .toSorted((a, b) => rankOf(a.name) - rankOf(b.name) || order(a.name, b.name))
  const kinds: [string, Values | readonly Values[]][] = []
  for (const object of wanted) {
    progress(object.name)
    const found =
      object.kind === singletonKey ? await singleton(objects, object) : await collection(objects, object)
    if (Object.keys(found).length > 0) kinds.push([object.name, found])
  }
  return { comment: commentOn(all, wanted), complete: true, kinds }
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const singleton = async (objects: ObjectClient, object: ObjectDescription): Promise<Values> =>
  saidOf(await objects.get(object.name, singletonKey), object)

async function collection(objects: ObjectClient, object: ObjectDescription): Promise<readonly Values[]> {
  const all = await objects.all(object.name)
  return all
    .filter((one) => !(object.name === 'Role' && builtInRoles.has(nameOf(one))))
    .map((one) => ({ one, said: saidOf(one, object) }))
    .filter(({ one, said }) => !isSetting(one) || Object.keys(said).length > 0)
    .map(({ one, said }) => ({ name: nameOf(one), ...said }))
    .toSorted((a, b) => order(a.name, b.name))
}

/** Settings say where each value is from; those of the file and the environment are not the store's. */
const isSetting = ({ origins }: ShownObject): boolean => typeof origins === 'object' && origins !== null

/** What somebody has said, beyond the name: what differs from what holds where nothing is said. */
function saidOf(one: ShownObject, object: ObjectDescription): Values {
  const origins = isSetting(one) ? (one['origins'] as Values) : undefined
  const said = Object.entries(object.fields).filter(([name, field]) => {
    if (name === 'name' || field.settable === 'never' || holdsSecret(field)) return false
    if (origins !== undefined) return origins[name] === 'store'
    return !sameJson(one[name], unsaid(object, name, one))
  })
  return Object.fromEntries(said.map(([name]) => [name, one[name]]))
}

function commentOn(
  all: readonly ObjectDescription[],
  taken: readonly ObjectDescription[],
): readonly string[] {
  const secrets = taken.flatMap(({ name, fields }) =>
    Object.keys(fields)
      .filter((field) => holdsSecret(fields[field]!))
      .map((field) => `${name}.${field}`),
  )
  const own = all.filter(({ ofAccount }) => ofAccount).map(({ name }) => name)
  return [
    'What a Postern server is told to be, for `postern apply`. Mail is not in it.',
    `Secrets are not in it: ${[...secrets].toSorted(order).join(', ')}.`,
    `What each account has of its own is not in it: ${[...own].toSorted(order).join(', ')}.`,
  ]
}

const longestLine = 100

/** JSON in which what is short has one line, so that a change is a change of few lines. */
export function snapshotText({ comment, complete, kinds }: Snapshot): string {
  const entries = [['comment', comment], ['complete', complete], ...kinds] as const
  const lines = entries.map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${laidOut(value, '  ', name.length + 6)}`,
  )
  return `{\n${lines.join(',\n')}\n}\n`
}

function inOneLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(', ')}]`
  const entries = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${inOneLine(one)}`)
  return `{${entries.join(', ')}}`
}

function laidOut(value: unknown, indent: string, before: number): string {
  const short = inOneLine(value)
  const isNested = Array.isArray(value) && value.some((one) => typeof one === 'object' && one !== null)
  if (typeof value !== 'object' || value === null || (!isNested && before + short.length <= longestLine))
    return short
  const inner = `${indent}  `
  if (Array.isArray(value)) {
    const items = value.map((one: unknown) => `${inner}${laidOut(one, inner, inner.length)}`)
    return value.length === 0 ? '[]' : `[\n${items.join(',\n')}\n${indent}]`
  }
  const entries = Object.entries(value).map(
    ([name, one]) =>
      `${inner}${JSON.stringify(name)}: ${laidOut(one, inner, inner.length + name.length + 4)}`,
  )
  return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${indent}}`
}
