/**
 * Where commands read from and write to: the process's own streams, or a test's. Results go to `out`,
 * questions, progress and errors to `err`, so that output can be piped. Passwords are never echoed.
 */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CliFailure, usageFailure } from './failure.ts'

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether somebody is there who can answer a question. */
  readonly isInteractive: boolean
  /** How wide the screen is that `out` goes to; undefined where it is none. */
  readonly columns: number | undefined
  /** Whether colours are welcome on `out` (https://no-color.org). */
  readonly hasColours: boolean
  out(text: string): void
  err(text: string): void
  /** Says where a long command is, in place of what was said last. Nothing where nobody watches. */
  progress(text: string): void
  /** All of standard input, of so many bytes at most. Throws CliFailure where it is longer. */
  readInput(most: number): Promise<Buffer>
  /** One line, shown while it is typed. */
  ask(question: string): Promise<string>
  /** One line, not shown while it is typed. */
  askHidden(question: string): Promise<string>
}

export function processTerminal(): Terminal {
  const { env, stdin, stdout, stderr } = process
  return {
    env,
    isInteractive: stdin.isTTY && stderr.isTTY,
    columns: stdout.isTTY ? stdout.columns : undefined,
    hasColours: stdout.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    progress: (text) => {
      if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`)
    },
    async readInput(most) {
      const chunks: Buffer[] = []
      let length = 0
      for await (const chunk of stdin as AsyncIterable<Buffer>) {
        chunks.push(chunk)
        length += chunk.length
        if (length > most) throw usageFailure('standard input is longer than anything that could be meant')
      }
      return Buffer.concat(chunks)
    },
    ask: (question) => askLine(question, stderr),
    askHidden: (question) => askLine(question, undefined),
  }
}

/** `echo` shows what is typed. */
async function askLine(question: string, echo: NodeJS.WriteStream | undefined): Promise<string> {
  process.stderr.write(echo === undefined ? question : '')
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: echo ?? nowhere, terminal: true })
  const stop = new AbortController()
  reader.once('SIGINT', () => stop.abort())
  reader.once('close', () => stop.abort())
  try {
    return await reader.question(echo === undefined ? '' : question, { signal: stop.signal })
  } catch {
    throw new CliFailure('cancelled')
  } finally {
    reader.close()
    if (echo === undefined) process.stderr.write('\n')
  }
}

/** Text from elsewhere, without what could steer a terminal or turn text around. */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')

const colourCodes = { green: 32, yellow: 33, red: 31, dim: 2, bold: 1 } as const

export const painted = (terminal: Terminal, colour: keyof typeof colourCodes, text: string): string =>
  terminal.hasColours ? `\u001b[${colourCodes[colour]}m${text}\u001b[0m` : text

/** Throws CliFailure where nobody says yes. `flag` is how to say it beforehand. */
export async function confirm(terminal: Terminal, question: string, flag = '--yes'): Promise<void> {
  if (!terminal.isInteractive)
    throw usageFailure(
      'nobody is here to confirm this; nothing was changed',
      `add ${flag}, or run it in a terminal`,
    )
  const answer = (await terminal.ask(`${printable(question)} [y/N] `)).trim().toLowerCase()
  if (answer !== 'y' && answer !== 'yes') throw new CliFailure('nothing was changed')
}
