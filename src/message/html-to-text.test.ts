import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { htmlToSearch, htmlToText } from './html-to-text.ts'
import { collapse, MAX_PREVIEW, previewOf } from './preview.ts'

const text = (html: string): string => collapse(htmlToText(html))

test('tags go, blocks separate, character references are resolved', () => {
  assert.equal(text('<p>Hello <b>wor</b>ld</p><p>Bye</p>'), 'Hello world Bye')
  assert.equal(text('a<br>b<BR/>c'), 'a b c')
  assert.equal(
    text('1 &lt; 2 &amp;&amp; &eacute;&Ouml;&#233;&#xe9;&#128;&nbsp;x &bogus; & y'),
    '1 < 2 && éÖéé€ x &bogus; & y',
  )
  assert.equal(text('1 < 2 <3'), '1 < 2')
  assert.equal(text('<a title="x > y" href=\'>\'>link</a>'), 'link')
  assert.equal(text('<a title="never ended>link</a> more'), 'link more')
})

test('what is not shown is not text', () => {
  assert.equal(
    text(
      '<head><title>T</title><style>p { x }</style></head><!-- c > --><p>Hi</p><script>if (a<b) {}</script>!',
    ),
    'Hi !',
  )
  assert.equal(text('<style>never ended'), '')
  assert.equal(text('<!-- never ended'), '')
  assert.equal(text('<!DOCTYPE html><?xml x?>Hi'), 'Hi')
})

test('RFC 8621 §4.4.1: what attributes show is searched behind the text, and nothing else of them', () => {
  const html =
    '<p title="one &amp; two">bo<b TITLE=three>dy</b></p><img src="alt=no" alt = \'four "4"\'/><a href="title=no" title>x</a>'
  assert.equal(htmlToSearch(html).trim(), 'body\nx\none & two\nthree\nfour "4"')
  assert.equal(htmlToSearch('<script title="no"></script><!-- alt="no" --><style alt=no></style>'), '')
  assert.equal(text(html), 'body x')
  assert.equal(htmlToSearch('plain'), 'plain')
})

test('previews collapse white space and drop filler', () => {
  assert.equal(collapse('  a \r\n\t b\u00a0\u200b\u034f c\u00adut '), 'a b cut')
  assert.equal(collapse('👨\u200d👩 x'), '👨\u200d👩 x')
  assert.equal(collapse('x'.repeat(300)).length, MAX_PREVIEW)
  assert.equal(collapse(`${'x'.repeat(255)}😀`), 'x'.repeat(255))
  assert.equal(collapse('\u200b '), '')
})

test('the preview of an encoded body', () => {
  assert.equal(previewOf(Buffer.from('Gr=C3=BC=C3=9Fe=\r\n!'), 'quoted-printable', 'utf-8', false), 'Grüße!')
  const padded = `<div>${' \n'.repeat(3000)}</div><p>Late</p>`
  assert.equal(previewOf(Buffer.from(padded), '7bit', 'utf-8', true), 'Late')
})

test('any text gives text, in linear time', () => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '/',
    '&',
    ';',
    '#',
    'x',
    '"',
    "'",
    '!--',
    '-->',
    'style',
    ' ',
    'p',
    '\ud800',
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const preview = text(pieces.join(''))
      assert.ok(preview.length <= MAX_PREVIEW && preview.isWellFormed())
    }),
  )
  for (const unit of [
    '<',
    '<a "',
    '<!--',
    '<style>',
    '&',
    '&#',
    '<p',
    "<a '",
    ' alt="',
    " title='",
    'alt ',
    '<p alt=',
  ]) {
    assert.equal(typeof htmlToText(unit.repeat(50_000)), 'string')
    assert.equal(typeof htmlToSearch(unit.repeat(50_000)), 'string')
  }
})
