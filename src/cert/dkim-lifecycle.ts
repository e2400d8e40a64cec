/**
 * What is to become of the keys of a domain, from how they are, what the DNS has, and the time: nothing else, so
 * that it may be asked at any time and as often as one likes.
 *
 * What must always hold: a key signs only after its record was seen; one that signs goes on until another of its
 * algorithm does; its record stays for mail that is on its way; what somebody brought is only ever activated.
 */
import type { DkimAlgorithm, DkimKeyRow, DkimManagement, DkimStage } from '#account/dkim-tables.ts'

export type DkimKey = Pick<DkimKeyRow, 'algorithm' | 'stage' | 'stageSince' | 'isAutomatic'> & {
  readonly selector: string
}

/** `soon`: the next keys are made now. `atOnce`: and those before sign no more, since somebody else may have them. */
export type DkimRotation = 'soon' | 'atOnce'

export interface DkimChanges {
  /** Keys of these are to be made. */
  readonly add: readonly DkimAlgorithm[]
  readonly stages: readonly { readonly selector: string; readonly stage: DkimStage }[]
  readonly remove: readonly string[]
}

export interface DkimSituation {
  readonly management: DkimManagement
  readonly keys: readonly DkimKey[]
  readonly nowMs: number
  /** Selectors whose record was seen with the key in it. */
  readonly published: ReadonlySet<string>
  readonly rotation?: DkimRotation | undefined
}

export function dkimChanges(o: DkimSituation): DkimChanges {
  const stages = new Map(o.keys.map(({ selector, stage }) => [selector, stage]))
  const isNow = (key: DkimKey, stage: DkimStage): boolean => stages.get(key.selector) === stage
  const own = o.keys.filter(({ isAutomatic }) => isAutomatic)

  for (const key of o.keys)
    if (isNow(key, 'pending') && o.published.has(key.selector)) stages.set(key.selector, 'active')
  if (o.rotation === 'atOnce') for (const key of own) stages.set(key.selector, 'retired')
  for (const key of own)
    if (isNow(key, 'active') && isOver(key, own, stages, o)) stages.set(key.selector, 'retiring')

  const removed = own.filter((key) => {
    const ageMs = o.nowMs - key.stageSince
    if (key.stage === 'retiring' && ageMs >= o.management.retireAfter) stages.set(key.selector, 'retired')
    if (key.stage === 'retired') return ageMs >= o.management.deleteAfter
    return key.stage === 'pending' && !isWanted(key, o.management)
  })
  const remove = removed.map(({ selector }) => selector)
  return {
    add: missing(own, stages, o),
    remove,
    stages: o.keys
      .filter(({ selector, stage }) => stages.get(selector) !== stage && !remove.includes(selector))
      .map(({ selector }) => ({ selector, stage: stages.get(selector)! })),
  }
}

type Stages = ReadonlyMap<string, DkimStage>

const isAutomatic = ({ type }: DkimManagement): boolean => type === 'automatic'

const isWanted = ({ algorithm }: DkimKey, management: DkimManagement): boolean =>
  !isAutomatic(management) || management.algorithms.includes(algorithm)

/** Whether another key signs in its place: a newer one of its algorithm, or where that is not wanted any more, any. */
function isOver(
  key: DkimKey,
  own: readonly DkimKey[],
  stages: Stages,
  { management }: DkimSituation,
): boolean {
  return own.some((other) => {
    if (other === key || stages.get(other.selector) !== 'active') return false
    if (!isWanted(key, management)) return isWanted(other, management)
    return other.algorithm === key.algorithm && isNewer(other, key)
  })
}

/** One that is active only now is newer than one that was before. */
function isNewer(a: DkimKey, b: DkimKey): boolean {
  if (a.stage !== b.stage) return a.stage === 'pending'
  return a.stageSince === b.stageSince ? a.selector > b.selector : a.stageSince > b.stageSince
}

function missing(own: readonly DkimKey[], stages: Stages, o: DkimSituation): readonly DkimAlgorithm[] {
  const { management, nowMs, rotation } = o
  if (!isAutomatic(management)) return []
  return [...new Set(management.algorithms)].filter((algorithm) => {
    const ofIt = own.filter((key) => key.algorithm === algorithm)
    if (ofIt.some(({ selector }) => stages.get(selector) === 'pending')) return false
    const active = ofIt.filter(({ selector }) => stages.get(selector) === 'active')
    // One that became active just now is as new as can be.
    const isYoung = (key: DkimKey): boolean =>
      key.stage === 'pending' || nowMs - key.stageSince < management.rotateAfter
    return rotation !== undefined || !active.some(isYoung)
  })
}

/** When its stage changes by itself, milliseconds; undefined where that depends on something else. */
export function nextTransition(key: DkimKey, management: DkimManagement): number | undefined {
  if (!key.isAutomatic) return undefined
  switch (key.stage) {
    case 'pending':
      return undefined
    case 'active':
      return isAutomatic(management) ? key.stageSince + management.rotateAfter : undefined
    case 'retiring':
      return key.stageSince + management.retireAfter
    case 'retired':
      return key.stageSince + management.deleteAfter
  }
}
