/**
 * How a command ends badly: one line that says what is wrong, a hint that says what to do about it, and an
 * exit code. 1: the server or the machine said no; 64: the command line is wrong, as EX_USAGE of sysexits,
 * since 2 is the answer of a dry run.
 */
export const usageExitCode = 64

/** What is wrong with one field of what was given; the path of a nested one has dots. */
export interface FieldProblem {
  readonly field: string
  readonly problem: string
}

export class CliFailure extends Error {
  readonly hint: string | undefined
  readonly exitCode: number
  readonly fields: readonly FieldProblem[]

  constructor(
    message: string,
    o: { hint?: string; exitCode?: number; fields?: readonly FieldProblem[] } = {},
  ) {
    super(message)
    this.name = 'CliFailure'
    this.hint = o.hint
    this.exitCode = o.exitCode ?? 1
    this.fields = o.fields ?? []
  }
}

/** The server understood the question and said no. */
export class Refusal extends CliFailure {
  readonly status: number

  constructor(status: number, message: string, o: { hint?: string; fields?: readonly FieldProblem[] } = {}) {
    super(message, o)
    this.name = 'Refusal'
    this.status = status
  }
}

/** Everything has been said; only the exit code is left. */
export class QuietExit extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`)
    this.name = 'QuietExit'
    this.exitCode = exitCode
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof Refusal && error.status === 404

export const usageFailure = (message: string, hint?: string): CliFailure =>
  new CliFailure(message, { exitCode: usageExitCode, ...(hint === undefined ? {} : { hint }) })

const systemWords: Readonly<Record<string, string>> = {
  EACCES: 'this user may not do that there',
  EPERM: 'this user may not do that there',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of that name is no directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota of this user is used up',
  EMFILE: 'this process has too many files open (ulimit -n)',
}

/** What went wrong, in words: also of what the operating system said no to. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path } = error as NodeJS.ErrnoException
  const words = code === undefined ? undefined : systemWords[code]
  return words === undefined || path === undefined ? error.message : `${path}: ${words} (${code})`
}
