import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Filter, filterTest } from './filter.ts'

const among = [1, 2, 3, 4, 5, 6]
const multipleOf = (condition: number) => (one: number) => one % condition === 0
const found = (filter: Filter<number> | undefined): readonly number[] =>
  among.filter(filterTest(filter, multipleOf))
const of = (operator: 'AND' | 'OR' | 'NOT', ...conditions: readonly Filter<number>[]): Filter<number> => ({
  operator,
  conditions,
})
const two = { condition: 2 }
const three = { condition: 3 }

test('RFC 8620 §5.5: all of AND, one of OR, none of NOT', () => {
  assert.deepEqual(found(undefined), among)
  assert.deepEqual(found(two), [2, 4, 6])
  assert.deepEqual(found(of('AND', two, three)), [6])
  assert.deepEqual(found(of('OR', two, three)), [2, 3, 4, 6])
  assert.deepEqual(found(of('NOT', two, three)), [1, 5])
  assert.deepEqual(found(of('AND', two, of('NOT', three))), [2, 4])
  assert.deepEqual([found(of('AND')), found(of('OR')), found(of('NOT'))], [among, [], among])
})

/** Turns red where a condition, which may be megabytes, is read again for each of thousands of objects. */
test('what a condition needs is made ready once for all objects', () => {
  let made = 0
  const filter = of('OR', two, of('AND', three, two))
  const test = filterTest(filter, (condition: number) => {
    made++
    return multipleOf(condition)
  })
  for (let one = 0; one < 1000; one++) test(one)
  assert.equal(made, 3)
})
