/** A plan as people read it before they say yes, and what became of it. */
import { differenceTexts } from '../difference.ts'
import { counted, wrap } from '../layout.ts'
import { wordFor } from '../object-words.ts'
import { painted, printable, type Terminal } from '../terminal.ts'
import { shortText } from '../value-text.ts'
import type { PlanStep, Steps } from './step.ts'
import { withoutSecrets } from './wanted.ts'

/** More steps of one sort than these are counted, not shown. */
const mostShown = 200
/** Of more new objects than these only the names are shown. */
const mostDetailed = 20

const signs = {
  create: ['+', 'green'],
  change: ['~', 'yellow'],
  delete: ['-', 'red'],
} as const

export function planText({ steps, unchanged }: Steps, terminal: Terminal): string {
  const parts = (['create', 'change', 'delete'] as const).map((does) => {
    const some = steps.filter((step) => step.does === does)
    const isDetailed = does !== 'create' || some.length <= mostDetailed
    const shown = some.slice(0, mostShown).map((step) => stepText(step, isDetailed, terminal))
    const more = some.length - mostShown
    return (
      shown.join('') +
      (more > 0 ? `  and ${counted(more, 'more', 'more')} to ${does}; --json shows all\n` : '')
    )
  })
  const text = parts.join('')
  return `${text}${text === '' ? '' : '\n'}${summary(steps, unchanged)}\n`
}

function stepText(
  { does, object, name, values, differences }: PlanStep,
  isDetailed: boolean,
  terminal: Terminal,
): string {
  const [sign, colour] = signs[does]
  const called = object.kind === 'singleton' ? object.name : `${wordFor(object.name)} ${name}`
  const head = `${painted(terminal, colour, sign)} ${printable(called)}\n`
  if (!isDetailed) return head
  const lines =
    does === 'create'
      ? Object.entries(withoutSecrets(values, object.fields))
          .filter(([field]) => field !== 'name')
          .map(([field, value]) => `${field}: ${shortText(value, object.fields[field])}`)
      : differences.flatMap((one) => differenceTexts(one, object.fields))
  return head + lines.map((line) => wrap(line, terminal.columns, '    ')).join('')
}

function summary(steps: readonly PlanStep[], unchanged: number): string {
  const countOf = (wanted: PlanStep['does']): string =>
    steps.filter(({ does }) => does === wanted).length.toLocaleString('en')
  if (steps.length === 0)
    return `Nothing to do: ${counted(unchanged, 'object is', 'objects are')} as the plan says.`
  return `${countOf('create')} to create, ${countOf('change')} to change, ${countOf('delete')} to delete, ${unchanged.toLocaleString('en')} as the plan says.`
}

/** For programs: no secrets. */
export const shownSteps = (steps: readonly PlanStep[]): readonly object[] =>
  steps.map(({ does, object, name, values, differences }) => ({
    does,
    object: object.name,
    name,
    ...(does === 'create' ? { values: withoutSecrets(values, object.fields) } : {}),
    ...(does === 'change' ? { differences } : {}),
  }))
