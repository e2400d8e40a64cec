import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { htmlToText } from './html-to-text.ts'
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
  for (const unit of ['<', '<a "', '<!--', '<style>', '&', '&#', '<p', "<a '"]) {
    assert.equal(typeof htmlToText(unit.repeat(50_000)), 'string')
  }
})
