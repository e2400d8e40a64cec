import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from './fault.ts'
import {
  array,
  int,
  object,
  oneOf,
  optional,
  readAs,
  string,
  toJSONSchema,
  type Schema,
  type Shape,
} from './schema.ts'

const payload = object({
  to: array(string()),
  tries: int(),
  kind: oneOf(['a', 'b']),
  note: optional(string()),
})

test('a right value is read and unknown properties are dropped', () => {
  const read: Shape<typeof payload> = readAs(payload, { to: ['x'], tries: 2, kind: 'a', more: 1 })
  assert.deepEqual(read, { to: ['x'], tries: 2, kind: 'a' })
})

test('a wrong value names its properties and does not repeat the value', () => {
  assert.throws(
    () => readAs(payload, { to: ['x', 5], tries: 'hunter2', kind: 'c' }),
    (error) => {
      assert(isFault(error, 'invalid'))
      assert.deepEqual(error.detail.properties, ['to.1', 'tries', 'kind'])
      assert(!error.publicText.includes('hunter2'))
      return true
    },
  )
  assert.throws(
    () => readAs(string(), 5),
    (error) => isFault(error, 'invalid') && error.detail.properties?.length === 0,
  )
})

test('a schema describes itself as JSON Schema', () => {
  const schema: Schema<{ n: number }> = object({ n: int() })
  assert.equal(toJSONSchema(schema).type, 'object')
})
