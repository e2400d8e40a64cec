/**
 * A plan: what is to be on a server, object by object. It is read from a document in one of these forms.
 *
 *   [{"object": "Account", "name": "alice@example.org", "values": {...}}, ...]    also one per line (NDJSON)
 *   {"Domain": [{"name": "example.org"}], "Account": {"alice@example.org": {...}}}    also as TOML
 *
 * `"state": "absent"` is for what is not to be there. `"complete": true`, at an entry or for all, says that the
 * values are all there is: a field that is not named has its default. Else it stays as it is.
 *
 * What must always hold: everything that is wrong is found before a server is changed, and all of it is told.
 */
import { nearest } from '#settings/nearest.ts'
import { CliFailure, type FieldProblem } from '../failure.ts'
import { singletonKey } from '../object-actions.ts'
import type { ObjectDescription, Values } from '../object-client.ts'

export interface PlanEntry {
  readonly object: ObjectDescription
  /** By which the server finds it: an id or a name. */
  readonly key: string
  readonly values: Values
  readonly state: 'present' | 'absent'
  readonly complete: boolean
}

const entryWords = ['object', 'key', 'state', 'complete', 'comment', 'values']
const documentWords = ['complete', 'comment']

type Raw = Readonly<Record<string, unknown>>

/** Throws CliFailure that names all that is wrong. */
export function readPlan(document: unknown, objects: readonly ObjectDescription[]): readonly PlanEntry[] {
  const reader = new PlanReader(objects)
  reader.document(document)
  if (reader.problems.length > 0)
    throw new CliFailure('the plan is not right; nothing was changed', {
      fields: reader.problems.slice(0, 50),
    })
  return reader.entries
}

const isRaw = (given: unknown): given is Raw =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

class PlanReader {
  readonly entries: PlanEntry[] = []
  readonly problems: FieldProblem[] = []
  readonly #objects: ReadonlyMap<string, ObjectDescription>
  readonly #seen = new Set<string>()

  constructor(objects: readonly ObjectDescription[]) {
    this.#objects = new Map(objects.map((object) => [object.name, object]))
  }

  document(given: unknown): void {
    if (Array.isArray(given)) {
      for (const [i, one] of given.entries()) this.#listed(one, `entry ${i + 1}`)
    } else if (!isRaw(given)) this.#wrong('', 'a plan is a list of objects, or objects by their kind')
    else if (typeof given['object'] === 'string') this.#listed(given, 'entry 1')
    else this.#byKind(given)
  }

  #byKind(given: Raw): void {
    const complete = given['complete'] === true
    for (const [kind, some] of Object.entries(given)) {
      if (documentWords.includes(kind)) continue
      const object = this.#object(kind, kind)
      if (object === undefined) continue
      if (object.kind === singletonKey) this.#entry(object, some, kind, complete)
      else if (Array.isArray(some))
        for (const [i, one] of some.entries()) this.#entry(object, one, `${kind}[${i}]`, complete)
      else if (isRaw(some))
        for (const [name, one] of Object.entries(some))
          this.#entry(object, isRaw(one) ? { name, ...one } : one, `${kind} ${name}`, complete)
      else this.#wrong(kind, 'must be a list of objects, or objects by their names')
    }
  }

  #listed(given: unknown, place: string): void {
    const kind = isRaw(given) ? given['object'] : undefined
    if (typeof kind !== 'string') return this.#wrong(place, 'says no object, such as "object": "Account"')
    const object = this.#object(kind, place)
    if (object !== undefined) this.#entry(object, given, place, false)
  }

  #object(kind: string, place: string): ObjectDescription | undefined {
    const object = this.#objects.get(kind)
    const near = nearest(kind, this.#objects.keys())
    const guess = near === undefined ? '' : `; did you mean ${near}?`
    if (object === undefined) this.#wrong(place, `there is no object ${kind}${guess}`)
    else if (object.kind === 'record' || object.ofAccount)
      this.#wrong(
        place,
        object.ofAccount ? `${kind} is of each account, not of a plan` : `${kind} is written by the server`,
      )
    else return object
    return undefined
  }

  #entry(object: ObjectDescription, given: unknown, place: string, complete: boolean): void {
    if (!isRaw(given)) return this.#wrong(place, 'must be an object')
    const { key, state = 'present', values: inner } = given
    const flat = Object.fromEntries(Object.entries(given).filter(([name]) => !entryWords.includes(name)))
    const values: Values = isRaw(inner) ? { ...flat, ...inner } : flat
    const called = object.kind === singletonKey ? singletonKey : (key ?? values['name'])
    const label =
      typeof called === 'string' && object.kind !== singletonKey ? `${object.name} ${called}` : place
    if (typeof called !== 'string' || called === '') return this.#wrong(label, 'has no name')
    if (state !== 'present' && state !== 'absent')
      return this.#wrong(`${label}.state`, 'must be "present" or "absent"')
    if (inner !== undefined && !isRaw(inner)) return this.#wrong(`${label}.values`, 'must be an object')
    const identity = `${object.name}\n${called.toLowerCase()}`
    if (this.#seen.has(identity)) return this.#wrong(label, 'is there twice')
    this.#seen.add(identity)
    this.#checkFields(object, values, label)
    this.entries.push({
      object,
      key: called,
      values,
      state,
      complete: given['complete'] === true || complete,
    })
  }

  #checkFields({ fields }: ObjectDescription, values: Values, label: string): void {
    for (const name of Object.keys(values)) {
      const field = Object.hasOwn(fields, name) ? fields[name]! : undefined
      const near = field === undefined ? nearest(name, Object.keys(fields)) : undefined
      const guess = near === undefined ? '' : `; did you mean ${near}?`
      if (field === undefined) this.#wrong(`${label}.${name}`, `is not known${guess}`)
      else if (field.settable === 'never') this.#wrong(`${label}.${name}`, 'is set by the server')
    }
  }

  #wrong(field: string, problem: string): void {
    this.problems.push({ field, problem })
  }
}
