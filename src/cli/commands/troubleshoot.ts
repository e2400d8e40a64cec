/** `postern troubleshoot`: why mail does not get there, step by step as it happens. */
import type { Command } from 'commander'
import type { ShownEnd, ShownStep } from '#admin/troubleshoot.ts'
import { type Context, contextOf } from '../context.ts'
import { CliFailure, QuietExit, usageFailure } from '../failure.ts'
import { wrap } from '../layout.ts'
import { notUnderstood } from '../server-answer.ts'
import { painted, printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'
import { addTroubleshootDmarc } from './troubleshoot-dmarc.ts'

export function addTroubleshootCommands(program: Command, terminal: Terminal): void {
  const troubleshoot = program
    .command('troubleshoot')
    .description('find out why mail does not get there, or is not believed')
  addTroubleshootDmarc(troubleshoot, terminal)
  troubleshoot
    .command('delivery')
    .description(
      'go the way that mail for an address would, without sending any; ends with 1 where it does not get there',
    )
    .argument('<address>', 'the recipient')
    .option('--from <address>', 'the sender; nobody where not given, as for a notification')
    .addHelpText(
      'after',
      examplesOf(
        'troubleshoot delivery bob@remote.example',
        'troubleshoot delivery bob@remote.example --json',
      ),
    )
    .action(async (address: string, o: { from?: string }, self: Command) => {
      const context = contextOf(self, terminal)
      if (!address.includes('@'))
        throw usageFailure(`"${address}" is no address`, 'such as bob@remote.example')
      const query = o.from === undefined ? '' : `?from=${encodeURIComponent(o.from)}`
      const end = await follow(context, `/api/troubleshoot/delivery/${encodeURIComponent(address)}${query}`)
      if (end.failure !== undefined) throw new CliFailure(`the test did not come to its end: ${end.failure}`)
      if (!context.wantsJson)
        terminal.out(
          end.accepted
            ? `\nMail for ${printable(address)} gets there. None was sent.\n`
            : `\nMail for ${printable(address)} does not get there now.\n`,
        )
      if (!end.accepted) throw new QuietExit(1)
    })
}

/** For programs each step is a line of JSON. */
async function follow(context: Context, path: string): Promise<ShownEnd> {
  const { terminal, wantsJson } = context
  for await (const { event, data } of context.api.events(path)) {
    if (wantsJson) terminal.out(`${JSON.stringify({ event, ...(data as object) })}\n`)
    if (event === 'end') return readEnd(data)
    if (!wantsJson && event === 'step') terminal.out(stepText(readStep(data), terminal))
  }
  throw new CliFailure('the server did not tell the end')
}

const colours = { ok: 'green', note: 'yellow', problem: 'red' } as const

function stepText({ step, result, said, advice, afterMs }: ShownStep, terminal: Terminal): string {
  const time = `${(afterMs / 1000).toFixed(1).padStart(5)} s`
  const head = `${time}  ${painted(terminal, colours[result], result.padEnd(7))}  ${printable(step)}\n`
  const indent = ' '.repeat(time.length + 2)
  const hint = advice === undefined ? '' : wrap(`-> ${advice}`, terminal.columns, indent)
  return head + wrap(said, terminal.columns, indent) + hint
}

function readStep(data: unknown): ShownStep {
  const { step, result, said, advice, afterMs } = (data ?? {}) as Partial<ShownStep>
  const isKnown = typeof result === 'string' && Object.hasOwn(colours, result)
  if (typeof step !== 'string' || typeof said !== 'string' || !isKnown || typeof afterMs !== 'number')
    throw notUnderstood()
  return { step, result, said, afterMs, ...(typeof advice === 'string' ? { advice } : {}) }
}

function readEnd(data: unknown): ShownEnd {
  const { accepted, afterMs, failure } = (data ?? {}) as Partial<ShownEnd>
  if (typeof accepted !== 'boolean' || typeof afterMs !== 'number') throw notUnderstood()
  return { accepted, afterMs, ...(typeof failure === 'string' ? { failure } : {}) }
}
