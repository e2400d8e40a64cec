import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ListPattern } from './list-pattern.ts'

const matches = (pattern: string, path: string): boolean => new ListPattern(pattern).matches(path)

test('wildcards, levels and INBOX', () => {
  assert.ok(matches('*', 'a/b/c'))
  assert.ok(matches('%', 'a'))
  assert.ok(!matches('%', 'a/b'))
  assert.ok(matches('a/%', 'a/b'))
  assert.ok(matches('%/%', 'a/b'))
  assert.ok(!matches('a%', 'a/b'))
  assert.ok(matches('a*c', 'a/b/c'))
  assert.ok(matches('inbox', 'INBOX'))
  assert.ok(matches('In%', 'INBOX'))
  assert.ok(matches('inbox/*', 'INBOX/child'))
  assert.ok(!matches('inbox/CHILD', 'INBOX/child'))
  assert.ok(!matches('Tofu', 'tofu'))
  assert.ok(!matches('', 'a'))
})

test('as the regular expression that says the same, on small alphabets', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '%'), maxLength: 8 })
  const names = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 })
  fc.assert(
    fc.property(letters, names, (pattern, path) => {
      const model = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('%', '[^/]*')}$`, 's')
      assert.equal(matches(pattern, path), model.test(path))
    }),
    { numRuns: 500 },
  )
})

test('a pattern made to be slow is not, and one without measure matches nothing', () => {
  assert.ok(!matches('*a'.repeat(400), 'a'.repeat(300)))
  assert.ok(!matches('%a'.repeat(400), 'a'.repeat(300)))
  assert.ok(!matches('a'.repeat(5000), 'a'.repeat(5000)))
})
