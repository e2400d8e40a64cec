import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { none, RootedForest } from './rooted-forest.ts'

const nodes = 12
const operations = fc.array(
  fc.record({
    node: fc.integer({ min: 0, max: nodes - 1 }),
    parent: fc.integer({ min: -1, max: nodes - 1 }),
  }),
  { maxLength: 200 },
)

test('nodes are hung and cut as in a forest of plain parents, and never in a loop', () => {
  fc.assert(
    fc.property(operations, (list) => {
      const forest = new RootedForest()
      const parents = Array.from({ length: nodes }, () => none)
      for (let i = 0; i < nodes; i++) forest.add()
      for (const { node, parent } of list) {
        if (parents[node] !== none) {
          forest.cut(node)
          parents[node] = none
        }
        if (parent !== none) {
          forest.link(node, parent)
          let at = parent
          while (at !== node && parents[at] !== none) at = parents[at]!
          if (at !== node) parents[node] = parent
        }
        assert.deepEqual(forest.parents, parents)
      }
    }),
    { numRuns: 300 },
  )
})

test('a chain that is taken apart and joined again from within costs no more for being long', () => {
  const length = 100_000
  const forest = new RootedForest()
  for (let i = 0; i < length; i++) forest.add()
  for (let i = 1; i < length; i++) forest.link(i, i - 1)
  // Each goes one step up, with all that hangs below it: a walk to the root each time would take minutes.
  for (let i = 2; i < length; i++) {
    forest.cut(i)
    forest.link(i, i - 2)
  }
  assert.equal(forest.parents[length - 1], length - 3)
  for (let i = 2; i < length; i += 1000) {
    forest.cut(i)
    forest.link(i, length - 1 - ((length - 1 - i) % 2))
    assert.equal(forest.parents[i], none, 'a loop')
  }
})
