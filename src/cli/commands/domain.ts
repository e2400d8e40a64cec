/** `postern domain ...`: the domains that the server takes mail for. */
import type { Command } from 'commander'
import { assignmentArgument } from '../assignment.ts'
import { contextOf } from '../context.ts'
import { type ChangeFlags, createObject } from '../object-actions.ts'
import type { Terminal } from '../terminal.ts'
import { assignmentHelp, wantedChange, withFileOption } from '../values-input.ts'
import { addDnsCommand } from './domain-dns.ts'
import { addNoun, examplesOf } from './noun.ts'

interface CreateFlags extends ChangeFlags {
  readonly description?: string
}

export function addDomainCommands(program: Command, terminal: Terminal): void {
  const domain = addNoun(program, terminal, {
    word: 'domain',
    argument: '<name>',
    object: 'Domain',
    example: 'example.org',
    description: 'the domains that the server takes mail for',
    change: 'catchAllAddress=alice@example.org',
    none: 'There are no domains yet: postern domain create example.org',
  })

  withFileOption(domain.command('create'))
    .description('take mail for a domain')
    .argument('<name>', 'such as example.org')
    .argument('[field=value...]', '`postern describe Domain` lists the fields', assignmentArgument)
    .option('--description <text>', 'for your own information')
    .option('--dry-run', 'check everything and create nothing')
    .addHelpText(
      'after',
      assignmentHelp +
        examplesOf(
          'domain create example.org',
          'domain create example.com aliases=example.net maxAccounts=50',
        ),
    )
    .action(async (name: string, args: readonly string[], o: CreateFlags, command: Command) => {
      const context = contextOf(command, terminal)
      const object = await context.objects.describe('Domain')
      const { values } = await wantedChange(context, object, { args, o, whose: name })
      const described = o.description === undefined ? {} : { description: o.description }
      const next = [
        `Next: postern domain dns ${name}`,
        `      postern account create you@${name} --alias postmaster@${name}`,
      ]
      await createObject(context, object, { name, ...described, ...values }, { dryRun: o.dryRun, next })
    })
  addDnsCommand(domain, terminal)
}
