/** `postern account ...`: the people who have a mailbox here. */
import type { Command } from 'commander'
import { parseSize } from '#base/size.ts'
import { assignmentArgument } from '../assignment.ts'
import { contextOf } from '../context.ts'
import { usageFailure } from '../failure.ts'
import {
  assertPossible,
  isAsked,
  type NewPassword,
  newPassword,
  type PasswordOptions,
  withPasswordOptions,
} from '../new-password.ts'
import { changeObject, type ChangeFlags, createObject } from '../object-actions.ts'
import { appended } from '../options.ts'
import { printable, type Terminal } from '../terminal.ts'
import { assignmentHelp, wantedChange } from '../values-input.ts'
import { addExplainCommand } from './account-explain.ts'
import { addIndexCommands } from './account-index.ts'
import { addRecountCommand } from './account-recount.ts'
import { addNoun, examplesOf } from './noun.ts'

interface CreateOptions extends PasswordOptions, Pick<ChangeFlags, 'dryRun'> {
  readonly file?: string
  readonly alias?: readonly string[]
  readonly description?: string
  readonly quota?: string
  readonly admin?: true
  readonly password?: false
}

const createExamples = `
Examples:
  $ postern account create alice@example.org              asks for the password
  $ postern account create bob@example.org --generate     makes one up
  $ postern account create carol@example.org --alias ca@example.org --quota 5GB
  $ pass mail/dora | postern account create dora@example.org --password-stdin
  $ postern account create rest@example.org --alias @example.org     a catch-all
`

export function addAccountCommands(program: Command, terminal: Terminal): void {
  const account = addNoun(program, terminal, {
    word: 'account',
    argument: '<address>',
    object: 'Account',
    example: 'alice@example.org',
    description: 'the people who have a mailbox here',
    filter: { type: 'user' },
    columns: ['name', 'enabled', 'usedDiskQuota', 'quotas.maxDiskQuota', 'aliases', 'roles', 'description'],
    hasPassword: true,
    change: 'quotas.maxDiskQuota=10GB',
    warning: 'All its mail is deleted with it, for ever.',
    none: 'There are no accounts yet: postern account create alice@example.org',
  })
  addCreate(account, terminal)
  addPassword(account, terminal)
  addSwitch(account, terminal, 'disable', false)
  addSwitch(account, terminal, 'enable', true)
  addExplainCommand(account, terminal)
  addRecountCommand(account, terminal)
  addIndexCommands(account, terminal)
}

function addCreate(account: Command, terminal: Terminal): void {
  withPasswordOptions(account.command('create'))
    .description('create an account with its mailboxes')
    .argument('<address>', 'what its owner signs in with and is written to')
    .argument('[field=value...]', '`postern describe Account` lists the fields', assignmentArgument)
    .option('--no-password', 'nobody can sign in until there is one')
    .option(
      '--alias <address>',
      'a further address, may be repeated; @example.org catches all else',
      appended,
    )
    .option('--description <text>', 'such as the name of its owner')
    .option('--quota <size>', 'the most it may hold, such as 5GB; without it there is no limit')
    .option('--admin', 'may administer the server')
    .option('--file <file>', 'values as JSON or TOML from a file')
    .option('--dry-run', 'check everything and create nothing')
    .addHelpText('after', assignmentHelp + createExamples)
    .action(async (name: string, args: readonly string[], o: CreateOptions, command: Command) => {
      const context = contextOf(command, terminal)
      const all = [...argumentsOf(o), ...args]
      const isSaid = o.file !== undefined || args.some((one) => one.startsWith('secret='))
      const isNeeded = !isSaid && o.password !== false && o.dryRun !== true
      if (isNeeded) assertPossible(context, o, name)
      const object = await context.objects.describe('Account')
      const file = o.file === undefined ? {} : { file: o.file }
      const { values } = await wantedChange(context, object, { args: all, o: file, whose: name })
      // Nobody should think up a password, and type it twice, for an account that cannot be made.
      if (isNeeded && isAsked(o))
        await context.objects.create('Account', { name, ...values }, { dryRun: true })
      const made = isNeeded ? await newPassword(context, o, name) : undefined
      const secret = made === undefined ? {} : { secret: made.password }
      const shown = made?.isGenerated === true ? { shown: { password: made.password } } : {}
      await createObject(context, object, { name, ...values, ...secret }, { dryRun: o.dryRun, ...shown })
    })
}

/** Options that say the same as fields do. */
function argumentsOf(o: CreateOptions): readonly string[] {
  if (o.quota !== undefined && parseSize(o.quota) === undefined)
    throw usageFailure(`"${o.quota}" is no size`, 'such as 500MB or 5GB')
  return [
    ...(o.alias ?? []).map((alias) => `aliases+=${alias}`),
    ...(o.description === undefined ? [] : [`description=${o.description}`]),
    ...(o.quota === undefined ? [] : [`quotas.maxDiskQuota=${o.quota}`]),
    ...(o.admin === true ? ['roles=admin'] : []),
  ]
}

function addPassword(account: Command, terminal: Terminal): void {
  withPasswordOptions(account.command('password'))
    .description('set the password of an account, or of the administrator "admin"')
    .argument('<address>', 'the name of the account, or admin')
    .addHelpText(
      'after',
      examplesOf('account password alice@example.org', 'account password alice@example.org --generate'),
    )
    .action(async (name: string, o: PasswordOptions, command: Command) => {
      const context = contextOf(command, terminal)
      const made = await newPassword(context, o, name)
      if (name === 'admin') {
        const change = [{ action: 'set', field: 'secrets', value: [made.password] }]
        await context.api.ask('PATCH', '/api/principal/admin', change)
      } else await context.objects.update('Account', name, { secret: made.password })
      context.show({ name, ...generatedIn(made) }, passwordText(name, made))
    })
}

/** A password that was made up is part of the result, in both forms: nobody can look it up later. */
const generatedIn = ({ isGenerated, password }: NewPassword) => (isGenerated ? { password } : {})

const passwordText = (name: string, made: NewPassword): string =>
  `${printable(`The password of ${name} was set.`)}\n${made.isGenerated ? `password: ${made.password}\n` : ''}`

function addSwitch(account: Command, terminal: Terminal, word: string, enabled: boolean): void {
  account
    .command(word)
    .description(
      enabled
        ? 'let its owner sign in again'
        : 'let nobody sign in, and end what is open; mail is kept for it all the same',
    )
    .argument('<address>', 'its name, or its id')
    .addHelpText('after', examplesOf(`account ${word} alice@example.org`, `account ${word} 17`))
    .action(async (name: string, _o: object, command: Command) => {
      const context = contextOf(command, terminal)
      await changeObject(context, await context.objects.describe('Account'), name, { enabled })
    })
}
