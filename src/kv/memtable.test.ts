/** Random versions of rows against the plainest model: every group as a whole copy. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Memtable } from './memtable.ts'

const key = fc.oneof(
  fc.nat({ max: 60 }).map((n) => `A0001m${String(n).padStart(3, '0')}`),
  fc.constantFrom('A0001c1', 'A0002m1', 'G', 'Gx', 'A0001m'),
)
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      rows: fc.array(fc.tuple(key, fc.option(fc.nat({ max: 250 }))), { minLength: 1, maxLength: 30 }),
      isForgotten: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('enter' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const) }) },
)

type State = ReadonlyMap<string, number | null>

function check(rows: Memtable, version: number, state: State): void {
  for (const [name, value] of state) {
    const found = rows.get(name, version)
    assert.equal(found === null || found === undefined ? found : found[0], value, `${name} at ${version}`)
  }
  const all = [...state].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [from, to] of [
    ['', '\xff'],
    ['A0001m010', 'A0001m030'],
    ['A0001m', 'A0002'],
  ] as const) {
    const expected = all.filter(([name]) => name >= from && name < to)
    const read = (reverse: boolean): (readonly [string, number | null | undefined])[] =>
      Array.from(
        rows.range(from, to, version, reverse),
        ([name, value]) => [name, value && value[0]] as const,
      )
    assert.deepEqual(read(false), expected)
    assert.deepEqual(read(true), expected.toReversed())
  }
}

test('every reader sees its version, whatever is set, forgotten and dropped', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const rows = new Memtable()
      let group = 0
      /** All that was set since the last drop, as of each version that somebody reads. */
      let now = new Map<string, number | null>()
      const readers: { version: number; state: State }[] = []
      for (const one of commands) {
        if (one.do === 'set') {
          const before = new Map(now)
          rows.enter(group)
          for (const [name, value] of one.rows) {
            rows.set(name, value === null ? undefined : Uint8Array.of(value), group + 1)
            now.set(name, value)
          }
          if (one.isForgotten) {
            rows.forget(group + 1)
            now = before
          } else group++
          rows.leave(one.isForgotten ? group : group - 1)
        } else if (one.do === 'enter') {
          rows.enter(group)
          readers.push({ version: group, state: new Map(now) })
        } else if (one.do === 'leave') {
          const [reader] = readers.splice(one.which % Math.max(1, readers.length), 1)
          if (reader !== undefined) rows.leave(reader.version)
        } else if (readers.length === 0) {
          // What is dropped is below; the model has no below.
          rows.drop(group)
          now = new Map()
        }
        check(rows, group, now)
        for (const { version, state } of readers) check(rows, version, state)
        const newest = Array.from(rows.newest(), ([name, value]) => [name, value && value[0]] as const)
        assert.deepEqual(
          newest,
          [...now].sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      }
      rows.drop(group)
      assert.equal(rows.isEmpty, true)
      assert.equal(rows.bytes, 0)
    }),
    { numRuns: 300 },
  )
})
