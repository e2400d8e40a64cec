/**
 * Commands about one kind of object by the word that people have for it: `domain`, `account`, `list`. What
 * all of them can do is here; each adds what only it can.
 */
import type { Command } from 'commander'
import { type Context, contextOf } from '../context.ts'
import { CliFailure } from '../failure.ts'
import {
  type ChangeFlags,
  changeObject,
  deleteObject,
  listObjects,
  nameOf,
  readFieldNames,
  showOne,
  updateObject,
} from '../object-actions.ts'
import { type Assignment, assignmentArgument } from '../assignment.ts'
import type { ShownObject } from '../object-client.ts'
import { patchOf } from '../patch.ts'
import type { Terminal } from '../terminal.ts'
import { assignmentHelp, withFileOption, withValueOptions } from '../values-input.ts'
import { type DeleteFlags, withDeleteOptions } from './delete.ts'

export interface Noun {
  /** `account`. */
  readonly word: string
  /** What people call it, where that is not the word: `DKIM key`. */
  readonly called?: string
  /** What stands for its name in help: `<address>`. */
  readonly argument: string
  /** The kind of object that it is. */
  readonly object: string
  /** An example of its name. */
  readonly example: string
  readonly description: string
  /** Which of that kind: groups and accounts are of one. */
  readonly filter?: Readonly<Record<string, string>>
  /** What an example of `update` changes. */
  readonly change: string
  /** A field that an example puts back to its default, where it has no description. */
  readonly reset?: string
  /** Said before it is deleted. */
  readonly warning?: string
  readonly none: string
  /** What `list` shows, where that is not what is shown of all of the kind. */
  readonly columns?: readonly string[]
  /** Whether it has a password. */
  readonly hasPassword?: true
}

interface ListFlags {
  readonly fields?: string
  readonly search?: string
}

/** Adds `list`, `show`, `update` and `delete`, and gives the command to add others to. */
export function addNoun(program: Command, terminal: Terminal, noun: Noun): Command {
  const command = program.command(noun.word).description(noun.description)
  addList(command, terminal, noun)
  addShow(command, terminal, noun)
  addUpdate(command, terminal, noun)
  addDelete(command, terminal, noun)
  return command
}

const withArticle = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`

function addList(
  command: Command,
  terminal: Terminal,
  { word, called = word, object, filter, none, columns }: Noun,
): void {
  command
    .command('list')
    .description(`list the ${called}s`)
    .option('--search <text>', 'only those with this in the name, an address or the description')
    .option('--fields <names>', 'what to show of each, with commas between')
    .addHelpText('after', examplesOf(`${word} list`, `${word} list --search sales --json`))
    .action(async (o: ListFlags, self: Command) => {
      const context = contextOf(self, terminal)
      const kind = await context.objects.describe(object)
      const wanted = { ...filter, ...(o.search === undefined ? {} : { text: o.search }) }
      await listObjects(context, kind, {
        filter: wanted,
        fields: readFieldNames(o.fields, kind),
        columns,
        none,
      })
    })
}

function addShow(command: Command, terminal: Terminal, noun: Noun): void {
  const { word, called = word, argument, object, example } = noun
  command
    .command('show')
    .description(`show one ${called}`)
    .argument(argument, 'its name, or its id')
    .option('--fields <names>', 'only these, with commas between')
    .addHelpText('after', examplesOf(`${word} show ${example}`, `${word} show ${example} --json`))
    .action(async (key: string, o: ListFlags, self: Command) => {
      const context = contextOf(self, terminal)
      const kind = await context.objects.describe(object)
      const one = await context.objects.get(object, key)
      assertMeant(one, noun)
      showOne(context, kind, one, readFieldNames(o.fields, kind))
    })
}

function addUpdate(command: Command, terminal: Terminal, noun: Noun): void {
  const { word, called = word, argument, object, example, change, reset = 'description' } = noun
  const update = command.command('update').alias('set')
  ;(noun.hasPassword === true ? withValueOptions(update) : withFileOption(update))
    .description(`change ${withArticle(called)}`)
    .argument(argument, 'its name, or its id')
    .argument(
      '[field=value...]',
      `what is to change; \`postern describe ${object}\` lists the fields`,
      assignmentArgument,
    )
    .option('--if-revision <revision>', 'only if nobody has changed it since then')
    .option('--dry-run', 'check everything and change nothing')
    .addHelpText(
      'after',
      assignmentHelp +
        examplesOf(`${word} update ${example} ${change}`, `${word} update ${example} ${reset}= --dry-run`),
    )
    .action(async (key: string, args: readonly string[], o: ChangeFlags, self: Command) => {
      const context = contextOf(self, terminal)
      await updateObject(context, await context.objects.describe(object), key, args, o)
    })
}

function addDelete(command: Command, terminal: Terminal, noun: Noun): void {
  const { word, called = word, argument, object, example } = noun
  withDeleteOptions(command.command('delete'))
    .description(`delete ${withArticle(called)}${noun.warning === undefined ? '' : `. ${noun.warning}`}`)
    .argument(argument, 'its name, or its id')
    .addHelpText('after', examplesOf(`${word} delete ${example}`, `${word} delete ${example} --yes`))
    .action(async (key: string, o: DeleteFlags, self: Command) => {
      const context = contextOf(self, terminal)
      assertMeant(await context.objects.get(object, key), noun)
      const warning = noun.warning === undefined ? {} : { warning: noun.warning }
      await deleteObject(context, await context.objects.describe(object), key, { ...o, ...warning })
    })
}

/** Accounts and groups are one kind of object and two words. */
function assertMeant(one: ShownObject, { word, filter }: Noun): void {
  const type = one['type']
  if (filter?.['type'] === undefined || type === filter['type']) return
  const other = type === 'group' ? 'group' : 'account'
  throw new CliFailure(`${nameOf(one)} is ${withArticle(other)}, no ${word}`, {
    hint: `\`postern ${other} --help\` says what can be done with it`,
  })
}

export const examplesOf = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ postern ${line}\n`).join('')}`

/** Adds to a list that is a field of an object, or takes from it, without disturbing what others do meanwhile. */
export async function changeList(
  context: Context,
  object: string,
  key: string,
  change: { readonly field: string; readonly does: Assignment['does']; readonly value: readonly unknown[] },
): Promise<void> {
  const kind = await context.objects.describe(object)
  const present = await context.objects.get(object, key)
  const { does, value, field: name } = change
  const assignment: Assignment = { path: [name], field: kind.fields[name]!, does, value }
  const patch = patchOf([assignment], kind.fields, present)
  await changeObject(context, kind, present.id, patch, { revision: present.revision })
}
