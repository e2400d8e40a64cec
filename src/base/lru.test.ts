import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Lru } from './lru.ts'

describe('Lru', () => {
  it('lets the least recently used entries leave first, by reading and by writing', () => {
    const left: string[] = []
    const cache = new Lru<string, number>(3, (key, value) => left.push(`${key}${value}`))
    for (const [value, key] of ['a', 'b', 'c'].entries()) cache.set(key, value)
    assert.equal(cache.get('a'), 0)
    cache.set('b', 7)
    cache.set('d', 3)
    assert.deepEqual(left, ['c2'])
    cache.set('e', 4)
    cache.set('f', 5)
    assert.deepEqual(left, ['c2', 'a0', 'b7'])
    assert.deepEqual([cache.size, cache.get('c'), cache.get('d')], [3, undefined, 3])
  })

  it('goes by weight, and keeps nothing that is heavier than all it may hold', () => {
    const left: string[] = []
    const cache = new Lru<string, string>(10, (key) => left.push(key))
    cache.set('a', '', 4)
    cache.set('b', '', 4)
    cache.set('a', '', 6)
    assert.deepEqual([left, cache.weight], [[], 10])
    cache.set('c', '', 1)
    assert.deepEqual([left, cache.weight], [['b'], 7])
    cache.set('d', '', 11)
    assert.deepEqual([left, cache.weight, cache.size], [['b', 'a', 'c', 'd'], 0, 0])
  })

  it('forgets without a word what is deleted, wherever it is in the order', () => {
    for (const gone of ['a', 'b', 'c']) {
      const left: string[] = []
      const cache = new Lru<string, number>(3, (key) => left.push(key))
      for (const key of ['a', 'b', 'c']) cache.set(key, 0)
      assert.deepEqual([cache.delete(gone), cache.delete(gone), cache.size], [true, false, 2])
      for (const key of ['d', 'e', 'f']) cache.set(key, 0)
      assert.deepEqual(
        left,
        ['a', 'b', 'c'].filter((key) => key !== gone),
      )
    }
  })

  it('drains all at once, and can be used again', () => {
    const left: string[] = []
    const cache = new Lru<string, number>(2, (key) => left.push(key))
    cache.set('a', 1)
    cache.set('b', 2)
    cache.drain()
    assert.deepEqual([left, cache.size, cache.weight], [['a', 'b'], 0, 0])
    for (const key of ['c', 'd', 'e']) cache.set(key, 0)
    assert.deepEqual(left, ['a', 'b', 'c'])
  })

  it('takes an entry that is put in while another one leaves', () => {
    const cache: Lru<string, number> = new Lru(2, (key) => {
      if (key === 'a') cache.set('again', 0)
    })
    for (const key of ['a', 'b', 'c']) cache.set(key, 0)
    assert.deepEqual([cache.size, cache.get('again'), cache.get('b')], [2, 0, undefined])
  })
})
