/** Planted faults that turn this red: a name without the account, without what is wanted, no second time, no share. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { AccountId, MessageId } from '#base/id.ts'
import { KeptContents } from './kept-contents.ts'

const account = 7 as AccountId
const message = 1 as MessageId
const content = (subject: string, bytes = 1000) => ({ object: { subject }, bytes })

test('a content is kept from the second time that it was asked for', () => {
  const contents = new KeptContents(1 << 20).of(account, ['subject'])
  contents.keep(message, content('one'))
  assert.equal(contents.get(message), undefined)
  contents.keep(message, content('one'))
  assert.deepEqual(contents.get(message)!.object, { subject: 'one' })
})

test('whoever fetches every message once leaves no trace', () => {
  const kept = new KeptContents(1 << 20)
  const contents = kept.of(account, ['subject'])
  for (let id = 1; id <= 50_000; id++) contents.keep(id as MessageId, content('one'))
  for (let id = 1; id <= 50_000; id++) assert.equal(contents.get(id as MessageId), undefined)
})

test('other accounts, and other wishes, have other contents', () => {
  const kept = new KeptContents(1 << 20)
  const contents = kept.of(account, ['subject'])
  for (let times = 0; times < 2; times++) contents.keep(message, content('one'))
  assert.equal(kept.of(8 as AccountId, ['subject']).get(message), undefined)
  assert.equal(kept.of(account, ['subject', 'from']).get(message), undefined)
  assert.equal(kept.of(account, [['subject']]).get(message), undefined)
  assert.notEqual(kept.of(account, ['subject']).get(message), undefined)
})

test('the budget is kept to, and no content takes more than its share', () => {
  const contents = new KeptContents(16_000).of(account, [])
  const ids = Array.from({ length: 20 }, (_, i) => (i + 1) as MessageId)
  for (let times = 0; times < 2; times++) for (const id of ids) contents.keep(id, content('one'))
  assert.equal(ids.filter((id) => contents.get(id) !== undefined).length, 16)
  for (let times = 0; times < 2; times++) contents.keep(99 as MessageId, content('large', 1001))
  assert.equal(contents.get(99 as MessageId), undefined)
})

test('a budget of 0 keeps nothing', () => {
  const contents = new KeptContents(0).of(account, [])
  for (let times = 0; times < 2; times++) contents.keep(message, content('one'))
  assert.equal(contents.get(message), undefined)
})
