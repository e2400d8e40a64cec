/**
 * The conformance suite of storage engines: `kv/engines/<name>.test.ts` runs it for each. It knows nothing of
 * tables; it tests what `kv/backend.ts` promises, and compares random histories with a plain map.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Batch, KvEngine, KvRow } from './backend.ts'
import { keyText } from './key.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const none: Batch = { checks: [], puts: [], deletes: [], blobs: [] }
const put = (key: string, value: string): { key: string; value: Uint8Array } => ({ key, value: bytes(value) })
const shown = (rows: readonly KvRow[]): string[] =>
  rows.map(([key, value]) => `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`)
const textOf = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()

/** `open` gives an empty engine; the suite closes it. */
export function engineSuite(name: string, open: () => Promise<KvEngine>): void {
  const withEngine = (title: string, body: (engine: KvEngine) => Promise<void>): void => {
    it(title, async () => {
      const engine = await open()
      try {
        await body(engine)
      } finally {
        await engine[Symbol.asyncDispose]()
      }
    })
  }
  const all = async (engine: KvEngine): Promise<string[]> => {
    const snapshot = await engine.snapshot()
    try {
      return shown(await snapshot.range({ from: bytes(''), to: Buffer.of(0xff), limit: 1e6 }))
    } finally {
      snapshot.close()
    }
  }

  describe(`engine ${name}`, () => {
    withEngine('shows a commit to snapshots taken after it, and not to older ones', async (engine) => {
      const before = await engine.snapshot()
      assert.equal(await engine.commit({ ...none, puts: [put('a', '1')] }), 'done')
      const after = await engine.snapshot()
      assert.equal(textOf(await before.get(bytes('a'))), undefined)
      assert.deepEqual(shown(await before.range({ from: bytes(''), to: bytes('z'), limit: 9 })), [])
      assert.equal(textOf(await after.get(bytes('a'))), '1')
      before.close()
      after.close()
    })

    withEngine('has another revision once a commit is shown, and the same until then', async (engine) => {
      ;(await engine.snapshot()).close()
      const seen = new Set<number | undefined>()
      for (let i = 0; i < 20; i++) {
        const revision = engine.revision()
        assert.ok(revision !== undefined && !seen.has(revision))
        assert.deepEqual(await all(engine), i === 0 ? [] : [`a=${i}`])
        assert.equal(engine.revision(), revision)
        seen.add(revision)
        assert.equal(await engine.commit({ ...none, puts: [put('a', `${i + 1}`)] }), 'done')
      }
    })

    withEngine('keeps a snapshot still while rows change and vanish', async (engine) => {
      await engine.commit({ ...none, puts: [put('a', '1'), put('b', '2')] })
      const old = await engine.snapshot()
      await engine.commit({ ...none, puts: [put('b', 'new'), put('c', '3')], deletes: ['a'] })
      assert.deepEqual(shown(await old.range({ from: bytes(''), to: bytes('z'), limit: 9 })), ['a=1', 'b=2'])
      old.close()
      assert.deepEqual(await all(engine), ['b=new', 'c=3'])
    })

    withEngine('gives values that the caller may keep', async (engine) => {
      await engine.commit({ ...none, puts: [put('a', 'first'), put('b', 'other')] })
      const snapshot = await engine.snapshot()
      const a = await snapshot.get(bytes('a'))
      const [b] = await snapshot.getMany([bytes('b')])
      await snapshot.get(bytes('b'))
      snapshot.close()
      await engine.commit({ ...none, puts: [put('a', 'later')] })
      assert.deepEqual([textOf(a), textOf(b)], ['first', 'other'])
    })

    withEngine('refuses the whole batch where a check no longer holds', async (engine) => {
      await engine.commit({ ...none, puts: [put('a', '1')] })
      const was = (value: string | undefined): Batch['checks'] => [
        { key: 'a', was: value === undefined ? undefined : bytes(value) },
      ]
      const change = { puts: [put('b', 'x')], deletes: ['a'] }
      assert.equal(await engine.commit({ ...none, checks: was(undefined), ...change }), 'conflict')
      assert.equal(await engine.commit({ ...none, checks: was('0'), ...change }), 'conflict')
      assert.equal(await engine.commit({ ...none, checks: was('10'), ...change }), 'conflict')
      assert.deepEqual(await all(engine), ['a=1'])
      assert.equal(await engine.commit({ ...none, checks: was('1'), ...change }), 'done')
      assert.deepEqual(await all(engine), ['b=x'])
      assert.equal(await engine.commit({ ...none, checks: was(undefined), puts: [put('c', '')] }), 'done')
    })

    withEngine('checks see the batches submitted before, also within one group', async (engine) => {
      const step = (was: string | undefined, value: string): Promise<string> =>
        engine.commit({
          ...none,
          checks: [{ key: 'n', was: was === undefined ? undefined : bytes(was) }],
          puts: [put('n', value)],
        })
      assert.deepEqual(
        await Promise.all([step(undefined, '1'), step('1', '2'), step('1', 'lost'), step('2', '3')]),
        ['done', 'done', 'conflict', 'done'],
      )
      assert.deepEqual(await all(engine), ['n=3'])
    })

    withEngine('lists ranges in byte order, both ways, with limits', async (engine) => {
      const keys = [
        Buffer.of(0x10),
        Buffer.of(0x10, 0),
        Buffer.of(0x10, 0xff),
        Buffer.of(0x11),
        Buffer.of(0x80),
        Buffer.of(0xfe, 0xff),
      ]
      await engine.commit({
        ...none,
        puts: keys.toReversed().map((key) => ({ key: keyText(key), value: key })),
      })
      const snapshot = await engine.snapshot()
      const range = async (from: Buffer, to: Buffer, limit: number, reverse: boolean): Promise<string[]> =>
        (await snapshot.range({ from, to, limit, reverse })).map(([key]) => Buffer.from(key).toString('hex'))
      assert.deepEqual(await range(Buffer.of(0x10), Buffer.of(0xff), 10, false), [
        '10',
        '1000',
        '10ff',
        '11',
        '80',
        'feff',
      ])
      assert.deepEqual(await range(Buffer.of(0x10), Buffer.of(0x11), 10, false), ['10', '1000', '10ff'])
      assert.deepEqual(await range(Buffer.of(0x10), Buffer.of(0x11), 10, true), ['10ff', '1000', '10'])
      assert.deepEqual(await range(Buffer.of(0x10, 0), Buffer.of(0xff), 2, true), ['feff', '80'])
      assert.deepEqual(await range(Buffer.of(0x12), Buffer.of(0x80), 2, true), [])
      assert.deepEqual(await range(Buffer.of(0x12), Buffer.of(0x80), 2, false), [])
      assert.deepEqual(await range(Buffer.of(0x10), Buffer.of(0xff), 1, false), ['10'])
      snapshot.close()
    })

    withEngine('keeps empty and large values and long keys', async (engine) => {
      const large = Buffer.alloc(300_000, 7)
      const long = Buffer.alloc(Math.min(engine.limits.keyBytes, 1500), 0x61)
      await engine.commit({
        ...none,
        puts: [
          put('empty', ''),
          { key: 'large', value: large },
          { key: keyText(long), value: bytes('long') },
        ],
      })
      const snapshot = await engine.snapshot()
      assert.equal((await snapshot.get(bytes('empty')))?.length, 0)
      assert.ok(large.equals((await snapshot.get(bytes('large')))!))
      assert.equal(textOf(await snapshot.get(long)), 'long')
      snapshot.close()
    })

    withEngine('agrees with a plain map after any history', async (engine) => {
      const model = new Map<string, string>()
      const key = fc.stringMatching(/^[a-d]{1,3}$/)
      const step = fc.record({
        puts: fc.dictionary(key, fc.string({ maxLength: 20 }), { maxKeys: 5 }),
        deletes: fc.uniqueArray(key, { maxLength: 3 }),
      })
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { maxLength: 8 }),
          key,
          key,
          fc.boolean(),
          async (steps, one, two, reverse) => {
            for (const { puts, deletes } of steps) {
              const gone = deletes.filter((k) => !(k in puts))
              await engine.commit({
                ...none,
                puts: Object.entries(puts).map(([k, v]) => put(k, v)),
                deletes: gone,
              })
              for (const [k, v] of Object.entries(puts)) model.set(k, v)
              for (const k of gone) model.delete(k)
            }
            const [from, to] = one < two ? [one, two] : [two, one]
            const expected = [...model]
              .filter(([k]) => k >= from && k < to)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([k, v]) => `${k}=${v}`)
            const snapshot = await engine.snapshot()
            const found = shown(
              await snapshot.range({ from: bytes(from), to: bytes(to), limit: 100, reverse }),
            )
            snapshot.close()
            assert.deepEqual(found, reverse ? expected.reverse() : expected)
          },
        ),
        { numRuns: 40 },
      )
    })
  })
}
