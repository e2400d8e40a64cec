import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utcDateOf } from './utc-date.ts'

test('RFC 8620 §1.4: parts of a second are left out where they are zero', () => {
  assert.equal(utcDateOf(1_772_600_767_000), '2026-03-04T05:06:07Z')
  assert.equal(utcDateOf(1_772_600_767_010), '2026-03-04T05:06:07.010Z')
  assert.equal(utcDateOf(0), '1970-01-01T00:00:00Z')
})
