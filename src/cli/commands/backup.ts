/**
 * `postern backup DIR`: copies a data directory, also of a server that runs. As `check` it asks no server. Exit codes:
 * 0 the copy is whole and on disk, 1 it is not.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { backUp, type BackupResult } from '#server/offline/backup.ts'
import type { GlobalOptions } from '../context.ts'
import { CliFailure, messageOf } from '../failure.ts'
import { counted, page, usualColumns } from '../layout.ts'
import { spawnCommitter } from '../spawn-committer.ts'
import type { Terminal } from '../terminal.ts'
import { progressTo } from './check.ts'

const help = `
All mail, accounts and settings, as they were at one moment a second or two ago. The directory is new or empty, or
an earlier copy, to which what has changed is brought. Run it as the user that the server runs as, or as root.

To look at a copy: postern check --data DIR. To go back: stop the server, and put the copy in the place of its
data directory.

Examples:
  $ postern backup /srv/backup/postern --data /var/lib/postern
  $ postern backup /srv/backup/postern --json
`

export function addBackupCommand(program: Command, terminal: Terminal): void {
  program
    .command('backup')
    .description('copy the data directory of a server that may be running')
    .argument('<directory>', 'where to')
    .addHelpText('after', () => page(help, terminal.columns ?? usualColumns))
    .action(async (to: string, _o: object, command: Command) => {
      const flags = command.optsWithGlobals<GlobalOptions>()
      const directory = resolve(flags.data ?? terminal.env['POSTERN_DATA'] ?? 'data')
      const result = await copy(directory, resolve(to), terminal)
      const shown = { directory: resolve(to), ...result }
      terminal.out(flags.json === true ? `${JSON.stringify(shown, undefined, 2)}\n` : described(shown))
    })
}

const described = ({ directory, files, copied }: BackupResult & { readonly directory: string }): string =>
  `${directory} is a copy: ${counted(files, 'file')} of messages, ${copied} copied now.\n`

async function copy(from: string, to: string, terminal: Terminal): Promise<BackupResult> {
  try {
    return await backUp(from, to, { spawn: spawnCommitter, progress: progressTo(terminal) })
  } catch (error) {
    throw new CliFailure(`the copy could not be made: ${messageOf(error).split('\n').join(' ')}`)
  }
}
