/**
 * The command line `postern`: its commands, the options that all have, and how it ends. Exit codes: 0 done;
 * 1 the server or the machine said no; 2 a dry run found changes, or `check` found nothing to look at; 64 the
 * command line is wrong.
 */
import { Command, CommanderError } from 'commander'
import { addAccountCommands } from './commands/account.ts'
import { addAliasCommands } from './commands/alias.ts'
import { addApplyCommand } from './commands/apply.ts'
import { addAuditCommand } from './commands/audit.ts'
import { addBimiCommands } from './commands/bimi.ts'
import { addBackupCommand } from './commands/backup.ts'
import { addCheckCommand } from './commands/check.ts'
import { addCreateCommand } from './commands/create.ts'
import { addDeleteCommand } from './commands/delete.ts'
import { addDescribeCommand } from './commands/describe.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addDkimCommands } from './commands/dkim.ts'
import { addDomainCommands } from './commands/domain.ts'
import { addGetCommand } from './commands/get.ts'
import { addGroupCommands } from './commands/group.ts'
import { addListCommands } from './commands/list.ts'
import { addPushCommands } from './commands/push.ts'
import { addQueueCommands } from './commands/queue.ts'
import { addQueryCommand } from './commands/query.ts'
import { addReportCommands } from './commands/report.ts'
import { addReloadCommand } from './commands/reload.ts'
import { addRoleCommands } from './commands/role.ts'
import { addSnapshotCommand } from './commands/snapshot.ts'
import { addStatusCommand } from './commands/status.ts'
import { addTroubleshootCommands } from './commands/troubleshoot.ts'
import { addUpdateCommand } from './commands/update.ts'
import { nearest } from '#settings/nearest.ts'
import { version } from '#server/version.ts'
import { examplesOf } from './commands/noun.ts'
import { CliFailure, messageOf, QuietExit, usageExitCode, usageFailure } from './failure.ts'
import { page, usualColumns } from './layout.ts'
import { printable, type Terminal } from './terminal.ts'

const help = `
First steps, on the machine where the server runs:
  $ postern status
  $ postern domain create example.org
  $ postern account create alice@example.org

On the same machine no password is asked of whoever can read the server's data directory (--data). From
elsewhere name the server with --url (or POSTERN_URL) and sign in: as --user (or POSTERN_USER) with the
password in POSTERN_PASSWORD or at the question for it, or with a key in POSTERN_API_KEY.

Results go to standard output, all else to standard error; with --json both are JSON. Exit codes: 0 done,
1 failed, 2 \`apply --dry-run\` found changes, 64 the command line is wrong. \`postern help <command>\` has more.
`

type Add = (program: Command, terminal: Terminal) => void

/** All commands that there are, as the help groups them: each adds itself to the program. */
const commands: readonly (readonly [group: string, commands: readonly Add[]])[] = [
  [
    'People and their addresses:',
    [
      addDomainCommands,
      addDkimCommands,
      addBimiCommands,
      addAccountCommands,
      addGroupCommands,
      addListCommands,
      addAliasCommands,
      addRoleCommands,
    ],
  ],
  [
    'Anything that can be managed:',
    [
      addDescribeCommand,
      addGetCommand,
      addQueryCommand,
      addCreateCommand,
      addUpdateCommand,
      addDeleteCommand,
    ],
  ],
  ['A whole organisation at once:', [addApplyCommand, addSnapshotCommand]],
  [
    'Mail that waits, and what is told about mail:',
    [addQueueCommands, addReportCommands, addTroubleshootCommands, addPushCommands],
  ],
  [
    'The server:',
    [
      addStatusCommand,
      addReloadCommand,
      addAuditCommand,
      addDoctorCommand,
      addBackupCommand,
      addCheckCommand,
    ],
  ],
]

/** Runs one command line (without the program's own name) and gives the exit code. Never throws. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = buildProgram(terminal)
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has shown help, which was asked for or is all that can be said.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode
    if (error instanceof QuietExit) return error.exitCode
    const failure = error instanceof CliFailure ? error : new CliFailure(messageOf(error))
    tell(terminal, failure, args.includes('--json'))
    return failure.exitCode
  }
}

function tell(terminal: Terminal, { message, hint, fields }: CliFailure, asJson: boolean): void {
  if (asJson) {
    const some = fields.length === 0 ? {} : { fields }
    return terminal.err(`${JSON.stringify({ error: { message, hint, ...some } })}\n`)
  }
  const lines = fields.map(
    ({ field, problem }) => `  ${printable(field === '' ? problem : `${field}: ${problem}`)}\n`,
  )
  const advice = hint === undefined ? '' : `  ${printable(hint)}\n`
  terminal.err(`postern: ${printable(message)}\n${lines.join('')}${advice}`)
}

function buildProgram(terminal: Terminal): Command {
  const program = new Command('postern')
    .description('Administers a Postern mail server.')
    .version(version, '--version', 'the version of this program')
    .option('--url <url>', 'the server (or POSTERN_URL; default: http://127.0.0.1:8080)')
    .option('--user <name>', 'who signs in (or POSTERN_USER; default: admin)')
    .option('--data <directory>', "the server's data directory (or POSTERN_DATA; default: ./data)")
    .option('--admin-password-stdin', 'read the password of --user from standard input')
    .option('--json', 'print JSON, for programs')
    .addHelpText('after', () => page(help, terminal.columns ?? usualColumns))
    .showSuggestionAfterError()
  for (const [group, adds] of commands) {
    program.commandsGroup(group)
    for (const add of adds) add(program, terminal)
  }
  program.helpCommand(false)
  addHelpCommand(program)
  for (const command of withAll(program)) {
    command
      .exitOverride()
      .configureHelp({ subcommandTerm: (one) => one.name(), minWidthToWrap: 20 })
      .configureOutput({
        writeOut: (text) => terminal.out(text),
        writeErr: (text) => terminal.err(text),
        outputError: (text) => {
          throw wrongUse(command, text)
        },
        getOutHelpWidth: () => terminal.columns ?? usualColumns,
        getErrHelpWidth: () => terminal.columns ?? usualColumns,
        getOutHasColors: () => terminal.hasColours,
        getErrHasColors: () => false,
      })
      .addHelpText('after', () => furtherHelp(command))
  }
  return program
}

function addHelpCommand(program: Command): void {
  program
    .commandsGroup('Help:')
    .command('help')
    .description('how a command is used')
    .argument('[command...]', 'such as account, or account create')
    .addHelpText('after', examplesOf('help account', 'help account create'))
    .action((words: readonly string[]) => {
      const command = words.reduce((outer, word) => {
        const inner = outer.commands.find((one) => one.name() === word || one.aliases().includes(word))
        if (inner !== undefined) return inner
        const near = nearest(
          word,
          outer.commands.map((one) => one.name()),
        )
        throw usageFailure(
          `there is no command ${pathOf(outer)}${word}`,
          near === undefined ? `postern ${pathOf(outer)}--help lists them` : `did you mean ${near}?`,
        )
      }, program)
      command.outputHelp()
    })
}

/** What no page of help says again. */
function furtherHelp(command: Command): string {
  if (command.parent === null) return ''
  const [first] = command.commands
  const inner =
    first === undefined ? '' : `Examples of each: postern ${pathOf(command)}${first.name()} --help\n`
  return `${first === undefined ? '' : '\n'}${inner}Options of every command, such as --json and --url: postern --help\n`
}

/** What Commander says is wrong, as this program says it: `error: unknown command 'x'`, `(Did you mean y?)`. */
function wrongUse(command: Command, text: string): CliFailure {
  const [message = '', guess] = withoutValues(text.trim().replace(/^error: /, '')).split('\n')
  const help = `postern ${pathOf(command)}--help shows how it is used`
  const other = elsewhere[/^unknown command '(.*)'$/.exec(message)?.[1] ?? '']
  if (other !== undefined && command.parent === null) return usageFailure(message, other)
  const near = /^\(Did you mean (.*)\?\)$/.exec(guess ?? '')?.[1]
  return usageFailure(message, near === undefined ? help : `did you mean ${near}? ${help}`)
}

/** What is no command of this program, and how it is done. */
const elsewhere: Readonly<Record<string, string>> = {
  start: '`npm start` starts the server, or systemd does (docs/operation.md)',
  stop: 'the server stops at SIGTERM or Ctrl-C, or `systemctl stop postern`',
  restart:
    'stop the server and start it: `systemctl restart postern`; `postern reload` reads its settings again',
  restore: 'a copy is put in the place of the data directory while the server is stopped (docs/operation.md)',
}

/** What follows an option that is not known, or the word that is too much, may be a password. */
const withoutValues = (text: string): string =>
  text
    .replace(/(unknown option '[^'=]*)=[^']*'/, "$1'")
    .replace(/(too many arguments.*? but got \d+): [^]*/, '$1.\n')

const withAll = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(withAll)]

/** `account create ` for that command, nothing for the program. */
const pathOf = (command: Command): string =>
  command.parent === null ? '' : `${pathOf(command.parent)}${command.name()} `
