import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cursor } from '#base/cursor.ts'
import { SyntaxFault } from '#base/fault.ts'
import { readCommandLine, restText } from './command.ts'
import { parseParameters } from './parameters.ts'
import { parsePath } from '#message/path.ts'
import { isPositive, isRejection, reply, replyText } from './reply.ts'

const line = (text: string): { verb: string; rest: string } => {
  const { verb, argument } = readCommandLine(Buffer.from(text))
  return { verb, rest: restText(argument) }
}
const refused = (f: () => unknown): void => {
  assert.throws(f, (error: unknown) => error instanceof SyntaxFault)
}
const reverse = (text: string): string => parsePath(new Cursor(Buffer.from(text)), 'reverse').address
const forward = (text: string): string => parsePath(new Cursor(Buffer.from(text)), 'forward').address

test('verbs in any case, white space at the end', () => {
  assert.deepEqual(line('mAiL FROM:<a@b> \t '), { verb: 'MAIL', rest: 'FROM:<a@b>' })
  assert.deepEqual(line('QUIT'), { verb: 'QUIT', rest: '' })
  assert.deepEqual(line('NOOP  x'), { verb: 'NOOP', rest: ' x' })
  assert.deepEqual(line(' QUIT').verb, '')
  assert.deepEqual(line(''), { verb: '', rest: '' })
  assert.equal(line('QUIT\tx').verb, '')
  assert.equal(line('DATA.').verb, '')
})

test('control characters and what is not UTF-8 are refused in every command', () => {
  for (const bad of ['NOOP a\nMAIL', 'NOOP a\rb', 'NOOP \0', 'NOOP \x7f', '\x1b[A']) refused(() => line(bad))
  refused(() => readCommandLine(Buffer.from([0x4e, 0x20, 0xff])))
  assert.equal(line('MAIL FROM:<jürgen@example.org>').rest, 'FROM:<jürgen@example.org>')
})

test('paths', () => {
  assert.equal(reverse('<>'), '')
  assert.equal(reverse(' <Alice@Example.ORG>'), 'Alice@Example.ORG')
  assert.equal(reverse('<@one.example,@two.example:bob@example.org>'), 'bob@example.org')
  assert.equal(reverse('<"a b\\"@"@example.org>'), '"a b\\"@"@example.org')
  assert.equal(reverse('<a@[192.0.2.1]>'), 'a@[192.0.2.1]')
  assert.equal(reverse('<a@[IPv6:2001:db8::1]>'), 'a@[IPv6:2001:db8::1]')
  assert.equal(forward('<PostMaster>'), 'PostMaster')
  const path = parsePath(new Cursor(Buffer.from('<a+b=c@EXAMPLE.org>')), 'forward')
  assert.deepEqual(path, {
    address: 'a+b=c@EXAMPLE.org',
    localPart: 'a+b=c',
    domain: 'example.org',
    isAscii: true,
  })
  const utf8 = parsePath(new Cursor(Buffer.from('<用户@例子.广告>')), 'forward')
  assert.deepEqual(utf8, {
    address: '用户@例子.广告',
    localPart: '用户',
    domain: 'xn--fsqu00a.xn--4rr70v',
    isAscii: false,
  })
})

test('what is no path', () => {
  const wrong = [
    '',
    '<',
    '>',
    'a@b',
    '<a>',
    '<a@>',
    '<@b>',
    '<a@b',
    '<a@b>>'.slice(0, 4),
    '<a@b@c>',
    '<a..b@c>',
    '<.a@c>',
    '<a.@c>',
  ]
  wrong.push(
    '<a@-b>',
    '<a@b->',
    '<a@b-.c>',
    '<a@b..c>',
    '<a@.c>',
    '<a@b_c.org>',
    '<a b@c>',
    '<a@b c>',
    '<a@[1.2.3]>',
    '<a@[x]>',
  )
  wrong.push(
    '<"a@b>',
    '<"a"b@c>',
    '<a@b.>',
    '<postmaster>',
    '<@a:>',
    '<@a b@c>',
    '<a,b@c>',
    '<a@[IPv6:1::2::3]>',
    '<"a\\ü"@b>',
  )
  wrong.push(
    `<${'a'.repeat(256)}@b.org>`,
    `<a@${'b'.repeat(64)}.org>`,
    `<a@${'b.'.repeat(130)}org>`,
    '<a@127.0.0.1>',
  )
  for (const text of wrong) refused(() => reverse(text))
  refused(() => forward('<>'))
  refused(() => forward('<root>'))
})

test('paths: never anything but SyntaxFault, and the position stays inside', () => {
  const text = fc.array(
    fc.constantFrom('<', '>', '@', '"', '\\', '.', ',', ':', '[', ']', 'a', '-', 'ü', ' ', '1'),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(text, fc.boolean(), (parts, isReverse) => {
      const cursor = new Cursor(Buffer.from(parts.join('')))
      try {
        const path = parsePath(cursor, isReverse ? 'reverse' : 'forward')
        assert.ok(path.address === '' ? isReverse : path.localPart !== '')
        assert.equal(cursor.peek(-1), 0x3e)
      } catch (error) {
        assert.ok(error instanceof SyntaxFault)
      }
      assert.ok(cursor.at <= cursor.end + 1)
    }),
    { numRuns: 3000 },
  )
})

test('parameters', () => {
  const parse = (text: string): string =>
    parseParameters(new Cursor(Buffer.from(text)))
      .map(({ keyword, value }) => (value === undefined ? keyword : `${keyword}=${value}`))
      .join('|')
  assert.equal(parse(''), '')
  assert.equal(parse(' size=12  Body=8BITMIME SMTPUTF8'), 'SIZE=12|BODY=8BITMIME|SMTPUTF8')
  assert.equal(parse(' AUTH=<>'), 'AUTH=<>')
  assert.equal(parse(' AUTH=e+3Dmc2@example.com'), 'AUTH=e+3Dmc2@example.com')
  for (const bad of ['x', ' =1', ' A=', ' A==', ' A=b=c', ' -A', ' A SIZE=1 SIZE=2', ' A a', ' A!'])
    refused(() => parse(bad))
})

test('replies', () => {
  assert.equal(reply(250, '2.1.0', 'one', 'two').toString(), '250-2.1.0 one\r\n250 2.1.0 two\r\n')
  assert.equal(reply(354, '', 'go').toString(), '354 go\r\n')
  assert.equal(reply(550, '5.1.1', 'no\r\n250 yes\0').toString(), '550 5.1.1 no  250 yes \r\n')
  assert.equal(reply(550, '5.1.1', 'x'.repeat(1000)).length, 512)
  assert.equal(replyText(reply(250, '2.0.0', 'a', 'b')), '250-2.0.0 a')
  assert.ok(isRejection(reply(550, '5.0.0', '')) && !isRejection(reply(450, '4.0.0', '')))
  assert.ok(isPositive(reply(250, '2.0.0', '')) && !isPositive(reply(354, '', '')))
})
