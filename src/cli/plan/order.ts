/**
 * The order in which the steps of a plan are taken: waves, each of steps that do not need each other. Where
 * things name each other in a circle, as two domains that redirect to one another, a field is left for later.
 */
import type { Values } from '../object-client.ts'
import { identityOf, type Reference, rankOf, referencesOf } from './reference.ts'
import type { PlanStep } from './step.ts'

export interface Waves {
  readonly waves: readonly (readonly PlanStep[])[]
  /** Changes that are made when everything is there. */
  readonly later: readonly PlanStep[]
}

/** What is deleted goes last, in the opposite order: a domain after its accounts. */
export function orderSteps(steps: readonly PlanStep[]): Waves {
  const missing = new Set(steps.filter(({ does }) => does === 'create').map(identityOfStep))
  const waves: PlanStep[][] = []
  const later: PlanStep[] = []
  const written = steps.filter(({ does }) => does !== 'delete')
  for (const some of byRank(written)) {
    let rest = some
    while (rest.length > 0) {
      const among = new Set(rest.filter(({ does }) => does === 'create').map(identityOfStep))
      const waits = ({ to }: Reference): boolean => to.some((one) => among.has(one))
      const ready = rest.filter((step) => !pending(step, missing).some(waits))
      const wave = ready.length > 0 ? ready : rest
      waves.push(wave.map((step) => withoutPending(step, missing, later)))
      for (const step of wave) missing.delete(identityOfStep(step))
      const taken = new Set(wave)
      rest = rest.filter((step) => !taken.has(step))
    }
  }
  const deleted = byRank(steps.filter(({ does }) => does === 'delete')).toReversed()
  return { waves: [...waves, ...deleted], later }
}

const identityOfStep = ({ object, name }: PlanStep): string => identityOf(object.name, name)

function byRank(steps: readonly PlanStep[]): readonly (readonly PlanStep[])[] {
  const ranked = new Map<number, PlanStep[]>()
  for (const step of steps) {
    const rank = rankOf(step.object.name)
    const some = ranked.get(rank)
    if (some === undefined) ranked.set(rank, [step])
    else some.push(step)
  }
  return [...ranked].toSorted(([a], [b]) => a - b).map(([, some]) => some)
}

/** What a step names that is not there yet. */
const pending = ({ object, values }: PlanStep, missing: ReadonlySet<string>): readonly Reference[] =>
  referencesOf(object.name, values).filter(({ to }) => to.some((one) => missing.has(one)))

function withoutPending(step: PlanStep, missing: ReadonlySet<string>, later: PlanStep[]): PlanStep {
  const fields = new Set(pending(step, missing).map(({ field }) => field))
  if (fields.size === 0) return step
  const split = (isLater: boolean): Values =>
    Object.fromEntries(Object.entries(step.values).filter(([name]) => fields.has(name) === isLater))
  later.push({ ...step, does: 'change', values: split(true), differences: [] })
  return { ...step, values: split(false) }
}
