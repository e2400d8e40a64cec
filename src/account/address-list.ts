/** The addresses of an account or a list: all that it owns, and those that reach it now. */
import { isPattern } from './alias-pattern.ts'
import type { AccountRow, Alias } from './tables.ts'

interface Addressed {
  readonly emailAddress: string
  readonly aliases: readonly Alias[]
}

/** Everything that no one else may have, the primary address first; also what is switched off. */
export const ownedAddresses = (row: Addressed): readonly string[] => [
  row.emailAddress,
  ...row.aliases.map((alias) => alias.address),
]

/** Exact addresses that mail is taken at now, the primary one first. */
export const receivingAddresses = (
  row: Pick<AccountRow, 'emailAddress' | 'aliases' | 'aliasesEnabled'>,
): readonly string[] => [
  row.emailAddress,
  ...(row.aliasesEnabled
    ? row.aliases
        .filter(({ enabled, address }) => enabled && !address.startsWith('@') && !isPattern(address))
        .map(({ address }) => address)
    : []),
]

/** `@example.org`: domains of which the account has whatever nobody else has. */
export const usedCatchAlls = (row: Pick<AccountRow, 'aliases' | 'aliasesEnabled'>): readonly string[] =>
  row.aliasesEnabled
    ? row.aliases
        .filter(({ enabled, address }) => enabled && address.startsWith('@'))
        .map(({ address }) => address)
    : []

/** Whether the address or pattern, in its stored spelling, may be used now. */
export const isReceiving = (
  row: Pick<AccountRow, 'emailAddress' | 'aliases' | 'aliasesEnabled'>,
  address: string,
): boolean =>
  row.emailAddress === address ||
  (row.aliasesEnabled && row.aliases.some((alias) => alias.address === address && alias.enabled))
