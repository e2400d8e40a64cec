import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparedId, MAX_IDS, messageId, messageIds } from './references.ts'

test('identifiers of a field (RFC 5322 §3.6.4)', () => {
  assert.deepEqual(messageIds('<1234@local.machine.example> <3456@example.net>'), [
    '1234@local.machine.example',
    '3456@example.net',
  ])
  assert.deepEqual(messageIds('<a@b>\t<a@b><c@d>'), ['a@b', 'c@d'])
  assert.deepEqual(messageIds('<a@b> <c@d> <a@b>'), ['a@b', 'c@d', 'a@b'])
  assert.deepEqual(messageIds('Message from Bob <never ended <c@d> of <>'), ['c@d'])
  assert.deepEqual(messageIds('< a @ b >'), ['a@b'])
  assert.deepEqual(messageIds('no identifier'), [])
})

test('of a long list, the first and the last are kept', () => {
  const all = Array.from({ length: 200 }, (_, i) => `<${i}@x>`)
  const kept = messageIds(all.join(' '))
  assert.equal(kept.length, MAX_IDS)
  assert.equal(kept[0], '0@x')
  assert.equal(kept[1], '151@x')
  assert.equal(kept.at(-1), '199@x')
})

test('an identifier without brackets', () => {
  assert.equal(messageId('<a@b>'), 'a@b')
  assert.equal(messageId(' a@b '), 'a@b')
  assert.equal(messageId('a b@c'), undefined)
  assert.equal(messageId(`<${'x'.repeat(2000)}@y>`), undefined)
})

test('identifiers are compared without their quoting (RFC 5256 §3)', () => {
  assert.equal(comparedId('"01KF8JCEOCBS0045PS"@xxx.yyy.com'), '01KF8JCEOCBS0045PS@xxx.yyy.com')
  assert.equal(comparedId('"a\\"b"@c'), 'a"b@c')
  assert.equal(comparedId('"a@b'), '"a@b')
  assert.equal(comparedId('A@b'), 'A@b')
  for (const id of ['a', '@b', 'a@', '']) assert.equal(comparedId(id), undefined, id)
})

test('hostile fields are read in linear time', () => {
  for (const unit of ['<', '>', '<>', '<a']) assert.ok(messageIds(unit.repeat(30_000)).length <= 1)
})
