/**
 * Limits on size and names: a file is warned about at 400 lines and refused at 600, a function is warned
 * about at 60 lines (oxlint refuses it at 120), names that say nothing are refused. Tables of data are exempt
 * if their first lines say `oxlint-disable max-lines -- data table`; tests and tools are refused at 1,000.
 */
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { type Finding, readSources, reportFindings, root, type SourceFile } from './tree.ts'

const vagueNames = ['common', 'core', 'lib', 'utils', 'helpers', 'shared', 'misc', 'types', 'index']
const warnedLines = 400

export function checkSizes(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) => [...lengthFindings(file), ...nameFindings(file)])
}

function lengthFindings({ path: file, text }: SourceFile): readonly Finding[] {
  if (text.slice(0, 1000).includes('oxlint-disable max-lines -- data table')) return []
  const lines = text.split('\n').length - 1
  const isProduct = file.startsWith('src/') && !file.endsWith('.test.ts')
  const refused = isProduct ? 600 : 1000
  if (lines > refused)
    return [{ path: file, line: 0, level: 'error', message: `${lines} lines, at most ${refused}` }]
  if (!isProduct || lines <= warnedLines) return []
  return [
    { path: file, line: 0, level: 'warning', message: `${lines} lines, split it before ${warnedLines}` },
  ]
}

function nameFindings({ path: file }: SourceFile): readonly Finding[] {
  return file
    .split('/')
    .map((part) => part.replace(/(\.test)?\.\w+$/, ''))
    .filter((part) => vagueNames.includes(part))
    .map((part) => ({
      path: file,
      line: 0,
      level: 'error',
      message: `"${part}" says nothing: name the thing`,
    }))
}

interface LintReport {
  readonly diagnostics: readonly {
    readonly message: string
    readonly filename: string
    readonly labels: readonly { readonly span: { readonly line: number } }[]
  }[]
}

/** Functions of src above 60 lines, as warnings. */
export function longFunctions(folder = 'src'): readonly Finding[] {
  const oxlint = path.join(root, 'node_modules/oxlint/bin/oxlint')
  const config = path.join(import.meta.dirname, 'long-functions.oxlintrc.json')
  const flags = [oxlint, '--config', config, '--disable-nested-config', '--format', 'json', folder]
  const printed = execFileSync(process.execPath, flags, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  const report = JSON.parse(printed) as LintReport
  const product = report.diagnostics.filter(({ filename }) => !/(\.test|\/suite)\.ts$/.test(filename))
  return product.map(({ message, filename, labels }) => ({
    path: filename,
    line: labels[0]?.span.line ?? 0,
    level: 'warning',
    message,
  }))
}

if (import.meta.main) reportFindings([...checkSizes(readSources()), ...longFunctions()])
