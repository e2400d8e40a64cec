import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { filesOf, judge, runNode, runTier, slowestOf } from './run-tier.ts'
import { tiers, type TestTier } from './tiers.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'postern tier-'))
after(() => rmSync(folder, { recursive: true }))

const print = () => {}

function plant(name: string, text: string): string {
  const file = path.join(folder, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `import { test, describe } from 'node:test'\n${text}`)
  return file
}

const tier: TestTier = { name: 'planted', include: ['**/*.test.ts'], isolation: 'none', budgetMs: 150_000 }

test('passes, failures and skips are counted, in one process and in many', async () => {
  const files = [
    plant('a.test.ts', "test('a', () => {})\ntest('b', { skip: 'no reason' }, () => {})\n"),
    plant('skipped.test.ts', "describe('t', { skip: 'no program' }, () => { test('d', () => {}) })\n"),
    plant('b.test.ts', "describe('s', () => { test('c', () => { throw new Error('planted') }) })\n"),
  ]
  const ways = [{}, { shares: 2 }, { shares: 9 }, { isolation: 'process' }] as const
  for (const way of ways) {
    const { passed, failed, skipped } = await runTier({ ...tier, ...way }, files, { strict: 'none', print })
    assert.deepEqual({ passed, failed, skipped }, { passed: 1, failed: 1, skipped: 2 })
  }
})

test('the files that took longest come first, at most ten', async () => {
  const files = [
    plant('quick.test.ts', "test('q', () => {})\n"),
    plant(
      'slow.test.ts',
      'for (const i of [1, 2]) test(`s${i}`, () => new Promise((done) => setTimeout(done, 300)))\n',
    ),
  ]
  const { slowest = [] } = await runTier({ ...tier, shares: 2 }, files, { strict: 'none', print })
  assert.deepEqual(
    slowest.map(({ name }) => path.basename(name)),
    ['slow.test.ts', 'quick.test.ts'],
  )
  const many = Array.from({ length: 12 }, (_, i) => ({ name: String(i), elapsedMs: i }))
  assert.deepEqual(
    slowestOf(many).map(({ name }) => name),
    ['11', '10', '9', '8', '7', '6', '5', '4', '3', '2'],
  )
})

test('a share that dies makes the tier fail, and what the others passed is told', async () => {
  const files = [
    plant('dies-too.test.ts', "test('a', () => { process.kill(process.pid, 'SIGKILL') })\n"),
    plant('lives.test.ts', "test('b', () => {})\n"),
  ]
  const { passed, failed, remark } = await runTier({ ...tier, shares: 2 }, files, { strict: 'none', print })
  assert.deepEqual([passed, failed, remark], [1, 1, 'the test process died'])
})

test('a program that is missing is told apart from what else makes a test skip', async () => {
  const files = [
    plant('program.test.ts', "test('e', { skip: 'x not found: apt-get install x' }, () => {})\n"),
    plant('other.test.ts', "test('f', { skip: 'only root may' }, () => {})\n"),
  ]
  const { failed, skipped, remark } = await runTier(tier, files, { strict: 'programs', print })
  assert.deepEqual(
    { failed, skipped, remark },
    { failed: 1, skipped: 1, remark: 'here these may not be skipped' },
  )
})

test('a tier that dies has failed', async () => {
  const files = [plant('dies.test.ts', "test('a', () => { process.kill(process.pid, 'SIGKILL') })\n")]
  const { failed, remark } = await runTier(tier, files, { strict: 'none', print })
  assert.equal(failed, 1)
  assert.equal(remark, 'the test process died')
})

test('an empty tier says so', async () => {
  const { passed, failed, remark } = await runTier(tier, [], { strict: 'all', print })
  assert.deepEqual([passed, failed, remark], [0, 0, 'no test files'])
})

test('a program that takes too long is stopped', async () => {
  const file = path.join(folder, 'forever.js')
  writeFileSync(file, 'setInterval(() => {}, 1000)\n')
  const { how } = await runNode([file], { timeoutMs: 300, print })
  assert.equal(how, 'timeout')
})

test('time-outs, bad exit codes and forbidden skips fail a tier', () => {
  const ended = (how: 'exit' | 'timeout', code: number) => ({ how, code, stdout: '' }) as const
  const totals = { passed: 5, failed: 0, skipped: 2 }
  assert.deepEqual(judge(ended('exit', 0), totals, 1000, 'none'), [totals])
  assert.equal(judge(ended('exit', 0), totals, 1000, 'all')[0].failed, 2)
  assert.equal(judge(ended('exit', 0), totals, 1000, 'programs')[0].failed, 0)
  assert.deepEqual(judge(ended('exit', 0), { ...totals, missing: 1 }, 1000, 'programs')[0], {
    ...totals,
    missing: 1,
    skipped: 1,
    failed: 1,
  })
  assert.equal(judge(ended('exit', 1), totals, 1000, 'none')[0].failed, 1)
  assert.deepEqual(judge(ended('timeout', 1), undefined, 1000, 'none'), [
    { passed: 0, failed: 1, skipped: 0 },
    'not done after 1 s, stopped',
  ])
})

test('no test file belongs to two tiers, and excluded ones are left out', () => {
  plant('src/kv/a.test.ts', '')
  plant('src/kv/engines/lmdb.test.ts', '')
  plant('test/e2e/01-start/start.test.ts', '')
  const files = tiers.flatMap((one) => filesOf(one, folder).map((file) => `${one.name} ${file}`))
  assert.deepEqual(files, [
    'unit src/kv/a.test.ts',
    'engines src/kv/engines/lmdb.test.ts',
    'e2e test/e2e/01-start/start.test.ts',
  ])
})
