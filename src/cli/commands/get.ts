/** `postern get`: one object with all its fields. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { usageFailure } from '../failure.ts'
import { readFieldNames, showOne, singletonKey } from '../object-actions.ts'
import { withAccountOption } from '../options.ts'
import type { Terminal } from '../terminal.ts'

const examples = `
Examples:
  $ postern get Account alice@example.org
  $ postern get Account alice@example.org --fields aliases,quotas --json
  $ postern get Imap                     there is one: it needs no name
`

export function addGetCommand(program: Command, terminal: Terminal): void {
  withAccountOption(program.command('get'))
    .description('show one object')
    .argument('<Object>', 'such as Account; `postern describe` lists them')
    .argument('[key]', 'its name, or its id')
    .option('--fields <names>', 'only these, with commas between')
    .addHelpText('after', examples)
    .action(async (name: string, key: string | undefined, o: { fields?: string }, command: Command) => {
      const context = contextOf(command, terminal)
      const object = await context.objects.describe(name)
      if (key === undefined && object.kind !== singletonKey)
        throw usageFailure(`which ${object.name}?`, `\`postern query ${object.name}\` lists them`)
      const fields = readFieldNames(o.fields, object)
      showOne(context, object, await context.objects.get(object.name, key ?? singletonKey), fields)
    })
}
