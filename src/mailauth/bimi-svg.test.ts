import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { largestIndicatorBytes, readIndicator } from './bimi-svg.ts'

const root = 'version="1.2" baseProfile="tiny-ps" xmlns="http://www.w3.org/2000/svg"'
const withBody = (body: string, attributes = root): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<svg ${attributes} viewBox="0 0 64 64"><title>Example</title>${body}</svg>`

function problemOf(text: string): string | undefined {
  const read = readIndicator(Buffer.from(text))
  return 'problem' in read ? read.problem : undefined
}

test('an indicator of the profile, compressed or not', () => {
  const svg = Buffer.from(
    withBody(
      '<!-- drawn by hand --><desc>A mark</desc><defs><linearGradient id="a"><stop offset="0"/></linearGradient></defs>' +
        '<g transform="translate(1,2)"><path fill="url(#a)" d="M0 0L64 64"/><use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#b"/>' +
        '<rect id="b" fill="rgb(1,2,3)" stroke="url( \'#a\' )" width="3" height="4"/></g>',
    ),
  )
  assert.deepEqual(readIndicator(svg), { svg })
  assert.deepEqual(readIndicator(gzipSync(svg)), { svg })
})

test('what the root must say', () => {
  assert.equal(problemOf(withBody('', root.replace('tiny-ps', 'tiny'))), 'SVG: baseProfile is not tiny-ps')
  assert.equal(problemOf(withBody('', root.replace('1.2', '1.1'))), 'SVG: version is not 1.2')
  assert.equal(problemOf(withBody('', `${root} x="0"`)), 'SVG: place on the root')
  assert.equal(problemOf(withBody('', root.replace('2000', '1999'))), 'SVG: element svg')
  assert.equal(problemOf('<html/>'), 'SVG: element html')
  assert.equal(problemOf(`<g xmlns="http://www.w3.org/2000/svg"/>`), 'SVG: the root is not the one svg')
})

test('a title that says something stands directly in the root', () => {
  for (const title of ['', '<title/>', '<title> \n</title>', '<g><title>Example</title></g>'])
    assert.equal(problemOf(`<svg ${root}>${title}</svg>`), 'SVG: no title')
})

test('scripts, links, rasters, animation, styles, other languages and svg in svg are not of the profile', () => {
  const foreign = [
    'script',
    'a',
    'image',
    'animate',
    'set',
    'foreignObject',
    'style',
    'video',
    'switch',
    'handler',
  ]
  for (const name of foreign) assert.equal(problemOf(withBody(`<${name}/>`)), `SVG: element ${name}`)
  assert.equal(problemOf(withBody('<p xmlns="http://www.w3.org/1999/xhtml"/>')), 'SVG: element p')
  assert.equal(problemOf(withBody('<metadata><g/></metadata>')), 'SVG: element g')
  assert.equal(problemOf(withBody('<svg/>')), 'SVG: the root is not the one svg')
  assert.equal(problemOf(withBody('<g onload="x()"/>')), 'SVG: script')
  assert.equal(problemOf(withBody('<g style="fill:red"/>')), 'SVG: attribute style')
})

test('nothing from elsewhere', () => {
  const references = [
    '<use href="https://example.com/a.svg#b"/>',
    '<use xmlns:l="http://www.w3.org/1999/xlink" l:href="data:image/svg+xml,"/>',
    '<g xml:base="https://example.com/"/>',
    '<g fill="url(https://example.com/a)"/>',
    '<g fill="URL( &quot;https://example.com/a&quot;)"/>',
    '<g fill="\\75rl(https://example.com/a)"/>',
    '<g fill="image-set(a)"/>',
  ]
  for (const body of references) assert.equal(problemOf(withBody(body)), 'SVG: external reference')
})

test('XML that other readers take for something else', () => {
  const svg = withBody('')
  assert.equal(problemOf(svg.replace('<svg', '<!DOCTYPE svg [<!ENTITY a "b">]><svg')), 'SVG: document type')
  assert.equal(
    problemOf(svg.replace('<svg', '<?xml-stylesheet href="a"?><svg')),
    'SVG: processing instruction',
  )
  assert.equal(problemOf(withBody('<![CDATA[a]]>')), 'SVG: CDATA')
  assert.equal(problemOf(withBody('<!--><script>-->')), 'SVG: markup in a comment')
  assert.equal(problemOf(withBody('&nbsp;')), 'SVG: not well-formed')
  assert.equal(problemOf(svg.slice(0, -1)), 'SVG: not well-formed')
  assert.equal(problemOf(''), 'SVG: not well-formed')
  assert.equal(problemOf(svg.replace('UTF-8', 'UTF-16')), 'SVG: not UTF-8')
  assert.deepEqual(readIndicator(Buffer.from(withBody('<desc>\xe9</desc>'), 'latin1')), {
    problem: 'SVG: not UTF-8',
  })
})

test('what would take long to draw', () => {
  assert.equal(problemOf(withBody('<g>'.repeat(100) + '</g>'.repeat(100))), 'SVG: nesting')
  const use = (id: string) => `<use href="#${id}"/>`.repeat(10)
  assert.equal(problemOf(withBody(`<g id="a"><rect/></g><g id="b">${use('a')}</g>`)), undefined)
  assert.equal(
    problemOf(withBody(`<g id="a"><rect/></g><g id="b">${use('a')}</g><g id="c">${use('b')}</g>`)),
    'SVG: use of a use',
  )
  assert.equal(problemOf(withBody('<g id="a"><use href="#a"/></g>')), 'SVG: use of a use')
})

test('no more than 32 KB, and no compressed bytes that become more', () => {
  const svg = withBody(`<desc>${'x'.repeat(largestIndicatorBytes)}</desc>`)
  assert.equal(problemOf(svg), 'SVG: too large')
  assert.deepEqual(readIndicator(gzipSync(svg)), { problem: 'SVG: too large' })
  assert.deepEqual(readIndicator(gzipSync(Buffer.alloc(100_000_000))), { problem: 'SVG: too large' })
  const exact = withBody('').replace('</svg>', '')
  const filled = `${exact}${' '.repeat(largestIndicatorBytes - exact.length - 6)}</svg>`
  assert.equal(problemOf(filled), undefined)
  assert.equal(problemOf(`${filled} `), 'SVG: too large')
  assert.deepEqual(readIndicator(gzipSync(svg).subarray(0, 20)), { problem: 'SVG: cannot be uncompressed' })
})

test('any bytes throw nothing, and what passes has no script and nothing from elsewhere', () => {
  const pieces =
    '<g,<use,<script,<title,>,/>,</g>,</title>, href=", onload=",#a",x", fill="url(,)",<!--,-->,&lt;,<![CDATA[,]]>, xmlns=", id="a", '
  const piece = fc.constantFrom(...pieces.split(','))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.uint8Array(), (chosen, bytes) => {
      readIndicator(bytes)
      const body = chosen.join('')
      if (problemOf(withBody(body)) !== undefined) return
      const tags = body.replace(/<!--[^]*?-->/g, '').match(/<(?:[^>"]|"[^"]*")*>/g) ?? []
      assert.doesNotMatch(tags.join(''), /<script|onload=|url\([^#]|href="[^#]/)
    }),
  )
})
