/**
 * What has to be done so that a server is as a plan says: each entry is compared with what is there, and each
 * change is tried without committing it, so that a plan that cannot be carried out changes nothing.
 */
import { type Difference, differences } from '../difference.ts'
import { CliFailure, type FieldProblem, isNotFound, Refusal } from '../failure.ts'
import { nameOf, singletonKey } from '../object-actions.ts'
import type { ObjectClient, ObjectDescription, ShownObject, Values } from '../object-client.ts'
import { inParallel } from '../parallel.ts'
import type { PlanEntry } from './entry.ts'
import { identityOf, isBrought } from './reference.ts'
import { patchFor } from './wanted.ts'

export interface PlanStep {
  readonly does: 'create' | 'change' | 'delete'
  readonly object: ObjectDescription
  /** Where the server finds it. */
  readonly key: string
  readonly name: string
  /** What is sent. */
  readonly values: Values
  readonly differences: readonly Difference[]
}

export interface StepProblem {
  readonly object: string
  readonly name: string
  readonly problem: string
  readonly fields: readonly FieldProblem[]
}

export interface Steps {
  readonly steps: readonly PlanStep[]
  readonly unchanged: number
  readonly problems: readonly StepProblem[]
}

export interface PlanOptions {
  readonly objects: ObjectClient
  readonly jobs: number
  readonly writeSecrets: boolean
  /** Delete what is of a kind that the plan names and is not in it. `keep`: but not these. */
  readonly prune: boolean
  readonly keep: (object: ObjectDescription, one: ShownObject) => boolean
  readonly progress: (done: number, all: number) => void
}

/** From so many entries of a kind on, all objects of it are read at once. */
const manyEntries = 20

export async function planSteps(entries: readonly PlanEntry[], o: PlanOptions): Promise<Steps> {
  const present = await readPresent(entries, o)
  const found = await inParallel(entries, o.jobs, async (entry) => ({
    entry,
    one: await presentOf(entry, present.get(entry.object.name), o.objects),
  }))
  const brought = new Set(
    found
      .filter(({ entry, one }) => one === undefined && entry.state === 'present')
      .map(({ entry }) => identityOf(entry.object.name, entry.key)),
  )
  const checker = new Checker(o, brought)
  let done = 0
  const steps = await inParallel(found, o.jobs, async ({ entry, one }) => {
    const step = await checker.step(entry, one)
    o.progress(++done, found.length)
    return step
  })
  const pruned = o.prune ? prunedSteps(entries, present, o) : []
  const wanted = steps.filter((step) => step !== undefined)
  return {
    steps: [...wanted, ...pruned],
    unchanged: entries.length - wanted.length - checker.problems.length,
    problems: checker.problems,
  }
}

type PresentOfKind = ReadonlyMap<string, ShownObject>

async function readPresent(
  entries: readonly PlanEntry[],
  { objects, prune }: PlanOptions,
): Promise<ReadonlyMap<string, PresentOfKind>> {
  const counts = new Map<ObjectDescription, number>()
  for (const { object } of entries) counts.set(object, (counts.get(object) ?? 0) + 1)
  const present = new Map<string, PresentOfKind>()
  for (const [object, count] of counts) {
    if (object.kind === singletonKey || (count < manyEntries && !prune)) continue
    const all = await objects.all(object.name)
    present.set(object.name, new Map(all.map((one) => [nameOf(one), one])))
  }
  return present
}

/** A name in lower-case ASCII is spelled as the server does; others it has to find itself. */
const isPlainName = (key: string): boolean => /^[a-z][a-z0-9.@_+-]*$/.test(key)

async function presentOf(
  { object, key }: PlanEntry,
  known: PresentOfKind | undefined,
  objects: ObjectClient,
): Promise<ShownObject | undefined> {
  const found = known?.get(key)
  if (found !== undefined) return found
  if (known !== undefined && isPlainName(key)) return undefined
  try {
    return await objects.get(object.name, key)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

class Checker {
  readonly problems: StepProblem[] = []
  readonly #o: PlanOptions
  readonly #brought: ReadonlySet<string>

  constructor(o: PlanOptions, brought: ReadonlySet<string>) {
    this.#o = o
    this.#brought = brought
  }

  /** Undefined where nothing is to be done, or where it cannot be. */
  async step(entry: PlanEntry, one: ShownObject | undefined): Promise<PlanStep | undefined> {
    const { object, state } = entry
    if (state === 'absent') {
      if (one === undefined) return undefined
      return { does: 'delete', object, key: one.id, name: nameOf(one), values: {}, differences: [] }
    }
    return one === undefined ? this.#creation(entry) : this.#change(entry, one)
  }

  async #creation(entry: PlanEntry): Promise<PlanStep | undefined> {
    const { object, key, values } = entry
    if (object.kind === singletonKey)
      return this.#wrong(entry, new Refusal(404, 'the server does not have it'))
    const given = Object.fromEntries(
      Object.entries({ name: key, ...values }).filter(([, value]) => value !== null),
    )
    const step = { does: 'create', object, key, name: key, values: given, differences: [] } as const
    // A password takes long to hash, and whether it will do is seen soon enough.
    const isTried = (name: string): boolean =>
      object.fields[name]?.kind !== 'secret' || object.fields[name].required === true
    const tried = Object.fromEntries(Object.entries(given).filter(([name]) => isTried(name)))
    const refused = await this.#try(() => this.#o.objects.create(object.name, tried, { dryRun: true }))
    if (refused instanceof Refusal && !this.#mayPass(refused, given)) return this.#wrong(entry, refused)
    return step
  }

  async #change(entry: PlanEntry, one: ShownObject): Promise<PlanStep | undefined> {
    const { object } = entry
    const patch = patchFor(entry, one, this.#o.writeSecrets)
    if (Object.keys(patch).length === 0) return undefined
    const fixed = Object.keys(patch).filter((name) => object.fields[name]!.settable === 'atCreation')
    if (fixed.length > 0) {
      const fields = fixed.map((field) => ({
        field,
        problem: 'stays as it was at creation; delete it first',
      }))
      return this.#wrong(entry, new Refusal(400, '', { fields }))
    }
    const tried = await this.#try(() => this.#o.objects.update(object.name, one.id, patch, { dryRun: true }))
    if (tried instanceof Refusal && !this.#mayPass(tried, patch)) return this.#wrong(entry, tried)
    const after = tried instanceof Refusal ? { ...one, ...patch } : tried
    const secrets = Object.keys(patch).filter((name) => object.fields[name]!.kind === 'secret')
    const found = differences(one, after, object.fields).filter(({ field }) => !secrets.includes(field))
    if (found.length + secrets.length === 0) return undefined
    const told = [...found, ...secrets.map((field) => ({ field, before: null, after: null }))]
    return { does: 'change', object, key: one.id, name: nameOf(one), values: patch, differences: told }
  }

  async #try(doing: () => Promise<ShownObject>): Promise<ShownObject | Refusal> {
    try {
      return await doing()
    } catch (error) {
      if (error instanceof Refusal) return error
      throw error
    }
  }

  /** What is refused now may be taken once the rest of the plan is there. */
  #mayPass({ status, fields }: Refusal, values: Values): boolean {
    if (status === 409) return true
    if (status !== 400 || fields.length === 0) return false
    return fields.every(({ field }) => {
      const value = valueAt(values, field)
      return typeof value === 'string' && isBrought(field, value, this.#brought)
    })
  }

  #wrong({ object, key }: PlanEntry, { message, fields }: Refusal): undefined {
    this.problems.push({ object: object.name, name: key, problem: message, fields })
  }
}

/** `aliases[0].address` of some values. An address that is not given is the name. */
function valueAt(values: Values, path: string): unknown {
  const parts = [...path.matchAll(/[^.[\]]+/g)].map(([part]) => part)
  const found = parts.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? (value as Values)[part] : undefined),
    values,
  )
  return found ?? (path === 'emailAddress' ? values['name'] : undefined)
}

function prunedSteps(
  entries: readonly PlanEntry[],
  present: ReadonlyMap<string, PresentOfKind>,
  { keep }: PlanOptions,
): readonly PlanStep[] {
  const named = new Set(entries.map(({ object, key }) => identityOf(object.name, key)))
  const kinds = new Map(entries.map(({ object }) => [object.name, object]))
  return [...present].flatMap(([kind, all]) => {
    const object = kinds.get(kind)!
    return [...all.values()]
      .filter((one) => !named.has(identityOf(kind, nameOf(one))) && !named.has(identityOf(kind, one.id)))
      .filter((one) => !keep(object, one))
      .map(
        (one) =>
          ({ does: 'delete', object, key: one.id, name: nameOf(one), values: {}, differences: [] }) as const,
      )
  })
}

export const failureOf = (problems: readonly StepProblem[], message: string): CliFailure =>
  new CliFailure(message, {
    fields: problems.slice(0, 50).flatMap(({ object, name, problem, fields }) => {
      const what = object === name ? object : `${object} ${name}`
      if (fields.length === 0) return [{ field: what, problem }]
      return fields.map((one) => ({ field: `${what}.${one.field}`, problem: one.problem }))
    }),
  })
