import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parameter, parseContentType, parseDisposition } from './parameters.ts'

const params = (value: string): Record<string, string> =>
  Object.fromEntries(
    parseContentType(value)!.params.map((p) => [
      p.extended ? `${p.name}*` : p.name,
      p.extended ? Buffer.from(p.value, 'latin1').toString() : p.value,
    ]),
  )

test('types and their parameters (RFC 2045 §5.1)', () => {
  assert.deepEqual(parseContentType('Text/PLAIN'), { type: 'text', subtype: 'plain', params: [] })
  assert.deepEqual(params('text/plain; charset=us-ascii (Plain text)'), { charset: 'us-ascii' })
  assert.deepEqual(params('text/plain; CharSet="us-ascii"'), { charset: 'us-ascii' })
  assert.deepEqual(params('multipart/mixed; boundary="gc0pJq0M:08jU534c0p"'), {
    boundary: 'gc0pJq0M:08jU534c0p',
  })
  assert.deepEqual(params('text/plain;(a)charset = "a\\"b" ;x=1'), { charset: 'a"b', x: '1' })
})

test('what is written instead', () => {
  assert.deepEqual(params('text/plain charset=utf-8'), { charset: 'utf-8' })
  assert.deepEqual(params('application/pdf; name=my report (1).pdf; x=y'), {
    name: 'my report (1).pdf',
    x: 'y',
  })
  assert.deepEqual(params('text/plain; boundary="abc; x=1'), { boundary: 'abc', x: '1' })
  assert.deepEqual(params('text/plain;;; charset=utf-8;'), { charset: 'utf-8' })
  assert.deepEqual(params('text/plain; charset; x=1'), { x: '1' })
  assert.equal(parseContentType('text / html; a=b')?.subtype, 'html')
  for (const value of ['', 'text', 'text/', '/plain', 'te xt/plain', 'text/pl\xe4in']) {
    assert.equal(parseContentType(value), undefined, value)
  }
})

test('continuations and charsets (RFC 2231)', () => {
  assert.deepEqual(
    params('message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/"'),
    {
      'access-type': 'URL',
      url: 'ftp://cs.utk.edu/pub/',
    },
  )
  assert.deepEqual(params("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"), {
    'title*': 'This is ***fun***',
  })
  assert.deepEqual(
    params(
      "application/x-stuff; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*0*=us-ascii'en'This%20is%20even%20more%20; title*2=\"isn't it!\"",
    ),
    { 'title*': "This is even more ***fun*** isn't it!" },
  )
  assert.deepEqual(params("a/b; name*0*=utf-8''%C3; name*1*=%A9.txt"), { 'name*': 'é.txt' })
  assert.deepEqual(params("a/b; name*=iso-8859-1''%E9; name=plain"), { name: 'plain', 'name*': 'é' })
  assert.deepEqual(params('a/b; name*1=b; name*3=d'), {})
  assert.deepEqual(params('a/b; name*0=a; name*2=c'), { name: 'a' })
})

test('the parameter with a charset is preferred', () => {
  const disposition = parseDisposition("ATTACHMENT; filename=x.txt; filename*=utf-8''y.txt")!
  assert.equal(disposition.type, 'attachment')
  assert.equal(parameter(disposition.params, 'filename')?.value, 'y.txt')
  assert.equal(parameter(disposition.params, 'size'), undefined)
  assert.equal(parseDisposition(''), undefined)
})

test('any text is read', () => {
  const piece = fc.constantFrom(
    'a/b',
    ';',
    '=',
    '"',
    '\\',
    'name*',
    '0',
    '*',
    "'",
    '%C3',
    ' ',
    '(',
    ')',
    '\xff',
    'x',
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      for (const { name } of parseContentType(`a/b;${pieces.join('')}`)?.params ?? [])
        assert.match(name, /^[!-~]+$/)
    }),
  )
})
