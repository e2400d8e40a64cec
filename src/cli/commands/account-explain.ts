/** `postern account explain`: what an account may do, and because of what. */
import type { Command } from 'commander'
import type { ShownPermissions } from '#admin/account-permissions.ts'
import { nearest } from '#settings/nearest.ts'
import { contextOf } from '../context.ts'
import { usageFailure } from '../failure.ts'
import { counted, table } from '../layout.ts'
import { notUnderstood } from '../server-answer.ts'
import { printable, type Terminal } from '../terminal.ts'
import { examplesOf } from './noun.ts'

type One = ShownPermissions['permissions'][number]

export function addExplainCommand(account: Command, terminal: Terminal): void {
  account
    .command('explain')
    .description('what an account may do, and which role gives or takes it')
    .argument('<address>', 'its name, or its id')
    .argument('[permission]', 'only this one')
    .option('--all', 'also what it may not, since nothing gives it')
    .addHelpText(
      'after',
      examplesOf('account explain alice@example.org', 'account explain alice@example.org sysAccountUpdate'),
    )
    .action(async (name: string, permission: string | undefined, o: { all?: true }, command: Command) => {
      const context = contextOf(command, terminal)
      const found = readShown(
        await context.api.ask('GET', `/api/account-permissions/${encodeURIComponent(name)}`),
      )
      const wanted = found.permissions.filter((one) => isWanted(one, permission, o.all === true))
      if (permission !== undefined && wanted.length === 0) throw unknown(permission, found.permissions)
      context.show({ ...found, permissions: wanted }, describe(found, wanted, terminal.columns))
    })
}

function readShown(given: unknown): ShownPermissions {
  const found = given as ShownPermissions | null
  const isShown =
    Array.isArray(found?.permissions) &&
    Array.isArray(found.roles) &&
    found.permissions.every((one: Partial<One> | null) => Array.isArray(one?.origins))
  if (found === null || !isShown) throw notUnderstood()
  return found
}

/** By default what is granted, and what something would grant and something else takes away. */
const isWanted = (one: One, permission: string | undefined, all: boolean): boolean =>
  permission === undefined ? all || one.origins.length > 0 : one.permission === permission

function unknown(permission: string, all: readonly One[]): Error {
  const near = nearest(
    permission,
    all.map((one) => one.permission),
  )
  return usageFailure(
    `there is no permission ${permission}`,
    near === undefined ? undefined : `did you mean ${near}?`,
  )
}

function describe(found: ShownPermissions, wanted: readonly One[], columns: number | undefined): string {
  const granted = found.permissions.filter((one) => one.granted).length
  const roles = counted(found.roles.length, 'role')
  const rows = wanted.map(({ permission, granted: may, origins }) => [
    may ? 'may' : 'may not',
    permission,
    because(origins),
  ])
  const heading = `${found.name} may do ${granted} of ${counted(found.permissions.length, 'thing')}, by ${roles}: ${found.roles.join(', ')}`
  return `${printable(heading)}\n\n${table(['', 'PERMISSION', 'BECAUSE'], rows, columns)}`
}

function because(origins: One['origins']): string {
  const of = (wanted: string): string =>
    origins
      .filter(({ effect }) => effect === wanted)
      .map(({ by }) => by)
      .join(', ')
  const [gives, takes] = [of('enables'), of('disables')]
  if (gives === '' && takes === '') return 'nothing gives it'
  if (takes === '') return gives
  return gives === '' ? `taken by ${takes}` : `taken by ${takes}, though given by ${gives}`
}
