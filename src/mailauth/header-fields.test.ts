import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latin1 } from '#base/bytes.ts'
import { HeaderFields } from './header-fields.ts'

const header = latin1(
  'Received: <A>\r\nSubject: s\r\nReceived: <B>\r\nRECEIVED : <C>\r\n x\r\nFrom: f\r\n\r\n',
)
const fields = new HeaderFields(header)
const chosen = (...names: string[]) =>
  fields.select(names).map((place) => fields.canonical(place, 'relaxed').toString('latin1'))

test('fields of a name from the bottom up (RFC 6376 §5.4.2)', () => {
  assert.deepEqual(fields.named('received'), [0, 2, 3])
  assert.deepEqual(fields.named('to'), [])
  assert.deepEqual(chosen('received', 'received'), ['received:<C> x\r\n', 'received:<B>\r\n'])
  assert.deepEqual(chosen('from', 'received', 'subject'), [
    'from:f\r\n',
    'received:<C> x\r\n',
    'subject:s\r\n',
  ])
})

test('names of fields that are not there stand for nothing', () => {
  assert.deepEqual(chosen('from', 'from', 'to', 'from'), ['from:f\r\n'])
})

test('the field that is left out', () => {
  assert.deepEqual(fields.select(['received', 'received', 'received', 'received'], 2), [3, 0])
  assert.deepEqual(fields.select(['from', 'subject'], 4), [1])
})

test('both forms of a field, made once', () => {
  assert.equal(fields.canonical(3, 'simple').toString('latin1'), 'RECEIVED : <C>\r\n x\r\n')
  assert.equal(fields.canonical(3, 'relaxed'), fields.canonical(3, 'relaxed'))
})
