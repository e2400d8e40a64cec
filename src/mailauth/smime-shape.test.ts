import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasRightShape } from './smime-shape.ts'

const most = 1 << 20
const isRight = (...bytes: readonly number[]): boolean => hasRightShape(Uint8Array.from(bytes), most)

/** A constructed element around another: its length takes one byte below 128, else three. */
const within = (inner: Uint8Array): Uint8Array =>
  inner.length < 0x80
    ? Buffer.concat([Uint8Array.of(0x30, inner.length), inner])
    : Buffer.concat([Uint8Array.of(0x30, 0x82, inner.length >> 8, inner.length & 0xff), inner])

test('X.690 §8.1: one element, primitive or with others in it, lengths in each form', () => {
  assert.ok(isRight(0x05, 0x00))
  assert.ok(isRight(0x30, 0x00))
  assert.ok(isRight(0x30, 0x05, 0x05, 0x00, 0x02, 0x01, 0x07))
  assert.ok(isRight(0x30, 0x81, 0x03, 0x02, 0x01, 0x07))
  assert.ok(isRight(0x30, 0x84, 0x00, 0x00, 0x00, 0x03, 0x02, 0x01, 0x07))
})

test('X.690 §8.1.3.6: an end that is marked, and one within another', () => {
  assert.ok(isRight(0x30, 0x80, 0x02, 0x01, 0x07, 0x00, 0x00))
  assert.ok(isRight(0x30, 0x80, 0x30, 0x80, 0x00, 0x00, 0x00, 0x00))
  assert.ok(isRight(0x30, 0x04, 0x30, 0x80, 0x00, 0x00))
  assert.ok(!isRight(0x30, 0x80, 0x02, 0x01, 0x07), 'no end')
  assert.ok(!isRight(0x30, 0x80, 0x02, 0x01, 0x07, 0x00), 'half an end')
  assert.ok(!isRight(0x04, 0x80, 0x00, 0x00), 'only what is constructed may')
})

test('nothing stands behind the element, and it is all there', () => {
  assert.ok(!isRight())
  assert.ok(!isRight(0x30, 0x00, 0x05, 0x00))
  assert.ok(!isRight(0x05, 0x00, 0x00))
  assert.ok(!isRight(0x30, 0x80, 0x00, 0x00, 0x05, 0x00))
  assert.ok(!isRight(0x02, 0x02, 0x07))
  assert.ok(!isRight(0x30))
  assert.ok(!isRight(0x30, 0x82, 0x00))
  assert.ok(!isRight(0x1f, 0x20, 0x00), 'tags of several bytes')
})

test('no part is longer than what it is in', () => {
  assert.ok(!isRight(0x30, 0x04, 0x30, 0x03, 0x02, 0x01, 0x07))
  assert.ok(isRight(0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x07))
  // Not even where an element without a length stands between them.
  assert.ok(!isRight(0x30, 0x06, 0x30, 0x80, 0x02, 0x03, 0x07, 0x07, 0x07, 0x00, 0x00))
})

test('size, depth and number of elements have limits', () => {
  assert.ok(hasRightShape(Uint8Array.of(0x05, 0x00), 2))
  assert.ok(!hasRightShape(Uint8Array.of(0x05, 0x00), 1))
  const nested = (depth: number): Uint8Array => {
    let all: Uint8Array = Uint8Array.of(0x05, 0x00)
    for (let i = 0; i < depth; i++) all = within(all)
    return all
  }
  assert.ok(hasRightShape(nested(32), most))
  assert.ok(!hasRightShape(nested(33), most))
  const nulls = (count: number): Uint8Array =>
    within(Buffer.concat(Array.from({ length: count }, () => Buffer.of(0x05, 0x00))))
  assert.ok(hasRightShape(nulls(19_999), most))
  assert.ok(!hasRightShape(nulls(20_000), most))
})
