/** `postern create`: a new object of any kind. */
import type { Command } from 'commander'
import { assignmentArgument } from '../assignment.ts'
import { contextOf } from '../context.ts'
import { type ChangeFlags, createObject } from '../object-actions.ts'
import { withAccountOption } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { assignmentHelp, wantedChange, withValueOptions } from '../values-input.ts'

const examples = `
Examples:
  $ postern create Domain name=example.org
  $ postern create Account name=bob@example.org secret=- roles=user
  $ postern create MailingList --file list.json --dry-run
  $ postern create AppPassword description=phone --account bob@example.org
`

export function addCreateCommand(program: Command, terminal: Terminal): void {
  withValueOptions(withAccountOption(program.command('create')))
    .description('create an object')
    .argument('<Object>', 'such as Account; `postern describe` lists them')
    .argument('[field=value...]', 'what it is to have', assignmentArgument)
    .option('--dry-run', 'check everything and create nothing')
    .addHelpText('after', assignmentHelp + examples)
    .action(async (name: string, args: readonly string[], o: ChangeFlags, command: Command) => {
      const context = contextOf(command, terminal)
      const object = await context.objects.describe(name)
      const { values } = await wantedChange(context, object, { args, o, whose: `the new ${object.name}` })
      await createObject(context, object, values, { dryRun: o.dryRun })
    })
}
