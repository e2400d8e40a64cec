/**
 * Where commands read from and write to: the process's own streams, or a test's. Results go to `out`,
 * questions and errors to `err`, so that output can be piped. Passwords are never echoed.
 */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CliFailure, usageFailure } from './failure.ts'

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether somebody is there who can answer a question. */
  readonly isInteractive: boolean
  out(text: string): void
  err(text: string): void
  /** All of standard input. Throws CliFailure where it is too long. */
  readInput(): Promise<string>
  /** One line, not shown while it is typed. */
  askHidden(question: string): Promise<string>
}

const longestInput = 4096

export function processTerminal(): Terminal {
  return {
    env: process.env,
    isInteractive: process.stdin.isTTY && process.stderr.isTTY,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    async readInput() {
      let text = ''
      process.stdin.setEncoding('utf8')
      for await (const chunk of process.stdin) {
        text += chunk as string
        if (text.length > longestInput) throw usageFailure('standard input is too long for a password')
      }
      return text
    },
    askHidden,
  }
}

async function askHidden(question: string): Promise<string> {
  process.stderr.write(question)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  const stop = new AbortController()
  reader.once('SIGINT', () => stop.abort())
  reader.once('close', () => stop.abort())
  try {
    return await reader.question('', { signal: stop.signal })
  } catch {
    throw new CliFailure('cancelled')
  } finally {
    reader.close()
    process.stderr.write('\n')
  }
}

/** Text from elsewhere, without what could steer a terminal. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, '\ufffd')

/** Columns of text, each as wide as its widest cell. Without rows, nothing. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const lines = [heads, ...rows].map((row) => row.map(printable))
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
