import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStructure } from './mime.ts'
import { charsetOf, fileName, partAt, shiftStructure, subjectText, type Part } from './structure.ts'

const parse = (...lines: string[]) => parseStructure(Buffer.from(lines.join('\r\n'), 'latin1'))

/** The example of RFC 9051 §6.4.5.1, each part's body being its number. */
const example = [
  'Content-Type: multipart/mixed; boundary=m',
  '',
  '--m',
  '',
  '1',
  '--m',
  'Content-Type: application/octet-stream',
  '',
  '2',
  '--m',
  'Content-Type: message/rfc822',
  '',
  'Content-Type: multipart/mixed; boundary=n',
  '',
  '--n',
  '',
  '3.1',
  '--n',
  'Content-Type: application/octet-stream',
  '',
  '3.2',
  '--n--',
  '--m',
  'Content-Type: multipart/mixed; boundary=o',
  '',
  '--o',
  'Content-Type: image/gif',
  '',
  '4.1',
  '--o',
  'Content-Type: message/rfc822',
  '',
  'Content-Type: text/plain',
  '',
  '4.2.1',
  '--o--',
  '--m--',
]

test('parts by their numbers (RFC 9051 §6.4.5.1)', () => {
  const message = Buffer.from(example.join('\r\n'))
  const { root } = parseStructure(message)
  const body = (...numbers: number[]): string | undefined => {
    const part = partAt(root, numbers)
    return part === undefined ? undefined : message.toString('latin1', part.bodyStart, part.bodyEnd)
  }
  for (const numbers of [[1], [2], [3, 1], [3, 2], [4, 1], [4, 2, 1]]) {
    assert.equal(body(...numbers), numbers.join('.'))
  }
  assert.equal(partAt(root, []), root)
  assert.equal(partAt(root, [3])?.type, 'message')
  for (const numbers of [[0], [5], [1, 1], [2, 1], [3, 3], [3, 1, 1], [4, 2, 2], [4, 2, 1, 1]]) {
    assert.equal(body(...numbers), undefined, numbers.join('.'))
  }
  const single = parse('Subject: x', '', 'body').root
  assert.equal(partAt(single, [1]), single)
  assert.equal(partAt(single, [2]), undefined)
  assert.equal(partAt(single, [1, 1]), undefined)
})

test('file names, from both fields and in both codings', () => {
  const name = (...fields: string[]): string | undefined => fileName(parse(...fields, '', '').root)
  assert.equal(name('Content-Type: a/b; name=x.txt'), 'x.txt')
  assert.equal(
    name('Content-Type: a/b; name=x.txt', 'Content-Disposition: attachment; filename="y z.txt"'),
    'y z.txt',
  )
  assert.equal(name("Content-Disposition: attachment; filename*=utf-8''%C3%A9.txt"), 'é.txt')
  assert.equal(name('Content-Disposition: attachment; filename="=?utf-8?Q?=C3=A9.txt?="'), 'é.txt')
  assert.equal(name('Content-Type: a/b'), undefined)
})

test('text of the envelope', () => {
  const { envelope, root } = parse(
    'From: =?utf-8?Q?Andr=C3=A9?= <a@x>',
    'Subject: Gr\xfc\xdfe',
    'Content-Type: text/html',
    '',
    '',
  )
  assert.equal(subjectText(envelope), 'Grüße')
  assert.equal(charsetOf(root), 'US-ASCII')
})

test('shifting moves everything but the beginning of the root', () => {
  const structure = parseStructure(Buffer.from(example.join('\r\n')))
  const shifted = shiftStructure(structure, 10)
  assert.equal(shifted.sizeBytes, structure.sizeBytes + 10)
  const compare = (a: Part, b: Part, isRoot: boolean): void => {
    assert.equal(b.headerStart, isRoot ? 0 : a.headerStart + 10)
    assert.equal(b.bodyStart, a.bodyStart + 10)
    assert.equal(b.bodyEnd, a.bodyEnd + 10)
    a.children.forEach((child, i) => compare(child, b.children[i]!, false))
  }
  compare(structure.root, shifted.root, true)
  assert.equal(shiftStructure(structure, 0), structure)
})

test('attachments, in the sense of RFC 8621 §4.1.4', () => {
  const single = (...fields: string[]): boolean => parse(...fields, '', 'x').hasAttachment
  const multi = (subtype: string, ...parts: string[]): boolean =>
    parse(
      `Content-Type: multipart/${subtype}; boundary=b`,
      '',
      ...parts.flatMap((p) => ['--b', p, '', 'x']),
      '--b--',
    ).hasAttachment
  const text = 'Content-Type: text/plain'
  assert.equal(single('Subject: x'), false)
  assert.equal(single('Content-Type: application/pdf'), true)
  assert.equal(single('Content-Type: text/plain; name=body.txt'), false)
  assert.equal(multi('mixed', text, 'Content-Type: application/pdf'), true)
  assert.equal(multi('mixed', text, 'Content-Type: text/plain\r\nContent-Disposition: attachment'), true)
  assert.equal(multi('mixed', text, 'Content-Type: text/plain; name=a.txt'), true)
  assert.equal(multi('mixed', text, text), false)
  assert.equal(multi('mixed', text, 'Content-Type: image/png\r\nContent-Disposition: inline'), false)
  assert.equal(multi('alternative', text, 'Content-Type: text/html'), false)
  assert.equal(multi('alternative', text, 'Content-Type: text/calendar'), false)
  assert.equal(
    multi('related', 'Content-Type: text/html', 'Content-Type: image/png\r\nContent-ID: <a@b>'),
    false,
  )
  assert.equal(multi('signed', text, 'Content-Type: application/pgp-signature; name=signature.asc'), false)
  assert.equal(multi('mixed', text, 'Content-Type: message/rfc822'), true)
})
