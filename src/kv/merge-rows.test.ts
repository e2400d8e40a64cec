import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KvReader, KvRow } from './backend.ts'
import { keyBytes, keyText } from './key.ts'
import { Memtable } from './memtable.ts'
import { mergeRows } from './merge-rows.ts'

const value = (text: string): Uint8Array => Buffer.from(text)

/** What an engine has; counts the rows that it was asked for. */
function engineOf(rows: ReadonlyMap<string, string>) {
  const counted = { read: 0 }
  const range: KvReader['range'] = ({ from, to, limit, reverse }) => {
    const found = [...rows]
      .filter(([key]) => key >= keyText(from) && key < keyText(to))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, text]): KvRow => [keyBytes(key), value(text)])
    const page = (reverse === true ? found.reverse() : found).slice(0, limit)
    counted.read += page.length
    return page
  }
  return { counted, range }
}

const shown = (rows: readonly KvRow[]): readonly string[] =>
  rows.map(([key, bytes]) => `${keyText(key)}=${Buffer.from(bytes).toString()}`)

test('what is over the engine hides and adds rows, both ways, up to any limit', () => {
  // Around the six characters by which the rows in memory are kept together.
  const key = fc.stringMatching(/^[ab]{1,3}[cd]{0,3}[ef]{0,2}$/)
  const below = fc.dictionary(key, fc.string({ maxLength: 3 }), { maxKeys: 40 })
  const above = fc.dictionary(key, fc.option(fc.string({ maxLength: 3 })), { maxKeys: 40 })
  fc.assert(
    fc.property(
      below,
      above,
      key,
      key,
      fc.integer({ min: 1, max: 12 }),
      fc.boolean(),
      (low, high, one, two, limit, reverse) => {
        const rows = new Memtable()
        const all = new Map(Object.entries(low))
        const engine = engineOf(new Map(all))
        for (const [name, text] of Object.entries(high)) {
          rows.set(name, text === null ? undefined : value(text), 1)
          if (text === null) all.delete(name)
          else all.set(name, text)
        }
        const [from, to] = one < two ? [one, two] : [two, one]
        const expected = [...all]
          .filter(([name]) => name >= from && name < to)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, text]) => `${name}=${text}`)
        const found = mergeRows(engine, rows.range(from, to, 1, reverse), {
          from: keyBytes(from),
          to: keyBytes(to),
          limit,
          reverse,
        })
        assert.deepEqual(shown(found), (reverse ? expected.reverse() : expected).slice(0, limit))
      },
    ),
    { numRuns: 2000 },
  )
})

test('a short page does not read what a thousand rows lie over', () => {
  const low = new Map<string, string>()
  const rows = new Memtable()
  for (let i = 0; i < 5000; i++) {
    const name = `k${String(i).padStart(6, '0')}`
    low.set(name, 'old')
    rows.set(name, i === 0 ? undefined : value('new'), 1)
  }
  const engine = engineOf(low)
  let looked = 0
  function* counted() {
    for (const row of rows.range('k', 'l', 1, false)) {
      looked++
      yield row
    }
  }
  const found = mergeRows(engine, counted(), { from: keyBytes('k'), to: keyBytes('l'), limit: 10 })
  assert.deepEqual(shown(found).slice(0, 2), ['k000001=new', 'k000002=new'])
  assert.equal(found.length, 10)
  assert.ok(engine.counted.read <= 20 && looked <= 20, `${engine.counted.read} read, ${looked} looked at`)
})
