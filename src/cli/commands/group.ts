/** `postern group ...`: accounts whose mailboxes are shared by their members. */
import type { Command } from 'commander'
import { assignmentArgument } from '../assignment.ts'
import { contextOf } from '../context.ts'
import { type ChangeFlags, createObject } from '../object-actions.ts'
import type { Terminal } from '../terminal.ts'
import { assignmentHelp, wantedChange, withFileOption } from '../values-input.ts'
import { addNoun, changeList, examplesOf } from './noun.ts'

export function addGroupCommands(program: Command, terminal: Terminal): void {
  const group = addNoun(program, terminal, {
    word: 'group',
    argument: '<address>',
    object: 'Account',
    example: 'sales@example.org',
    description: 'groups: mailboxes that their members share',
    filter: { type: 'group' },
    columns: ['name', 'usedDiskQuota', 'members', 'aliases', 'description'],
    change: 'aliases+=shop@example.org',
    warning: 'All its mail is deleted with it, for ever.',
    none: 'There are no groups yet: postern group create sales@example.org',
  })

  withFileOption(group.command('create'))
    .description('create a group with its mailboxes')
    .argument('<address>', 'what it is written to')
    .argument('[field=value...]', '`postern describe Account` lists the fields', assignmentArgument)
    .option('--dry-run', 'check everything and create nothing')
    .addHelpText(
      'after',
      assignmentHelp +
        examplesOf(
          'group create sales@example.org',
          'group create sales@example.org description="Sales, Berlin"',
        ),
    )
    .action(async (name: string, args: readonly string[], o: ChangeFlags, command: Command) => {
      const context = contextOf(command, terminal)
      const object = await context.objects.describe('Account')
      const { values } = await wantedChange(context, object, { args, o, whose: name })
      const next = `Next: postern group add-member ${name} alice@example.org`
      await createObject(context, object, { type: 'group', name, ...values }, { dryRun: o.dryRun, next })
    })

  addMembership(group, terminal, 'add-member', 'add')
  addMembership(group, terminal, 'remove-member', 'remove')
}

/** Membership is the member's: each member is changed. */
function addMembership(group: Command, terminal: Terminal, word: string, does: 'add' | 'remove'): void {
  group
    .command(word)
    .description(
      does === 'add' ? 'let accounts share its mailboxes' : 'let accounts share its mailboxes no more',
    )
    .argument('<group>', 'its address')
    .argument('<account...>', 'addresses of accounts')
    .addHelpText(
      'after',
      examplesOf(
        `group ${word} sales@example.org alice@example.org`,
        `group ${word} sales@example.org bob@example.org 17`,
      ),
    )
    .action(async (name: string, members: readonly string[], _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const value = [(await context.objects.get('Account', name))['name']]
      for (const member of members)
        await changeList(context, 'Account', member, { field: 'memberOf', does, value })
    })
}
