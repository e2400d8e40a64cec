/**
 * The password that an account is to have: made up, from standard input, or typed twice. Never an argument,
 * since arguments are seen by everybody on the machine and stay in the shell's history.
 */
import type { Command } from 'commander'
import { generatePassword } from '#account/generated-password.ts'
import type { Context } from './context.ts'
import { CliFailure, usageFailure } from './failure.ts'
import { firstLine, longestPasswordInput } from './sign-in.ts'

export interface PasswordOptions {
  readonly generate?: true
  readonly passwordStdin?: true
}

export interface NewPassword {
  readonly password: string
  /** It was made up here, so it must be shown once. */
  readonly isGenerated: boolean
}

export const withPasswordOptions = (command: Command): Command =>
  command
    .option('--generate', 'make up a strong password and print it once')
    .option('--password-stdin', 'read the password from standard input (its first line)')

/** Whether somebody has to type it. */
export const isAsked = (o: PasswordOptions): boolean => o.generate !== true && o.passwordStdin !== true

/** Before a server is asked for anything. Throws CliFailure where there is no way to get one. */
export function assertPossible({ terminal, inputIsTaken }: Context, o: PasswordOptions, whose: string): void {
  if (o.generate && o.passwordStdin) throw usageFailure('--generate and --password-stdin do not go together')
  if (o.passwordStdin && inputIsTaken) {
    throw usageFailure(
      'standard input cannot hold two passwords',
      'put that of the administrator in POSTERN_PASSWORD',
    )
  }
  if (isAsked(o) && !terminal.isInteractive) {
    throw usageFailure(
      `${whose} needs a password`,
      'add --generate or --password-stdin, or run this in a terminal',
    )
  }
}

/** Throws CliFailure where there is no way to get one. */
export async function newPassword(context: Context, o: PasswordOptions, whose: string): Promise<NewPassword> {
  const { terminal } = context
  assertPossible(context, o, whose)
  if (o.generate) return { password: generatePassword(), isGenerated: true }
  if (o.passwordStdin) {
    const password = firstLine((await terminal.readInput(longestPasswordInput)).toString('utf8'))
    if (password === '') throw usageFailure('there is no password on standard input')
    return { password, isGenerated: false }
  }
  await context.api.ready()
  const password = await terminal.askHidden(`New password for ${whose}: `)
  const again = await terminal.askHidden('The same again: ')
  if (password !== again) throw new CliFailure('the two passwords differ; nothing was changed')
  return { password, isGenerated: false }
}
