/**
 * The files that the checkers look at, and the form in which they report. A checker is a pure function from
 * files to findings, so that its test can plant a violation without touching the disk.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

export const root = path.dirname(import.meta.dirname)

/** A text file: its path from the root of the repository with forward slashes, and what is in it. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

export interface Finding {
  readonly path: string
  /** Counted from 1; 0 for the whole file. */
  readonly line: number
  readonly message: string
  readonly level: 'error' | 'warning'
}

const outside = new Set(['node_modules', 'dist', 'data', '.git', '.install-lock'])

/** All files of the repository that git tracks or would track; without git, all but what builds leave. */
export function listFiles(): readonly string[] {
  if (!existsSync(path.join(root, '.git'))) return walk('')
  const flags = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const listed = execFileSync('git', flags, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  return listed
    .split('\0')
    .filter((name) => name !== '' && existsSync(path.join(root, name)))
    .toSorted()
}

function walk(folder: string): readonly string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return outside.has(entry.name) ? [] : walk(name)
    return [name]
  })
}

export function readFiles(names: readonly string[]): readonly SourceFile[] {
  return names
    .filter((name) => statSync(path.join(root, name)).isFile())
    .map((name) => ({ path: name, text: readFileSync(path.join(root, name), 'utf8') }))
}

/** The TypeScript and JavaScript files of the repository. */
export function readSources(names: readonly string[] = listFiles()): readonly SourceFile[] {
  return readFiles(names.filter((name) => /\.(ts|js)$/.test(name)))
}

/** The line, counted from 1, that holds the offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** Prints findings in the form editors understand, and sets the exit code: for tools run on their own. */
export function reportFindings(findings: readonly Finding[]): void {
  for (const { path: file, line, level, message } of findings) {
    process.stdout.write(`${file}:${line}: ${level}: ${message}\n`)
  }
  if (findings.some(({ level }) => level === 'error')) process.exitCode = 1
}
