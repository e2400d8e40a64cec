import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { fuzzTarget, newShared } from './fuzz-run.ts'
import { Random } from '../test/harness/random.ts'
import { mutate } from './mutate.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'postern fuzz-'))
after(() => rmSync(folder, { recursive: true }))

const file = path.join(folder, 'planted.ts')
writeFileSync(
  file,
  `const at = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const hold: Uint8Array[] = []
export const targets = [
  { name: 'sound', run(bytes: Uint8Array) { at(bytes) } },
  { name: 'throws', run(bytes: Uint8Array) { if (at(bytes).includes('\\0')) throw new Error('zero') } },
  { name: 'rejects', async run(bytes: Uint8Array) { if (at(bytes).includes('(')) throw new Error('open') } },
  { name: 'spins', run(bytes: Uint8Array) { while (at(bytes) === 'spin') {} } },
  { name: 'waits', run(bytes: Uint8Array) { if (at(bytes) === 'wait') return new Promise<void>(() => {}) } },
  { name: 'grows', run() { hold.push(new Uint8Array(65536).fill(1)) } },
]
`,
)

function fuzz(target: string, o: { corpus?: string[]; runs?: number; seed?: number; hangMs?: number } = {}) {
  const corpus = (o.corpus ?? []).map((text) => new TextEncoder().encode(text))
  const module = pathToFileURL(file).href
  const job = { module, target, corpus, seed: o.seed ?? 1, seconds: 600, runs: o.runs ?? 300 }
  return fuzzTarget({ ...job, shared: newShared() }, { hangMs: o.hangMs ?? 60_000 })
}

test('a sound target runs all inputs and has no finds', async () => {
  assert.deepEqual(await fuzz('sound', { corpus: ['a', 'b'] }), { executions: 302, finds: [] })
})

test('an error is found once, with an input that makes it', async () => {
  for (const [target, sign] of [
    ['throws', '\0'],
    ['rejects', '('],
  ] as const) {
    const { finds } = await fuzz(target, { corpus: ['abc'], runs: 3000 })
    assert.deepEqual(
      finds.map(({ kind }) => kind),
      ['error'],
    )
    assert.ok(Buffer.from(finds[0]!.bytes).toString('latin1').includes(sign))
  }
})

test('the same seed finds the same input', async () => {
  const [one, two] = [await fuzz('throws', { runs: 3000 }), await fuzz('throws', { runs: 3000 })]
  assert.deepEqual(one, two)
  assert.equal(one.finds.length, 1)
})

test('an input that never ends is stopped and named', async () => {
  for (const [target, input] of [
    ['spins', 'spin'],
    ['waits', 'wait'],
  ] as const) {
    const { finds } = await fuzz(target, { corpus: ['x', input], hangMs: 3000 })
    assert.deepEqual(
      finds.map(({ kind, bytes }) => [kind, Buffer.from(bytes).toString()]),
      [['hang', input]],
    )
  }
})

test('memory that is kept is found', async () => {
  const { finds } = await fuzz('grows', { runs: 4000 })
  assert.deepEqual(
    finds.map(({ kind }) => kind),
    ['memory'],
  )
})

test('changed inputs stay below the limit and come from their seed alone', () => {
  const pool = ['', 'From: a\r\n\r\nb', 'x'.repeat(10_000)].map((text) => new TextEncoder().encode(text))
  const make = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 500 }, () => mutate(random, pool, 4096))
  }
  const inputs = make(7)
  assert.ok(inputs.every(({ length }) => length <= 4096))
  assert.ok(new Set(inputs.map((bytes) => Buffer.from(bytes).toString('hex'))).size > 450)
  assert.deepEqual(make(7), inputs)
  assert.notDeepEqual(make(8), inputs)
})
