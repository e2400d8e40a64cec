import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { formatNetwork } from '#base/ip.ts'
import { isSpfRecord, parseSpfRecord } from './spf-record.ts'

const mechanisms = (text: string) =>
  parseSpfRecord(`v=spf1 ${text}`).directives.map(({ mechanism }) => mechanism)

test('a record begins with its version, ended by a space or the end (RFC 7208 §4.5)', () => {
  for (const text of ['v=spf1', 'v=spf1 ', 'V=SPF1 a', 'v=spf1 nonsense']) assert.ok(isSpfRecord(text), text)
  for (const text of ['', 'v=spf10', 'v=spf1\t', 'v=spf1\n', ' v=spf1', 'v=spf', 'spf2.0/pra'])
    assert.ok(!isSpfRecord(text), text)
})

test('terms: qualifiers, any case, any number of spaces (RFC 7208 §4.6.1, §4.6.2)', () => {
  const { directives, redirect, explanation } = parseSpfRecord(
    'v=spf1  a -MX ~Include:a.example ?exists:b.example +ptr ip4:192.0.2.0  all ',
  )
  assert.deepEqual(
    directives.map(({ result, mechanism, text }) => [result, mechanism.name, text]),
    [
      ['pass', 'a', 'a'],
      ['fail', 'mx', '-MX'],
      ['softfail', 'include', '~Include:a.example'],
      ['neutral', 'exists', '?exists:b.example'],
      ['pass', 'ptr', '+ptr'],
      ['pass', 'ip4', 'ip4:192.0.2.0'],
      ['pass', 'all', 'all'],
    ],
  )
  assert.equal(redirect, undefined)
  assert.equal(explanation, undefined)
  assert.deepEqual(parseSpfRecord('v=spf1').directives, [])
})

test('prefixes of "a" and "mx" (RFC 7208 §5.3, §5.6)', () => {
  const of = (text: string) => {
    const [one] = mechanisms(text)
    assert.ok(one?.name === 'a' || one?.name === 'mx')
    return [one.domain, one.prefixBits, one.prefixBits6]
  }
  assert.deepEqual(of('a'), [undefined, 32, 128])
  assert.deepEqual(of('mx/24'), [undefined, 24, 128])
  assert.deepEqual(of('a//64'), [undefined, 32, 64])
  assert.deepEqual(of('a/0//0'), [undefined, 0, 0])
  assert.deepEqual(of('a:b.example/24//64'), [['b.example'], 24, 64])
  assert.deepEqual(of('a:b/24.example'), [['b/24.example'], 32, 128])
  assert.equal((of('a:%{d}/8')[0] as unknown[]).length, 1)
  for (const wrong of [
    'a/33',
    'a//129',
    'a/24/64',
    'a/',
    'a//',
    'a/024',
    'a///64',
    'a//64/24',
    'a:/24',
    'a:',
  ])
    assert.throws(() => mechanisms(wrong), SyntaxFault, wrong)
})

test('networks (RFC 7208 §5.6)', () => {
  const of = (text: string) => {
    const [one] = mechanisms(text)
    assert.ok(one !== undefined && 'network' in one)
    return [formatNetwork(one.network), one.network.address.length]
  }
  assert.deepEqual(of('ip4:192.0.2.1'), ['192.0.2.1/32', 4])
  assert.deepEqual(of('ip4:192.0.2.1/24'), ['192.0.2.0/24', 4])
  assert.deepEqual(of('ip6:2001:DB8::1'), ['2001:db8::1/128', 16])
  assert.deepEqual(of('ip6:2001:db8::1/0'), ['::/0', 16])
  // Not IPv4, whatever is in it (§5).
  assert.deepEqual(of('ip6:::ffff:192.0.2.1/96'), ['::ffff:0:0/96', 16])
  for (const wrong of [
    'ip4',
    'ip4:',
    'ip4/24',
    'ip4:192.0.2',
    'ip4:192.0.2.01',
    'ip4:192.0.2.256',
    'ip4:192.0.2.0/33',
    'ip4:192.0.2.0/024',
    'ip4:192.0.2.0//24',
    'ip4:192.0.2.0/',
    'ip4:192.0.2.0:25',
    'ip4:::1',
    'ip4:::ffff:192.0.2.1',
    'ip4:%{i}',
    'ip6',
    'ip6:192.0.2.1',
    'ip6:::1/129',
    'ip6:::1//64',
    'ip6:fe80::1%eth0',
    'ip6:1::2::3',
  ])
    assert.throws(() => mechanisms(wrong), SyntaxFault, wrong)
})

test('modifiers have a name and "=", and only two are known (RFC 7208 §6)', () => {
  const { redirect, explanation, directives } = parseSpfRecord(
    'v=spf1 Redirect=a.example EXP=b.example x-1._y=%{c}:/ x-1._y= ra=100 a=b',
  )
  assert.deepEqual([redirect, explanation, directives], [['a.example'], ['b.example'], []])
  for (const wrong of [
    'redirect=a.example redirect=a.example',
    'exp=a.example EXP=a.example',
    'redirect=',
    'exp=a',
    'redirect:a.example',
    'redirect',
    'x=%',
    'x=%{q}',
    '=a',
    '1x=a',
    '-x=a',
    '-redirect=a.example',
    'x/y=a',
    'exp=%{c}.example',
  ])
    assert.throws(() => parseSpfRecord(`v=spf1 ${wrong}`), SyntaxFault, wrong)
})

test('whatever is not a term spoils the record (RFC 7208 §4.6)', () => {
  for (const wrong of [
    'all:a.example',
    'all/8',
    'all.',
    'include',
    'include:',
    'include/24',
    'include:a.example/24',
    'exists',
    'exists:a.example//64',
    'ptr/0',
    'ptr:',
    'moo',
    '--all',
    '-',
    'a\tmx',
    'a:a.example\r\nmx',
    '\x80all',
    'a:\xef\xbb\xbfa.example',
  ]) {
    assert.throws(() => parseSpfRecord(`v=spf1 -all ${wrong}`), SyntaxFault, wrong)
    assert.throws(() => parseSpfRecord(`v=spf1 ${wrong} -all`), SyntaxFault, wrong)
  }
})

test('the fault shows the term, for people, and where it is', () => {
  assert.throws(() => parseSpfRecord('v=spf1 mx a:192.0.2.1 -all'), {
    message: '"a:192.0.2.1": addresses are for "ip4" and "ip6"',
  })
  assert.throws(() => parseSpfRecord('v=spf1 mx a:b.example%x'), { offset: 10 })
  assert.throws(
    () => parseSpfRecord(`v=spf1 \x1b[31m${'x'.repeat(1000)}`),
    ({ message }: Error) => {
      assert.match(message, /^[ -~]{1,160}$/)
      return true
    },
  )
})

test('a record has a bound', () => {
  const of = (length: number) => `v=spf1 ${'x'.repeat(length - 7 - 2)}=y`
  assert.doesNotThrow(() => parseSpfRecord(of(16_384)))
  assert.throws(() => parseSpfRecord(of(16_385)), SyntaxFault)
})

test('any octets: a record or a fault', () => {
  const term = fc.constantFrom(
    'a',
    'mx',
    'ip4:',
    'ip6:',
    '::',
    '1.2.3.4',
    '/',
    '24',
    '-',
    'all',
    'exp=',
    '%{',
    'd}',
    ' ',
  )
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.array(term).map((terms) => terms.join('')),
  )
  fc.assert(
    fc.property(text, (rest) => {
      try {
        const { directives } = parseSpfRecord(`v=spf1 ${rest}`)
        for (const directive of directives) assert.match(directive.text, /^[!-~]+$/)
      } catch (error) {
        assert.ok(error instanceof SyntaxFault && error.offset <= rest.length + 7)
        assert.match(error.message, /^[ -~]+$/)
      }
    }),
  )
})
