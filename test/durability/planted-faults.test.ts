/**
 * Tests of the tests: each planted fault turns the power-cut test red, and nothing else does: on an unchanged
 * copy of the sources, with the same few moments, it is green.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '../harness/store.ts'
import { needs } from '../interop/program.ts'
import { type PlantedFault, plantedFaults } from './planted-faults.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const test = 'test/durability/power-cut.test.ts'
/** Few and short: a fault that is seen only after long is seen by the full test. */
const small = { POSTERN_ENGINES: 'lmdb', POSTERN_CUTS: '5', POSTERN_RECORD_ANSWERS: '400' }

interface Verdict {
  readonly code: number | null
  readonly output: string
}

/** So many at a time, each in a copy of the sources that the next one uses too: what was compiled is kept. */
const atOnce = 2
const copies: string[] = []

function copySources(): string {
  const copy = temporaryDirectory()
  for (const part of ['src', 'test/harness', 'test/durability', 'test/interop', 'package.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  mkdirSync(join(copy, 'tmp'))
  return copy
}

/** Runs the test against a copy of the sources in which the fault was planted. */
async function runWith(fault: PlantedFault | undefined): Promise<Verdict> {
  const copy = copies.pop()!
  try {
    using _planted = fault && plant(join(copy, fault.file), fault)
    return await runTest(copy)
  } finally {
    copies.push(copy)
  }
}

/** Until this ends. */
function plant(file: string, { from, to }: PlantedFault): Disposable {
  const text = readFileSync(file, 'utf8')
  const parts = text.split(from)
  assert.equal(parts.length, 2, `${file} has the text to be replaced ${parts.length - 1} times:\n${from}`)
  writeFileSync(file, parts.join(to))
  return { [Symbol.dispose]: () => writeFileSync(file, text) }
}

function runTest(copy: string): Promise<Verdict> {
  // With the first a test runner inside a test does nothing; the second would run what has no fault.
  const { NODE_TEST_CONTEXT: _, POSTERN_TEST_BUNDLE: __, ...environment } = process.env
  const pattern = '--test-name-pattern=syncs the journal|keeps every promise'
  const flags = ['--test', '--test-reporter=tap', '--test-isolation=none', pattern]
  const child = spawn(process.execPath, [...flags, test], {
    cwd: copy,
    env: {
      ...environment,
      ...small,
      TMPDIR: join(copy, 'tmp'),
      NODE_COMPILE_CACHE: join(copy, 'compiled'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })))
}

const { skip } = needs('strace')

describe('planted faults', { skip, concurrency: atOnce }, () => {
  before(() => {
    for (let i = 0; i < atOnce; i++) copies.push(copySources())
  })
  after(() => Promise.all(copies.map((copy) => rm(copy, { recursive: true, force: true }))))

  it('are the only thing that turns the test red', async () => {
    const { code, output } = await runWith(undefined)
    assert.equal(code, 0, output)
  })

  for (const fault of plantedFaults) {
    it(fault.name, async () => {
      const { code, output } = await runWith(fault)
      assert.equal(code, 1, output)
      // Red for what it or one of its clients found, not because it could not run.
      assert.match(output, /failureType: 'testCodeFailure'|error: '.* was answered /, output)
    })
  }
})
