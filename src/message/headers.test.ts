import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fieldValue, headerFields, selectHeaders, unfold } from './headers.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

const header = bytes(
  'Subject: one\r\n two\r\nX-Empty:\r\nFrom : a@example.org\nSUBJECT: again\r\n\r\nBody: not a field\r\n',
)

test('fields are found with their folding, in any line end, with space before the colon', () => {
  const found = [...headerFields(header)].map((f) => [
    header.toString('latin1', f.nameStart, f.nameEnd),
    header.toString('latin1', f.valueStart, f.end),
  ])
  assert.deepEqual(found, [
    ['Subject', ' one\r\n two\r\n'],
    ['X-Empty', '\r\n'],
    ['From', ' a@example.org\n'],
    ['SUBJECT', ' again\r\n'],
  ])
})

test('a value is unfolded', () => {
  assert.equal(fieldValue(header, 'subject'), 'one two')
  assert.equal(fieldValue(header, 'x-empty'), '')
  assert.equal(fieldValue(header, 'to'), undefined)
  const folded = bytes(' a\r\n\tb\n c\rd\0e\r\n')
  assert.equal(unfold(folded, 0, folded.length), 'a\tb c de')
})

test('a line that is no field continues the field before it (RFC 7103 §7.2)', () => {
  const broken = bytes('Subject: reminder\r\nabout the game tonight\r\nDate: x\r\n\r\n')
  assert.equal(fieldValue(broken, 'subject'), 'reminder about the game tonight')
  assert.equal(fieldValue(broken, 'date'), 'x')
})

test('an mbox separator in front is passed over, any other first line means that there is no header', () => {
  assert.equal(fieldValue(bytes('From bob Mon Jan  1 00:00:00 2024\nSubject: x\n\n'), 'subject'), 'x')
  assert.equal(fieldValue(bytes('hello world\nSubject: x\n\n'), 'subject'), undefined)
})

test('selected fields are the original bytes with the empty line (RFC 9051 §6.4.5.1)', () => {
  const text = (selected: Uint8Array): string => Buffer.from(selected).toString('latin1')
  assert.equal(
    text(selectHeaders(header, ['subject'], false)),
    'Subject: one\r\n two\r\nSUBJECT: again\r\n\r\n',
  )
  assert.equal(
    text(selectHeaders(header, ['Subject', 'NONE'], true)),
    'X-Empty:\r\nFrom : a@example.org\n\r\n',
  )
  assert.equal(text(selectHeaders(header, ['none'], false)), '\r\n')
  assert.equal(text(selectHeaders(bytes('A: b\r\n'), ['a'], false)), 'A: b\r\n')
  assert.equal(text(selectHeaders(bytes('A: b\n\n'), [], true)), 'A: b\n\n')
  assert.equal(text(selectHeaders(bytes('A: b'), ['a'], false)), 'A: b')
})

test('selected and not selected fields together are the header, for any bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('A: x', 'B:', ' c', '\r\n', '\n', 'junk', '--', '\xff')),
      (pieces) => {
        const input = bytes(pieces.join(''))
        const some = selectHeaders(input, ['a'], false)
        const rest = selectHeaders(input, ['a'], true)
        assert.ok(some.length + rest.length <= input.length + 2)
        let end = 0
        for (const field of headerFields(input)) {
          assert.ok(field.nameStart >= end && field.nameEnd > field.nameStart)
          assert.ok(field.valueStart > field.nameEnd - 1 && field.end >= field.valueStart)
          end = field.end
        }
        assert.ok(end <= input.length)
      },
    ),
  )
})
