/** `postern delete`: removes an object of any kind. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { deleteObject } from '../object-actions.ts'
import { withAccountOption } from '../options.ts'
import type { Terminal } from '../terminal.ts'

export interface DeleteFlags {
  readonly yes?: true
  readonly dryRun?: true
  readonly ifRevision?: string
}

const examples = `
Examples:
  $ postern delete MailingList old@example.org           asks first
  $ postern delete Account bob@example.org --yes   does not, for scripts
`

export const withDeleteOptions = (command: Command): Command =>
  command
    .option('--yes', 'do not ask')
    .option('--if-revision <revision>', 'only if nobody has changed it since `get` showed this revision')
    .option('--dry-run', 'check whether it could be deleted, and delete nothing')

export function addDeleteCommand(program: Command, terminal: Terminal): void {
  withDeleteOptions(withAccountOption(program.command('delete')))
    .description('delete an object')
    .argument('<Object>', 'such as Account; `postern describe` lists them')
    .argument('<key>', 'its name, or its id')
    .addHelpText('after', examples)
    .action(async (name: string, key: string, o: DeleteFlags, command: Command) => {
      const context = contextOf(command, terminal)
      await deleteObject(context, await context.objects.describe(name), key, o)
    })
}
