/** `postern update`: changes fields of an object of any kind. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { usageFailure } from '../failure.ts'
import { type ChangeFlags, singletonKey, updateObject } from '../object-actions.ts'
import { withAccountOption } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { assignmentHelp, withValueOptions } from '../values-input.ts'

const examples = `
Examples:
  $ postern update Account alice@example.org description=Alice locale=de
  $ postern update Account alice@example.org secret=-     asks for it
  $ postern update Imap timeoutIdle=20m           there is one: it needs no name
`

export function addUpdateCommand(program: Command, terminal: Terminal): void {
  withValueOptions(withAccountOption(program.command('update')))
    .description('change an object')
    .argument('<Object>', 'such as Account; `postern describe` lists them')
    .argument('[key-and-fields...]', 'its name or id, then field=value for what is to change')
    .usage('[options] <Object> [key] field=value...')
    .option('--if-revision <revision>', 'only if nobody has changed it since `get` showed this revision')
    .option('--dry-run', 'check everything and change nothing')
    .addHelpText('after', assignmentHelp + examples)
    .action(async (name: string, given: readonly string[], o: ChangeFlags, command: Command) => {
      const context = contextOf(command, terminal)
      const object = await context.objects.describe(name)
      // Of what there is one, the key may be left out.
      const isKeyless = object.kind === singletonKey && given[0] !== singletonKey
      const [key, args] = isKeyless ? [singletonKey, given] : [given[0], given.slice(1)]
      if (key === undefined)
        throw usageFailure(`which ${object.name}?`, `\`postern query ${object.name}\` lists them`)
      await updateObject(context, object, key, args, o)
    })
}
