/** `postern alias ...`: further addresses of accounts, groups and lists. */
import type { Command } from 'commander'
import { type Context, contextOf } from '../context.ts'
import { CliFailure, isNotFound } from '../failure.ts'
import { table } from '../layout.ts'
import { changeObject } from '../object-actions.ts'
import type { ShownObject, Values } from '../object-client.ts'
import type { Terminal } from '../terminal.ts'
import { changeList, examplesOf } from './noun.ts'

interface Alias {
  readonly address: string
  readonly enabled: boolean
  readonly description: string
}

const owner = ['<owner>', 'the account, group or list that it is of'] as const

export function addAliasCommands(program: Command, terminal: Terminal): void {
  const alias = program.command('alias').description('further addresses of accounts, groups and lists')

  alias
    .command('list')
    .description('list the aliases of an account, group or list')
    .argument(...owner)
    .addHelpText('after', examplesOf('alias list alice@example.org', 'alias list news@example.org --json'))
    .action(async (name: string, _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const aliases = aliasesOf(await ownerOf(context, name))
      const rows = aliases.map((one) => [one.address, String(one.enabled), one.description])
      const text = table(['ALIAS', 'ENABLED', 'DESCRIPTION'], rows, terminal.columns)
      context.show(aliases, text || 'There are none.\n')
    })

  alias
    .command('add')
    .description('give a further address: an exact one, a pattern, or @domain for all that nobody else gets')
    .argument(...owner)
    .argument('<alias...>', 'addresses')
    .option('--description <text>', 'what it is for')
    .addHelpText(
      'after',
      examplesOf(
        'alias add alice@example.org al@example.org --description "old name"',
        "alias add alice@example.org 'sales-*@example.org'",
      ),
    )
    .action(async (name: string, added: readonly string[], o: { description?: string }, command: Command) => {
      const context = contextOf(command, terminal)
      const { kind, one } = await ownerOf(context, name)
      const value = added.map((address) => ({ address, ...o }))
      await changeList(context, kind, one.id, { field: 'aliases', does: 'add', value })
    })

  alias
    .command('remove')
    .description('take a further address away')
    .argument(...owner)
    .argument('<alias...>', 'addresses')
    .addHelpText(
      'after',
      examplesOf(
        'alias remove alice@example.org al@example.org',
        "alias remove alice@example.org 'sales-*@example.org'",
      ),
    )
    .action(async (name: string, removed: readonly string[], _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const found = await ownerOf(context, name)
      for (const address of removed) assertThere(found, address)
      const value = removed.map((address) => ({ address }))
      await changeList(context, found.kind, found.one.id, { field: 'aliases', does: 'remove', value })
    })

  addSwitch(alias, terminal, 'enable', true)
  addSwitch(alias, terminal, 'disable', false)
}

function addSwitch(alias: Command, terminal: Terminal, word: string, enabled: boolean): void {
  alias
    .command(word)
    .description(enabled ? 'take mail to it again' : 'take no mail to it, and keep it for later')
    .argument(...owner)
    .argument('[alias...]', 'addresses; without any, all aliases of an account are switched at once')
    .addHelpText(
      'after',
      examplesOf(`alias ${word} alice@example.org al@example.org`, `alias ${word} alice@example.org`),
    )
    .action(async (name: string, which: readonly string[], _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const found = await ownerOf(context, name)
      for (const address of which) assertThere(found, address)
      const object = await context.objects.describe(found.kind)
      const patch = which.length === 0 ? allSwitched(found, enabled) : someSwitched(found, which, enabled)
      await changeObject(context, object, found.one.id, patch, { revision: found.one.revision })
    })
}

interface Owner {
  readonly kind: 'Account' | 'MailingList'
  readonly one: ShownObject
}

async function ownerOf({ objects }: Context, name: string): Promise<Owner> {
  try {
    return { kind: 'Account', one: await objects.get('Account', name) }
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  try {
    return { kind: 'MailingList', one: await objects.get('MailingList', name) }
  } catch (error) {
    if (isNotFound(error)) throw new CliFailure(`there is no account, group or list ${name}`)
    throw error
  }
}

const aliasesOf = ({ one }: Owner): readonly Alias[] => (one['aliases'] ?? []) as readonly Alias[]

const isCalled = (alias: Alias, address: string): boolean =>
  alias.address.toLowerCase() === address.toLowerCase()

function assertThere(found: Owner, address: string): void {
  if (aliasesOf(found).some((alias) => isCalled(alias, address))) return
  throw new CliFailure(`${address} is no alias of ${String(found.one['name'])}`)
}

function allSwitched({ kind }: Owner, aliasesEnabled: boolean): Values {
  if (kind === 'Account') return { aliasesEnabled }
  throw new CliFailure('which alias?', { hint: 'those of a list are switched one by one' })
}

const someSwitched = (found: Owner, which: readonly string[], enabled: boolean): Values => ({
  aliases: aliasesOf(found).map((alias) =>
    which.some((address) => isCalled(alias, address)) ? { ...alias, enabled } : alias,
  ),
})
