/** What a check found, for people and for programs. */
import type { CheckReport, Tally } from '#kv/check.ts'

/** Instances of one kind that are printed; programs get more. */
const printed = 20

export interface ShownCheck {
  readonly directory: string
  readonly accounts: number
  readonly repaired: number
  /** Findings that are still there, without notes. */
  readonly left: number
  readonly findings: readonly {
    readonly name: string
    readonly means: string
    readonly repair: string | undefined
    readonly isNote: boolean
    readonly repaired: number
    readonly left: number
    /** The first ones. */
    readonly instances: Tally['instances']
  }[]
}

export function shownCheck(o: { directory: string; accounts: number; report: CheckReport }): ShownCheck {
  const { directory, accounts, report } = o
  return {
    directory,
    accounts,
    repaired: report.repaired,
    left: report.left,
    findings: report.tallies.map(({ kind, repaired, left, instances }) => ({
      name: kind.name,
      means: kind.means,
      repair: kind.repair,
      isNote: kind.isNote === true,
      repaired,
      left,
      instances,
    })),
  }
}

export function describeCheck(shown: ShownCheck, o: { repair: boolean }): string {
  const { directory, accounts, repaired, left } = shown
  const lines = shown.findings.flatMap((finding) => [...describeFinding(finding), ''])
  const looked = `${counted(accounts, 'account')} in ${directory}`
  if (left === 0 && repaired === 0) lines.push(`${looked}: everything is in order.`)
  else if (left === 0) lines.push(`${looked}: ${counted(repaired, 'problem')} repaired, none left.`)
  else if (o.repair) lines.push(`${looked}: ${counted(repaired, 'problem')} repaired, ${left} left.`)
  else
    lines.push(`${looked}: ${counted(left, 'problem')}. Nothing was changed; --repair repairs what can be.`)
  return `${lines.join('\n')}\n`
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function describeFinding(finding: ShownCheck['findings'][number]): readonly string[] {
  const { name, means, repair, isNote, repaired, left, instances } = finding
  const state = [
    ...(left > 0 ? [isNote ? `${left}` : `${left} found`] : []),
    ...(repaired > 0 ? [`${repaired} repaired`] : []),
  ]
  const lines = [`${isNote ? 'note ' : ''}${name}: ${state.join(', ')}`, `  ${means}`]
  if (!isNote) lines.push(`  Repair: ${repair ?? 'nothing can be derived.'}`)
  for (const { account, what, isRepaired } of instances.slice(0, printed)) {
    const where = account === undefined ? '' : `account ${account}: `
    lines.push(`    ${where}${what}${isRepaired ? ' (repaired)' : ''}`)
  }
  const more = left + repaired - Math.min(printed, instances.length)
  if (more > 0) lines.push(`    and ${more} more`)
  return lines
}
