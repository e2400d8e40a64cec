import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'node:test'
import { inTurn, type Maybe, whenThere } from './maybe.ts'

const later = async <T>(value: T): Promise<T> => {
  await nextTurn()
  return value
}

test('what is there is gone on with at once', async () => {
  const double = (n: number): number => n * 2
  assert.equal(whenThere(2, double), 4)
  assert.equal(await whenThere(later(2), double), 4)
  assert.deepEqual(
    inTurn([1, 2, 3], (n) => n * 2),
    [2, 4, 6],
  )
})

test('values that are waited for are made one after the other, in order', async () => {
  for (const waiting of [[0], [1, 3], [4], [0, 1, 2, 3, 4]]) {
    let open = 0
    const made = inTurn([0, 1, 2, 3, 4], (n): Maybe<number> => {
      assert.equal(open, 0)
      if (!waiting.includes(n)) return n
      open++
      return later(n).finally(() => open--)
    })
    assert.ok(made instanceof Promise)
    assert.deepEqual(await made, [0, 1, 2, 3, 4])
  }
})

test('a failure ends it, whether it comes at once or later', async () => {
  const fail = (): never => {
    throw new Error('no')
  }
  assert.throws(() => inTurn([1], fail), /no/)
  const seen: number[] = []
  const made = async (): Promise<unknown> =>
    inTurn([1, 2, 3], (n) => {
      seen.push(n)
      return n === 2 ? later(n).then(fail) : n
    })
  await assert.rejects(made(), /no/)
  assert.deepEqual(seen, [1, 2])
})
