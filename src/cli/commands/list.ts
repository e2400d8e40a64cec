/** `postern list ...`: mailing lists, addresses whose mail goes to many. */
import type { Command } from 'commander'
import { assignmentArgument } from '../assignment.ts'
import { contextOf } from '../context.ts'
import { usageFailure } from '../failure.ts'
import { type ChangeFlags, createObject } from '../object-actions.ts'
import type { Terminal } from '../terminal.ts'
import { assignmentHelp, wantedChange, withFileOption } from '../values-input.ts'
import { addNoun, changeList, examplesOf } from './noun.ts'

export function addListCommands(program: Command, terminal: Terminal): void {
  const list = addNoun(program, terminal, {
    word: 'list',
    argument: '<address>',
    object: 'MailingList',
    example: 'news@example.org',
    description: 'mailing lists: addresses whose mail goes to many',
    change: 'posting=members',
    none: 'There are no lists yet: postern list create news@example.org',
  })

  withFileOption(list.command('create'))
    .description('create a mailing list')
    .argument('<address>', 'what it is written to')
    .argument('[field=value...]', '`postern describe MailingList` lists the fields')
    .option('--dry-run', 'check everything and create nothing')
    .addHelpText(
      'after',
      assignmentHelp +
        examplesOf(
          'list create news@example.org',
          'list create all@example.org recipients=al@example.org,bo@example.org',
        ),
    )
    .action(async (name: string, given: readonly string[], o: ChangeFlags, command: Command) => {
      const args = assignmentsOf(given)
      const context = contextOf(command, terminal)
      const object = await context.objects.describe('MailingList')
      const { values } = await wantedChange(context, object, { args, o, whose: name })
      const next = `Next: postern list add ${name} alice@example.org`
      await createObject(context, object, { name, ...values }, { dryRun: o.dryRun, next })
    })

  addRecipients(list, terminal, 'add')
  addRecipients(list, terminal, 'remove')
}

/** Throws CliFailure; of addresses it says how they are given. */
function assignmentsOf(given: readonly string[]): readonly string[] {
  const addresses = given.filter((one) => /^[^=@\s]+@[^=@\s]+$/.test(one))
  if (addresses.length > 0)
    throw usageFailure(
      'the recipients of a list are one of its fields',
      `say recipients=${addresses.join(',')}, or put them on it with \`postern list add\` later`,
    )
  return given.reduce<readonly string[]>((before, one) => assignmentArgument(one, before), [])
}

function addRecipients(list: Command, terminal: Terminal, does: 'add' | 'remove'): void {
  list
    .command(does)
    .description(does === 'add' ? 'put addresses on a list' : 'take addresses off a list')
    .argument('<list>', 'its address')
    .argument('<recipient...>', 'addresses')
    .addHelpText(
      'after',
      examplesOf(
        `list ${does} news@example.org alice@example.org`,
        `list ${does} news@example.org alice@example.org bob@example.org`,
      ),
    )
    .action(async (name: string, value: readonly string[], _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      await changeList(context, 'MailingList', name, { field: 'recipients', does, value })
    })
}
