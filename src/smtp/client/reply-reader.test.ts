import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplyReader, replyText } from './reply-reader.ts'

const textOf = (...lines: readonly string[]): string => {
  const reader = new ReplyReader()
  reader.push(Buffer.from(lines.map((line) => `${line}\r\n`).join('')))
  return replyText(reader.next()!)
}

test('RFC 8621 §7: a reply of several lines on one, with what they have in common said once', () => {
  assert.equal(
    textOf('550-5.7.1 Our system has detected that this message is', '550 5.7.1 likely spam.'),
    '550 5.7.1 Our system has detected that this message is likely spam.',
  )
  assert.equal(textOf('250-first', '250-', '250 second'), '250 first second')
  assert.equal(textOf('550-5.7.1 one', '550 5.7.2 two'), '550 5.7.1 one 5.7.2 two')
  assert.equal(textOf('451 later'), '451 later')
})
