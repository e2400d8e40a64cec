import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SetFault } from './errors.ts'
import { applyPatch } from './patch.ts'
import type { JsonObject } from './value.ts'

const object: JsonObject = { name: 'x', keywords: { $seen: true }, 'a/b': 1 }

const refused = (patch: JsonObject): void =>
  assert.throws(
    () => applyPatch(object, patch),
    (error) => error instanceof SetFault && error.setError['type'] === 'invalidPatch',
    JSON.stringify(patch),
  )

test('RFC 8620 §5.3: names are pointers to what is replaced, null takes away or sets the default', () => {
  const patched = applyPatch(
    object,
    { 'keywords/$flagged': true, 'keywords/$seen': null, 'a~1b': 2, name: null },
    { name: 'd' },
  )
  assert.deepEqual(
    { ...patched, keywords: { ...(patched['keywords'] as object) } },
    {
      name: 'd',
      keywords: { $flagged: true },
      'a/b': 2,
    },
  )
  assert.deepEqual(object['keywords'], { $seen: true })
  assert.equal(applyPatch(object, { other: null })['other'], null)
})

test('RFC 8620 §5.3: paths through what is not there, through lists, or one in front of the other are refused', () => {
  refused({ 'name/x': 1 })
  refused({ 'none/x': 1 })
  refused({ keywords: {}, 'keywords/$seen': true })
  refused({ 'keywords/~2': true })
  refused({ '__proto__/x': 1 })
  refused({ 'constructor/prototype/x': 1 })
  refused({ ['x/'.repeat(20)]: 1 })
})

/** Turns red where each path copies what it leads into: 20,000 copies of 20,000 members take a minute. */
test('a patch of very many paths into one object copies it once', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => `keywords/k${i}`)
  const set = applyPatch(object, Object.fromEntries(many.map((path) => [path, true])))
  const all = set['keywords'] as JsonObject
  assert.equal(Object.keys(all).length, many.length + 1)
  const none = applyPatch(set, Object.fromEntries(many.map((path) => [path, null])))
  assert.deepEqual({ ...(none['keywords'] as object) }, { $seen: true })
  assert.equal(Object.keys(all).length, many.length + 1, 'what was given stays')
})
