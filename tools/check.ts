/**
 * All static checks with one exit code: `npm run check`. Prints a line for each, what was found in between,
 * and as its last line how many passed and failed. Warnings are printed and fail nothing.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { checkLinks, checkLockfile, checkPaths, checkWords } from './documents.ts'
import { checkOrder } from './order.ts'
import { checkRfcs } from './rfcs.ts'
import { checkSizes, longFunctions } from './sizes.ts'
import { type Finding, listFiles, readFiles, root } from './tree.ts'

interface Outcome {
  readonly passed: boolean
  readonly output: string
  /** Said in the line of a check that passed. */
  readonly remark?: string
}

interface Check {
  readonly name: string
  run(): Promise<Outcome>
}

/** A tool of node_modules, run with this Node. */
function tool(name: string, program: string, ...args: string[]): Check {
  return { name, run: () => runTool([path.join(root, 'node_modules', program), ...args]) }
}

function runTool(args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ passed: false, output: String(error) }))
    child.on('close', (code) =>
      resolve({ passed: code === 0, output: code === 0 ? '' : Buffer.concat(chunks).toString('utf8') }),
    )
  })
}

function checker(name: string, find: () => readonly Finding[]): Check {
  return {
    name,
    run: () => {
      const findings = find()
      const errors = findings.filter(({ level }) => level === 'error')
      const warnings = findings.length - errors.length
      const remark = warnings > 0 ? { remark: `${warnings} warnings` } : {}
      return Promise.resolve({
        passed: errors.length === 0,
        output: findings.map((one) => `${one.path}:${one.line}: ${one.level}: ${one.message}\n`).join(''),
        ...remark,
      })
    },
  }
}

const names = listFiles()
const sources = readFiles(names.filter((name) => /\.(ts|js)$/.test(name)))
const documents = readFiles(names.filter((name) => name.endsWith('.md')))
const texts = readFiles(
  names.filter((name) => /\.(ts|js|json|md|tsv|toml|sh|yml)$|^\.[^/]+$|^\.ci\//.test(name)),
)
const textOf = (name: string) => texts.find((file) => file.path === name)?.text ?? ''

const isThere = (name: string): boolean => existsSync(path.join(root, name))

const checks: readonly Check[] = [
  tool('format', 'oxfmt/bin/oxfmt', '--check', '.'),
  tool('lint', 'oxlint/bin/oxlint', '--quiet'),
  tool('types', 'typescript/bin/tsc', '-p', '.'),
  tool('unused code', 'knip/bin/knip.js', '--no-progress'),
  checker('folder order', () => checkOrder(sources)),
  checker('sizes and names', () => [...checkSizes(sources), ...longFunctions()]),
  checker('RFC references', () => checkRfcs(sources, textOf('docs/rfcs.tsv'))),
  checker('links in documents', () => [...checkLinks(documents, isThere), ...checkPaths(documents, isThere)]),
  checker('lockfile', () => checkLockfile(textOf('package-lock.json'))),
  checker('words', () => checkWords(texts)),
]

let failed = 0
for (const check of checks) {
  const started = performance.now()
  const { passed, output, remark } = await check.run()
  if (!passed) failed++
  process.stdout.write(output)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const verdict = passed ? 'ok  ' : 'FAIL'
  process.stdout.write(
    `${verdict} ${check.name} (${seconds} s${remark === undefined ? '' : `, ${remark}`})\n`,
  )
}
process.stdout.write(`checks: ${checks.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
