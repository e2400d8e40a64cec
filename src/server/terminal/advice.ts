/**
 * Errors for the person who starts the server: a few plain sentences that say what is wrong and what to do.
 * They are printed without a stack; everything else that ends a start is a defect and is printed with one.
 */
import { isFault } from '#base/fault.ts'

export class Advice extends Error {
  constructor(text: string, o: { cause?: unknown } = {}) {
    super(text, o)
    this.name = 'Advice'
  }
}

/** What the file system answers, as sentences. */
const diskTroubles: Readonly<Record<string, string>> = {
  EACCES: 'This user may not write there. Start as the owner of the directory, or name another with --data.',
  EPERM: 'This user may not write there. Start as the owner of the directory, or name another with --data.',
  EROFS: 'The file system is mounted read-only. Name another directory with --data.',
  ENOSPC: 'The disk is full. Make room, then start again.',
  EDQUOT: "This user's disk quota is used up. Make room, then start again.",
  EMFILE: 'This user may not open more files. Raise the limit (ulimit -n), then start again.',
  ENOENT: 'No directory can be made there. Name another with --data.',
  ENOTDIR: 'A part of that path is a file. Name a directory with --data.',
}

/** As an Advice where it is something that a person can put right, else as it was. */
export function adviseOn(error: unknown): unknown {
  if (error instanceof Advice) return error
  // A refused configuration lists what is wrong, line by line.
  if (isFault(error) && error.lasting) {
    return new Advice(`${error.publicText}\nNothing was started: put that right and start again.`, {
      cause: error,
    })
  }
  const { code, path, message } = error as NodeJS.ErrnoException
  const trouble = diskTroubles[code ?? ''] ?? diskTroubles[codeOf(message)]
  if (trouble === undefined) return error
  return new Advice(`${path ?? message}: ${trouble}`, { cause: error })
}

/** Storage engines say it in words of their own, without the system's code. */
function codeOf(message: unknown): string {
  const text = String(message)
  if (/no space left on device|database or disk is full/i.test(text)) return 'ENOSPC'
  if (/permission denied|attempt to write a readonly database/i.test(text)) return 'EACCES'
  return /read-only file system/i.test(text) ? 'EROFS' : ''
}
