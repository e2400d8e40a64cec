/** `postern role ...`: sets of permissions, and who has them. */
import type { Command } from 'commander'
import { assignmentArgument } from '../assignment.ts'
import { contextOf } from '../context.ts'
import { type ChangeFlags, createObject } from '../object-actions.ts'
import type { Terminal } from '../terminal.ts'
import { assignmentHelp, wantedChange, withFileOption } from '../values-input.ts'
import { addNoun, changeList, examplesOf } from './noun.ts'

export function addRoleCommands(program: Command, terminal: Terminal): void {
  const role = addNoun(program, terminal, {
    word: 'role',
    argument: '<name>',
    object: 'Role',
    example: 'helpdesk',
    description: 'sets of permissions, and who has them',
    change: 'enabledPermissions+=sysAccountQuery',
    warning: 'Whoever has it loses what it gives.',
    none: 'There are no roles.',
  })

  withFileOption(role.command('create'))
    .description('create a role')
    .argument('<name>', 'such as helpdesk')
    .argument('[field=value...]', '`postern describe Role` lists the fields', assignmentArgument)
    .option('--dry-run', 'check everything and create nothing')
    .addHelpText(
      'after',
      assignmentHelp +
        examplesOf(
          'role create helpdesk roles=user enabledPermissions=sysAccountGet',
          'role create readonly roles=user disabledPermissions=emailSend',
        ),
    )
    .action(async (name: string, args: readonly string[], o: ChangeFlags, command: Command) => {
      const context = contextOf(command, terminal)
      const object = await context.objects.describe('Role')
      const { values } = await wantedChange(context, object, { args, o, whose: name })
      const next = `Next: postern role grant ${name} alice@example.org`
      await createObject(context, object, { name, ...values }, { dryRun: o.dryRun, next })
    })

  addGrant(role, terminal, 'grant', 'add')
  addGrant(role, terminal, 'revoke', 'remove')
}

function addGrant(role: Command, terminal: Terminal, word: string, does: 'add' | 'remove'): void {
  role
    .command(word)
    .description(does === 'add' ? 'give a role to accounts' : 'take a role from accounts')
    .argument('<role>', 'its name')
    .argument('<account...>', 'addresses of accounts')
    .addHelpText(
      'after',
      examplesOf(
        `role ${word} helpdesk alice@example.org`,
        `role ${word} admin alice@example.org bob@example.org`,
      ),
    )
    .action(async (name: string, accounts: readonly string[], _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const value = [(await context.objects.get('Role', name))['name']]
      for (const account of accounts) {
        const { roles, type } = await context.objects.get('Account', account)
        // An account without a role has the one that is called like its type: it is to keep that.
        const usual = does === 'add' && Array.isArray(roles) && roles.length === 0 ? [type] : []
        const all = [...usual, ...value]
        await changeList(context, 'Account', account, { field: 'roles', does, value: all })
      }
    })
}
