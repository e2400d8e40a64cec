/**
 * Carries out the steps of a plan, wave by wave. What the server refuses is told at the end and keeps nothing
 * else from being done; what was refused because of something else in the plan, such as an address that
 * another account gives up, is tried again after it. A server that no longer answers ends it.
 */
import { Refusal } from '../failure.ts'
import type { ObjectClient } from '../object-client.ts'
import { inParallel } from '../parallel.ts'
import type { Waves } from './order.ts'
import { identityOf } from './reference.ts'
import type { PlanStep, StepProblem } from './step.ts'

export interface RunOptions {
  readonly objects: ObjectClient
  readonly jobs: number
  /** Begin nothing more after the first refusal. */
  readonly stopsAtRefusal: boolean
  readonly progress: (done: number, all: number) => void
}

/** Counted in objects. */
export interface Outcome {
  readonly done: number
  readonly failed: readonly StepProblem[]
  /** Not begun. */
  readonly left: number
}

interface Failed {
  readonly step: PlanStep
  readonly refusal: Refusal
}

export async function runSteps({ waves, later }: Waves, o: RunOptions): Promise<Outcome> {
  const all = waves.reduce((sum, wave) => sum + wave.length, 0)
  const done = new Set<string>()
  const failed = new Map<string, Failed>()
  const isOver = (): boolean => o.stopsAtRefusal && failed.size > 0
  const attempt = async (steps: readonly PlanStep[]): Promise<void> => {
    await inParallel(steps, o.jobs, async (step) => {
      const called = identityOf(step.object.name, step.name)
      if (isOver()) return
      const refusal = await take(step, o.objects)
      if (refusal === undefined) done.add(called)
      else {
        done.delete(called)
        failed.set(called, { step, refusal })
      }
      o.progress(done.size + failed.size, all)
    })
  }
  const waiting = new Set(later)
  const finish = async (): Promise<void> => {
    const ready = [...waiting].filter(({ object, name }) => done.has(identityOf(object.name, name)))
    for (const step of ready) waiting.delete(step)
    await attempt(ready)
  }
  for (const wave of waves) await attempt(wave)
  await finish()
  // As long as it helps: each round may make room for the next.
  while (failed.size > 0 && !o.stopsAtRefusal) {
    const again = [...failed].filter(([, { refusal }]) => mayPassLater(refusal))
    const before = done.size
    for (const [called] of again) failed.delete(called)
    await attempt(again.map(([, { step }]) => step))
    await finish()
    if (done.size === before) break
  }
  const problems = [...failed.values()].map(({ step: { object, name }, refusal: { message, fields } }) => ({
    object: object.name,
    name,
    problem: message,
    fields,
  }))
  return { done: done.size, failed: problems, left: all - done.size - failed.size }
}

const mayPassLater = ({ status, fields }: Refusal): boolean =>
  status === 409 || (status === 400 && fields.length > 0)

async function take(step: PlanStep, objects: ObjectClient): Promise<Refusal | undefined> {
  const { does, object, key, values } = step
  try {
    if (does === 'create') await objects.create(object.name, values)
    else if (does === 'delete') await objects.destroy(object.name, key)
    else if (Object.keys(values).length > 0) await objects.update(object.name, key, values)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}
