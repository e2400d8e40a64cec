/**
 * `postern check`: verifies a data directory while no server runs on it. Unlike other commands it asks no
 * server; it opens the store itself. Exit codes: 0 everything is in order, 1 something is not, 2 it could not
 * be looked at.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { checkDirectory } from '#server/offline/check.ts'
import { describeCheck, shownCheck } from '#server/offline/check-report.ts'
import type { GlobalOptions } from '../context.ts'
import { CliFailure, messageOf } from '../failure.ts'
import { spawnCommitter } from '../spawn-committer.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

interface CheckFlags extends GlobalOptions {
  readonly repair?: true
  readonly quick?: true
}

/** How often a long check says where it is. */
const progressMs = 2000

export function addCheckCommand(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .description('verify the data directory of a server that is stopped')
    .option('--repair', 'repair what can be derived; message bytes are never removed')
    .option('--quick', 'do not read the bytes of messages')
    .addHelpText('after', examplesOf('check --data ./data', 'check --data ./data --quick --json'))
    .action(async (_o: object, command: Command) => {
      const flags = command.optsWithGlobals<CheckFlags>()
      const directory = resolve(flags.data ?? terminal.env['POSTERN_DATA'] ?? 'data')
      const repair = flags.repair === true
      const shown = await look(directory, flags, terminal)
      const text = describeCheck(shown, { repair })
      terminal.out(flags.json === true ? `${JSON.stringify(shown, undefined, 2)}\n` : printableLines(text))
      if (shown.left > 0) throw new CliFailure(`${shown.left} left to repair`)
    })
}

async function look(
  directory: string,
  flags: CheckFlags,
  terminal: Terminal,
): Promise<ReturnType<typeof shownCheck>> {
  try {
    const checked = await checkDirectory(directory, {
      repair: flags.repair === true,
      isQuick: flags.quick === true,
      now: Date.now(),
      progress: progressTo(terminal),
      spawn: spawnCommitter,
    })
    return shownCheck({ directory, ...checked })
  } catch (error) {
    const [first = '', ...rest] = messageOf(error).split('\n')
    const hint = rest.length === 0 ? {} : { hint: rest.join(' ') }
    throw new CliFailure(`the check could not be done: ${first}`, { exitCode: 2, ...hint })
  }
}

/** For commands that take long. */
export function progressTo(terminal: Terminal): (text: string) => void {
  let last = Date.now()
  return (text) => {
    const now = Date.now()
    if (now - last < progressMs) return
    last = now
    terminal.err(`${text}\n`)
  }
}

const printableLines = (text: string): string => text.split('\n').map(printable).join('\n')
