/**
 * How a command ends badly: one line that says what is wrong, a hint that says what to do about it, and an
 * exit code. 1: the server or the machine said no; 2: the command line is wrong.
 */
export class CliFailure extends Error {
  readonly hint: string | undefined
  readonly exitCode: 1 | 2

  constructor(message: string, o: { hint?: string; exitCode?: 1 | 2 } = {}) {
    super(message)
    this.name = 'CliFailure'
    this.hint = o.hint
    this.exitCode = o.exitCode ?? 1
  }
}

export const usageFailure = (message: string, hint?: string): CliFailure =>
  new CliFailure(message, { exitCode: 2, ...(hint === undefined ? {} : { hint }) })
