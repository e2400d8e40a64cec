/** `postern doctor`: what keeps mail from going and coming as it should, and what to do. */
import type { Command } from 'commander'
import type { Finding } from '#admin/doctor.ts'
import { contextOf } from '../context.ts'
import { QuietExit } from '../failure.ts'
import { counted, wrap } from '../layout.ts'
import { notUnderstood } from '../server-answer.ts'
import { painted, printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

export function addDoctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('look for what keeps mail from going and coming; ends with 1 where something must be done')
    .option('--to <domain>', 'try port 25 with the servers of this domain')
    .addHelpText('after', examplesOf('doctor', 'doctor --to example.net --json'))
    .action(async (o: { to?: string }, self: Command) => {
      const context = contextOf(self, terminal)
      const query = o.to === undefined ? '' : `?domain=${encodeURIComponent(o.to)}`
      const findings = readFindings(await context.api.ask('GET', `/api/doctor${query}`))
      const problems = findings.filter(({ result }) => result === 'problem').length
      const end = problems === 0 ? 'Nothing must be done.\n' : `${counted(problems, 'thing')} must be done.\n`
      context.show(
        { problems, findings },
        `${findings.map((one) => findingText(one, terminal)).join('')}\n${end}`,
      )
      if (problems > 0) throw new QuietExit(1)
    })
}

const colours = { ok: 'green', note: 'yellow', problem: 'red', skipped: 'dim' } as const

function findingText({ check, of, result, said, advice }: Finding, terminal: Terminal): string {
  const indent = ' '.repeat(9)
  const name = printable(of === undefined ? check : `${check} ${of}`)
  const hint = advice === undefined || result === 'ok' ? '' : wrap(`-> ${advice}`, terminal.columns, indent)
  return `${painted(terminal, colours[result], result.padEnd(9))}${name}\n${wrap(said, terminal.columns, indent)}${hint}`
}

function readFindings(given: unknown): readonly Finding[] {
  const { findings } = (given ?? {}) as { findings?: unknown }
  if (!Array.isArray(findings)) throw notUnderstood()
  return findings.map((one: unknown) => {
    const { check, of, result, said, advice } = (one ?? {}) as Partial<Finding>
    const isKnown = typeof result === 'string' && Object.hasOwn(colours, result)
    if (typeof check !== 'string' || typeof said !== 'string' || !isKnown) throw notUnderstood()
    return {
      check,
      result,
      said,
      ...(typeof of === 'string' ? { of } : {}),
      ...(typeof advice === 'string' ? { advice } : {}),
    }
  })
}
