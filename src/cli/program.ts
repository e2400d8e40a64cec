/**
 * The command line `postern`: its commands, the options that all have, and how it ends. Exit codes: 0 done;
 * 1 the server or the machine said no; 2 the command line is wrong.
 */
import { Command, CommanderError } from 'commander'
import { addAccountCommands } from './commands/account.ts'
import { addCheckCommand } from './commands/check.ts'
import { addDomainCommands } from './commands/domain.ts'
import { addStatusCommand } from './commands/status.ts'
import { CliFailure } from './failure.ts'
import { printable, type Terminal } from './terminal.ts'

const help = `
First steps, on the machine where the server runs:
  $ postern status
  $ postern domain create example.org
  $ postern account create alice@example.org

On the same machine no password is asked of whoever can read the server's data directory (--data). From
elsewhere name the server with --url; the password of "admin" is asked for, or taken from POSTERN_PASSWORD.
`

/** All commands that there are: each adds itself to the program. */
const commands: readonly ((program: Command, terminal: Terminal) => void)[] = [
  addStatusCommand,
  addDomainCommands,
  addAccountCommands,
  addCheckCommand,
]

/** Runs one command line (without the program's own name) and gives the exit code. Never throws. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = buildProgram(terminal)
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has said what is wrong, or has shown help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const failure = error instanceof CliFailure ? error : undefined
    const { message } = error instanceof Error ? error : { message: String(error) }
    tell(terminal, message, failure?.hint, args.includes('--json'))
    return failure?.exitCode ?? 1
  }
}

function tell(terminal: Terminal, message: string, hint: string | undefined, asJson: boolean): void {
  if (asJson) terminal.err(`${JSON.stringify({ error: { message, hint } })}\n`)
  else terminal.err(`postern: ${printable(message)}\n${hint === undefined ? '' : `  ${printable(hint)}\n`}`)
}

function buildProgram(terminal: Terminal): Command {
  const program = new Command('postern')
    .description('Administers a Postern mail server.')
    .option('--url <url>', 'the server (or POSTERN_URL; default: http://127.0.0.1:8080)')
    .option('--user <name>', 'who signs in', 'admin')
    .option('--data <directory>', "the server's data directory (or POSTERN_DATA; default: ./data)")
    .option('--admin-password-stdin', 'read the password of --user from standard input')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', help)
    .showSuggestionAfterError()
  for (const add of commands) add(program, terminal)
  for (const command of withAll(program)) {
    command
      .exitOverride()
      .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
      .showHelpAfterError(`(postern ${pathOf(command)}--help shows how it is used)`)
  }
  return program
}

const withAll = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(withAll)]

/** `account create ` for that command, nothing for the program. */
const pathOf = (command: Command): string =>
  command.parent === null ? '' : `${pathOf(command.parent)}${command.name()} `
