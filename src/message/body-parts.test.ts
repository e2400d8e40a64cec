import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BodyPart, bodyLists, bodyTree, contentId, leavesOf, namedCharset } from './body-parts.ts'
import { parseStructure } from './mime.ts'

interface Tree extends ReadonlyArray<string | Tree> {}

let count = 0
/** "image/jpeg attachment F": a type, a disposition, a name that stands as the description. */
function write(tree: Tree): string {
  const [what, ...children] = tree as readonly [string, ...Tree[]]
  const [type, disposition, label, file] = what.split(' ')
  if (children.length === 0)
    return [
      `Content-Type: ${type}${file === undefined ? '' : `; name=${file}`}`,
      ...(disposition === '-' ? [] : [`Content-Disposition: ${disposition}`]),
      `Content-Description: ${label}`,
      '',
      type === 'message/rfc822'
        ? 'Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\nx\r\n--inner--'
        : 'x',
    ].join('\r\n')
  const boundary = `b${count++}x`
  return `Content-Type: ${type}; boundary=${boundary}\r\n\r\n${children
    .map((child) => `--${boundary}\r\n${write(child)}\r\n`)
    .join('')}--${boundary}--\r\n`
}

const labels = (parts: readonly BodyPart[]): string => parts.map(({ part }) => part.description).join('')

function lists(tree: Tree): readonly [text: string, html: string, attachments: string] {
  const { textBody, htmlBody, attachments } = bodyLists(
    bodyTree(parseStructure(Buffer.from(write(tree))).root),
  )
  return [labels(textBody), labels(htmlBody), labels(attachments)]
}

test('RFC 8621 §4.1.4: the example of a message that went through a list', () => {
  assert.deepEqual(
    lists([
      'multipart/mixed',
      ['text/plain inline A'],
      [
        'multipart/mixed',
        [
          'multipart/alternative',
          ['multipart/mixed', ['text/plain inline B'], ['image/jpeg inline C'], ['text/plain inline D']],
          ['multipart/related', ['text/html - E'], ['image/jpeg - F']],
        ],
        ['image/jpeg attachment G'],
        ['application/x-excel - H'],
        ['message/rfc822 - J'],
      ],
      ['text/plain inline K'],
    ]),
    ['ABCDK', 'AEK', 'CFGHJ'],
  )
})

test('RFC 8621 §4.1.4: lists of common shapes', () => {
  assert.deepEqual(lists(['text/plain - A']), ['A', 'A', ''])
  assert.deepEqual(lists(['text/html - A']), ['A', 'A', ''])
  assert.deepEqual(lists(['image/png - A']), ['A', 'A', ''])
  assert.deepEqual(lists(['application/pdf - A']), ['', '', 'A'])
  assert.deepEqual(lists(['text/plain attachment A']), ['', '', 'A'])
  assert.deepEqual(lists(['text/csv - A']), ['', '', 'A'])
  assert.deepEqual(lists(['multipart/alternative', ['text/plain - A'], ['text/html - B']]), ['A', 'B', ''])
  assert.deepEqual(lists(['multipart/alternative', ['text/html - B']]), ['B', 'B', ''])
  assert.deepEqual(lists(['multipart/alternative', ['text/plain - A'], ['text/calendar - C']]), [
    'A',
    'A',
    'C',
  ])
  assert.deepEqual(lists(['multipart/related', ['text/html - A'], ['image/png inline B']]), ['A', 'A', 'B'])
  assert.deepEqual(lists(['multipart/mixed', ['text/plain - A'], ['image/png inline B']]), ['AB', 'AB', ''])
  assert.deepEqual(lists(['multipart/mixed', ['text/plain - A'], ['text/plain - B f.txt']]), ['A', 'A', 'B'])
  assert.deepEqual(lists(['multipart/mixed', ['text/plain - A f.txt'], ['text/plain - B']]), ['AB', 'AB', ''])
})

test('RFC 8621 §4.1.4: parts have ids, also beside attached messages, into which nobody looks', () => {
  const { root } = parseStructure(
    Buffer.from(
      write([
        'multipart/mixed',
        ['message/rfc822 - J'],
        ['multipart/related', ['text/html - E']],
        ['text/plain - T'],
      ]),
    ),
  )
  const tree = bodyTree(root)
  assert.equal(tree.partId, undefined)
  assert.deepEqual(
    leavesOf(tree).map(({ partId, place }) => [partId, place]),
    [
      ['1', 1],
      ['2.1', 5],
      ['3', 6],
    ],
  )
  assert.equal(bodyTree(parseStructure(Buffer.from('\r\nx')).root).partId, '1')
})

test('RFC 8621 §4.1.4: charset and cid', () => {
  const of = (header: string): readonly [unknown, unknown] => {
    const { root } = parseStructure(Buffer.from(`${header}\r\n\r\nx`))
    return [namedCharset(root), contentId(root)]
  }
  assert.deepEqual(of('X: y'), ['us-ascii', undefined])
  assert.deepEqual(of('Content-Type: text/html\r\nContent-Id: (c) <a@b> '), ['us-ascii', 'a@b'])
  assert.deepEqual(of('Content-Type: text/html; charset=Latin1\r\nContent-ID: a@b'), ['Latin1', 'a@b'])
  assert.deepEqual(of('Content-Type: image/png'), [undefined, undefined])
  assert.deepEqual(of('Content-Type: application/json; charset=utf-8'), ['utf-8', undefined])
})
