/** Options that several commands have, and how their values are read. */
import type { Command } from 'commander'
import { usageFailure } from './failure.ts'

/** Of an option that may be repeated. */
export const appended = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
]

export const withAccountOption = (command: Command): Command =>
  command.option('--account <name>', 'whose, of objects that every account has, such as AppPassword')

export const countOption =
  (name: string, most: number) =>
  (given: string): number => {
    const value = /^\d{1,9}$/.test(given) ? Number(given) : 0
    if (value < 1 || value > most)
      throw usageFailure(`${name} must be a number from 1 to ${most.toLocaleString('en')}`)
    return value
  }
