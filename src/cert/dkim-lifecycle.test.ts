import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { dkimAlgorithms, dkimDefaults, type DkimManagement, dkimStages } from '#account/dkim-tables.ts'
import { dkimChanges, type DkimKey, type DkimSituation, nextTransition } from './dkim-lifecycle.ts'

const dayMs = 86_400_000
const nowMs = 1000 * dayMs
const rsaOnly: DkimManagement = { ...dkimDefaults, algorithms: ['rsa-sha256'] }

const key = (selector: string, stage: DkimKey['stage'], ageDays = 0, o: Partial<DkimKey> = {}): DkimKey => ({
  selector,
  stage,
  stageSince: nowMs - ageDays * dayMs,
  algorithm: 'rsa-sha256',
  isAutomatic: true,
  ...o,
})

const changes = (keys: readonly DkimKey[], o: Partial<DkimSituation> & { seen?: readonly string[] } = {}) =>
  dkimChanges({ management: rsaOnly, keys, nowMs, published: new Set(o.seen ?? []), ...o })

const nothing = { add: [], stages: [], remove: [] }

describe('the life of DKIM keys', () => {
  it('begins with one of each algorithm, made once', () => {
    assert.deepEqual(changes([], { management: dkimDefaults }).add, ['ed25519-sha256', 'rsa-sha256'])
    assert.deepEqual(changes([key('a', 'pending')]), nothing)
  })

  it('goes on when the record is seen, however long that takes', () => {
    assert.deepEqual(changes([key('a', 'pending', 300)]), nothing)
    assert.deepEqual(changes([key('a', 'pending', 300)], { seen: ['a'] }).stages, [
      { selector: 'a', stage: 'active' },
    ])
  })

  it('has a successor made after 90 days, and signs until that is seen', () => {
    assert.deepEqual(changes([key('a', 'active', 89)]), nothing)
    assert.deepEqual(changes([key('a', 'active', 90)]), { ...nothing, add: ['rsa-sha256'] })
    const both = [key('a', 'active', 120), key('b', 'pending', 30)]
    assert.deepEqual(changes(both), nothing)
    assert.deepEqual(changes(both, { seen: ['b'] }), {
      ...nothing,
      stages: [
        { selector: 'a', stage: 'retiring' },
        { selector: 'b', stage: 'active' },
      ],
    })
  })

  it('ends with 7 days in which the record stays, and 30 in which it is only remembered', () => {
    const active = key('b', 'active')
    assert.deepEqual(changes([active, key('a', 'retiring', 6.9)]), nothing)
    assert.deepEqual(changes([active, key('a', 'retiring', 7)]).stages, [{ selector: 'a', stage: 'retired' }])
    assert.deepEqual(changes([active, key('a', 'retired', 29.9)]), nothing)
    assert.deepEqual(changes([active, key('a', 'retired', 30)]).remove, ['a'])
  })

  it('can be cut short: the next key now, or nothing signs with those before', () => {
    const keys = [key('a', 'active', 5), key('z', 'retiring', 1)]
    assert.deepEqual(changes(keys, { rotation: 'soon' }), { ...nothing, add: ['rsa-sha256'] })
    assert.deepEqual(changes([...keys, key('b', 'pending')], { rotation: 'soon' }), nothing)
    const atOnce = changes([...keys, key('b', 'pending')], { rotation: 'atOnce' })
    assert.deepEqual(atOnce.add, ['rsa-sha256'])
    assert.deepEqual(
      atOnce.stages,
      ['a', 'z', 'b'].map((selector) => ({ selector, stage: 'retired' })),
    )
  })

  it('of an algorithm that is not wanted ends when another signs, and never before', () => {
    const old = key('e', 'active', 3, { algorithm: 'ed25519-sha256' })
    assert.deepEqual(changes([old]).stages, [])
    assert.deepEqual(changes([old, key('r', 'pending')], { seen: ['r'] }).stages, [
      { selector: 'e', stage: 'retiring' },
      { selector: 'r', stage: 'active' },
    ])
    const unseen = key('e', 'pending', 1, { algorithm: 'ed25519-sha256' })
    assert.deepEqual(changes([unseen, key('r', 'active')]).remove, ['e'])
  })

  it('of a key that somebody brought is only begun, and nothing else is touched where all is done by hand', () => {
    const brought = { isAutomatic: false }
    const keys = [key('a', 'active', 400, brought), key('b', 'retired', 400, brought)]
    assert.deepEqual(changes(keys), { ...nothing, add: ['rsa-sha256'] })
    const management = { ...rsaOnly, type: 'manual' } as const
    assert.deepEqual(changes([...keys, key('c', 'active', 400)], { management }), nothing)
    const pending = key('d', 'pending', 1, brought)
    assert.deepEqual(changes([pending], { management, seen: ['d'] }).stages, [
      { selector: 'd', stage: 'active' },
    ])
  })

  it('says when it goes on', () => {
    assert.equal(nextTransition(key('a', 'active', 1), rsaOnly), nowMs + 89 * dayMs)
    assert.equal(nextTransition(key('a', 'retiring'), rsaOnly), nowMs + 7 * dayMs)
    assert.equal(nextTransition(key('a', 'retired'), rsaOnly), nowMs + 30 * dayMs)
    assert.equal(nextTransition(key('a', 'pending'), rsaOnly), undefined)
    assert.equal(nextTransition(key('a', 'active', 1, { isAutomatic: false }), rsaOnly), undefined)
  })

  it('whatever there is: never takes the last key that signs, never signs unseen, and comes to rest', () => {
    const keys = fc.uniqueArray(
      fc.record({
        selector: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        stage: fc.constantFrom(...dkimStages),
        stageSince: fc.integer({ min: 0, max: 200 }).map((days) => nowMs - days * dayMs),
        algorithm: fc.constantFrom(...dkimAlgorithms),
        isAutomatic: fc.boolean(),
      }),
      { selector: ({ selector }) => selector },
    )
    const management = fc.record({
      type: fc.constantFrom('automatic' as const, 'manual' as const),
      algorithms: fc.uniqueArray(fc.constantFrom(...dkimAlgorithms), { minLength: 1 }),
    })
    fc.assert(
      fc.property(keys, management, fc.subarray(['a', 'b', 'c', 'd', 'e']), (present, how, seen) => {
        const o = { management: { ...dkimDefaults, ...how }, seen }
        const found = changes(present, o)
        for (const { selector, stage } of found.stages)
          if (stage === 'active') assert.ok(seen.includes(selector))
        const after = present
          .filter(({ selector }) => !found.remove.includes(selector))
          .map((one) => {
            const stage = found.stages.find(({ selector }) => selector === one.selector)?.stage
            return stage === undefined ? one : { ...one, stage, stageSince: nowMs }
          })
        const signs = (all: readonly DkimKey[]): boolean => all.some(({ stage }) => stage === 'active')
        if (signs(present)) assert.ok(signs(after))
        const added = found.add.map((algorithm, i) => key(`new${i}`, 'pending', 0, { algorithm }))
        const again = changes([...after, ...added], o)
        assert.deepEqual(again, nothing)
      }),
    )
  })
})
