import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import { parseJsonBody } from './json-body.ts'

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text))

function problemOf(body: Uint8Array | string): { text: string; properties?: readonly string[] } {
  try {
    parseJsonBody(Buffer.from(body))
  } catch (error) {
    assert.ok(isFault(error, 'invalid'), String(error))
    const { properties } = error.detail
    return { text: error.publicText, ...(properties === undefined ? {} : { properties }) }
  }
  return assert.fail('it was taken')
}

test('what JSON is, is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, undefined, 1)
      assert.deepEqual(parse(text), JSON.parse(text))
    }),
  )
  assert.deepEqual(Object.keys(parse('{"__proto__":1,"a":{"__proto__":2}}') as object), ['__proto__', 'a'])
})

test('anything else is Fault invalid', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        parseJsonBody(bytes)
      } catch (error) {
        assert.ok(isFault(error, 'invalid'))
      }
    }),
  )
})

test('a name that stands twice is named, wherever it is and however it is spelled', () => {
  assert.deepEqual(problemOf('{"a":1,"b":{"c":[{},{"x":"{,","x":2}]}}').properties, ['b/c/1/x'])
  assert.deepEqual(problemOf('{"a":1,"\\u0061":2}').properties, ['a'])
  assert.deepEqual(problemOf('{"__proto__":1,"__proto__":2}').properties, ['__proto__'])
  assert.deepEqual(problemOf(String.raw`{"b\\":1,"c\\\"":"\\\\\"{","b\\":2}`).properties, ['b\\'])
  assert.deepEqual(parse('[{"a":1},{"a":"a"},"a","a"]'), [{ a: 1 }, { a: 'a' }, 'a', 'a'])
})

test('no deep nesting, nothing that is not UTF-8', () => {
  assert.deepEqual(problemOf('['.repeat(100_000) + ']'.repeat(100_000)).properties?.length, 1)
  assert.equal(JSON.stringify(parse('['.repeat(64) + ']'.repeat(64))).length, 128)
  assert.match(problemOf(Buffer.from([0x22, 0xff, 0x22])).text, /UTF-8/)
  assert.match(problemOf('').text, /JSON/)
})
