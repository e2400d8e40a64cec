import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStructure } from '#message/mime.ts'
import { mailboxMessage, searchWords, Template } from './messages.ts'

test('mailbox messages are the same in every run, and differ from each other', () => {
  assert.deepEqual(mailboxMessage(7), mailboxMessage(7))
  assert.notDeepEqual(mailboxMessage(7), mailboxMessage(8))
})

test('mailbox messages are 7 KB on average', () => {
  let bytes = 0
  for (let number = 1; number <= 1000; number++) bytes += mailboxMessage(number).length
  assert.ok(bytes / 1000 > 6300 && bytes / 1000 < 7700, `${bytes / 1000} bytes on average`)
})

test('one message in 500 has the rare word', () => {
  const found = [499, 500, 501, 1000].filter((number) => mailboxMessage(number).includes(searchWords.rare))
  assert.deepEqual(found, [500, 1000])
})

for (const sizeBytes of [4096, 51_200]) {
  test(`templates of ${sizeBytes} bytes have that size and nothing that SMTP would change`, () => {
    for (let seed = 0; seed < 50; seed++) {
      const template = new Template(seed, sizeBytes)
      template.stamp(seed * 1_000_003)
      const text = template.withDot.toString('latin1')
      assert.equal(text.length, sizeBytes + 3)
      assert.ok(text.endsWith('\r\n.\r\n'))
      const message = text.slice(0, -3)
      assert.doesNotMatch(message, /^\./m, 'a line that starts with a dot')
      assert.doesNotMatch(message, /[^\r]\n|\r[^\n]|#/, 'a bare line end, or a stamp left out')
      assert.equal(message.split((seed * 1_000_003).toString(16).padStart(12, '0')).length, 4)
      assert.ok(parseStructure(Buffer.from(message, 'latin1')) !== undefined)
    }
  })
}
