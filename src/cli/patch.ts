/**
 * From assignments to what the server is sent. A part of a field goes to the server with the whole field, so
 * for `+=`, `-=` and parts the object is read first, and the change is refused if it differs by then.
 */
import { askFor, type Assignment, keyOf } from './assignment.ts'
import { usageFailure } from './failure.ts'
import type { FieldDescription, Fields, Values } from './object-client.ts'

/** Whether the present values are needed for it. */
export const needsPresent = (assignments: readonly Assignment[]): boolean =>
  assignments.some(({ path, does }) => path.length > 1 || does !== 'set')

/** Throws CliFailure where an element that is named is not there. */
export function patchOf(assignments: readonly Assignment[], fields: Fields, present: Values): Values {
  const patch: Record<string, unknown> = {}
  for (const assignment of assignments) {
    const [name, ...rest] = assignment.path as [string, ...string[]]
    const before = Object.hasOwn(patch, name) ? patch[name] : present[name]
    patch[name] = changed(before, rest, fields[name]!, assignment)
  }
  return patch
}

function changed(
  before: unknown,
  path: readonly string[],
  field: FieldDescription,
  assignment: Assignment,
): unknown {
  const [part, ...rest] = path
  if (part === undefined) return assigned(before, field, assignment)
  if (field.kind === 'list' && field.item !== undefined) {
    const items = listOf(before)
    const at = indexOf(items, part, field.item)
    if (at < 0) throw usageFailure(`${assignment.path[0]} has no element "${part}"`)
    return items.with(at, changed(items[at], rest, field.item, assignment))
  }
  const values = recordOf(before)
  const inner = changed(values[part], rest, field.parts![part]!, assignment)
  if (inner !== null) return { ...values, [part]: inner }
  const { [part]: _, ...others } = values
  return others
}

function assigned(before: unknown, field: FieldDescription, { does, value }: Assignment): unknown {
  if (does === 'set') return value === askFor ? undefined : value
  const item = field.item!
  const given = listOf(value)
  const items = listOf(before)
  if (does === 'remove') return items.filter((one) => !given.some((other) => isSame(one, other, item)))
  return [...items, ...given.filter((one) => !items.some((other) => isSame(one, other, item)))]
}

const listOf = (given: unknown): readonly unknown[] => (Array.isArray(given) ? (given as unknown[]) : [])
const recordOf = (given: unknown): Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}

/** Addresses and names are compared as the server does: in any case. */
function isSame(a: unknown, b: unknown, item: FieldDescription): boolean {
  return callOf(a, item).toLowerCase() === callOf(b, item).toLowerCase()
}

function callOf(value: unknown, item: FieldDescription): string {
  const key = item.kind === 'record' ? keyOf(item) : undefined
  const called = key === undefined ? value : recordOf(value)[key]
  return typeof called === 'string' ? called : JSON.stringify(called)
}

function indexOf(items: readonly unknown[], part: string, item: FieldDescription): number {
  if (/^\d{1,6}$/.test(part)) return Number(part) < items.length ? Number(part) : -1
  return items.findIndex((one) => callOf(one, item).toLowerCase() === part.toLowerCase())
}
