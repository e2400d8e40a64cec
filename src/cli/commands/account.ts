/** `postern account ...`: who has a mailbox here. */
import type { Command } from 'commander'
import type { ShownPrincipal } from '#admin/principal-shape.ts'
import { formatSize, parseSize } from '#base/size.ts'
import { type Context, contextOf } from '../context.ts'
import { CliFailure, usageFailure } from '../failure.ts'
import { type NewPassword, newPassword, type PasswordOptions, withPasswordOptions } from '../new-password.ts'
import { allPrincipals, principalPath } from '../principals.ts'
import { printable, table, type Terminal } from '../terminal.ts'

type ShownAccount = Extract<ShownPrincipal, { type: 'individual' }>

interface CreateOptions extends PasswordOptions {
  readonly alias?: readonly string[]
  readonly description?: string
  readonly quota?: string
  readonly admin?: true
}

const createExamples = `
Examples:
  $ postern account create alice@example.org                     asks for the password
  $ postern account create alice@example.org --generate          makes one up and prints it
  $ postern account create alice@example.org --alias al@example.org --quota 5GB
  $ pass mail/alice | postern account create alice@example.org --password-stdin
  $ postern account create rest@example.org --alias @example.org  gets all mail to unknown names
`

export function addAccountCommands(program: Command, terminal: Terminal): void {
  const account = program.command('account').description('the people who have a mailbox here')

  withPasswordOptions(account.command('create'))
    .description('create an account with its mailboxes')
    .argument('<address>', 'what its owner signs in with and is written to')
    .option('--alias <address>', 'a further address, may be repeated; @example.org catches all else', append)
    .option('--description <text>', 'such as the name of its owner')
    .option('--quota <size>', 'the most it may hold, such as 5GB; without it there is no limit')
    .option('--admin', 'may administer the server')
    .addHelpText('after', createExamples)
    .action(async (address: string, o: CreateOptions, command: Command) => {
      const context = contextOf(command, terminal)
      const body = newAccount(address, o)
      const made = await newPassword(context, o, address)
      const id = (await context.api.ask('POST', '/api/principal', {
        ...body,
        secrets: [made.password],
      })) as number
      const shown = await context.api.ask('GET', principalPath(String(id)))
      showDone(context, shown as object, made, `The account ${(shown as ShownAccount).name} was created.`)
    })

  account
    .command('list')
    .description('list the accounts')
    .action(async (_o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const accounts = (await allPrincipals(context.api, 'individual')) as readonly ShownAccount[]
      const rows = accounts.map((one) => [
        one.name,
        aliasesOf(one).join(' '),
        quotaText(one),
        one.description,
      ])
      const text = table(['ACCOUNT', 'ALIASES', 'QUOTA', 'DESCRIPTION'], rows)
      context.show(accounts, text || 'There are no accounts yet: postern account create alice@example.org\n')
    })

  account
    .command('show')
    .description('show one account')
    .argument('<address>', 'its name, or its number')
    .action(async (address: string, _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      const found = (await context.api.ask('GET', principalPath(address))) as ShownPrincipal
      if (found.type !== 'individual') throw new CliFailure(`${address} is a domain, not an account`)
      context.show(found, describe(found))
    })

  withPasswordOptions(account.command('password'))
    .description('set the password of an account, or of the administrator "admin"')
    .argument('<address>', 'the name of the account, or admin')
    .addHelpText('after', '\nExample:\n  $ postern account password alice@example.org --generate\n')
    .action(async (address: string, o: PasswordOptions, command: Command) => {
      const context = contextOf(command, terminal)
      const made = await newPassword(context, o, address)
      const change = [{ action: 'set', field: 'secrets', value: [made.password] }]
      await context.api.ask('PATCH', principalPath(address), change)
      showDone(context, { name: address }, made, `The password of ${address} was set.`)
    })
}

const append = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

function newAccount(address: string, o: CreateOptions): object {
  const quota = o.quota === undefined ? undefined : parseSize(o.quota)
  if (o.quota !== undefined && quota === undefined) {
    throw usageFailure(`"${o.quota}" is no size`, 'such as 500MB or 5GB')
  }
  return {
    type: 'individual',
    name: address,
    emails: [address, ...(o.alias ?? [])],
    ...(o.description === undefined ? {} : { description: o.description }),
    ...(quota === undefined ? {} : { quota }),
    ...(o.admin === true ? { roles: ['admin'] } : {}),
  }
}

/** A password that was made up is part of the result, in both forms: nobody can look it up later. */
function showDone(context: Context, shown: object, made: NewPassword, text: string): void {
  const { password } = made
  const withPassword = made.isGenerated ? { ...shown, password } : shown
  context.show(withPassword, `${printable(text)}\n${made.isGenerated ? `password: ${password}\n` : ''}`)
}

const aliasesOf = (account: ShownAccount): readonly string[] =>
  account.emails.filter((email: string) => email !== account.name)

const quotaText = (account: ShownAccount): string =>
  account.quota === 0 ? 'none' : formatSize(account.quota)

function describe(account: ShownAccount): string {
  const lines: [string, string][] = [
    ['account', account.name],
    ['number', String(account.id)],
    ['addresses', account.emails.join(' ')],
    ['description', account.description],
    ['quota', quotaText(account)],
    ['administrator', account.roles.includes('admin') ? 'yes' : 'no'],
    ['enabled', account.enabled ? 'yes' : 'no'],
  ]
  return lines.map(([name, value]) => `${`${name}:`.padEnd(15)}${printable(value)}`.trimEnd() + '\n').join('')
}
