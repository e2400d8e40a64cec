import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addressText, parseAddresses } from './address.ts'

/** name | route | mailbox | host, with "-" for NIL. */
const read = (text: string): string[] =>
  parseAddresses(text).map((a) => [a.name, a.route, a.mailbox, a.host].map((v) => v ?? '-').join('|'))

test('mailboxes of RFC 5322 appendix A', () => {
  assert.deepEqual(read('John Doe <jdoe@machine.example>'), ['John Doe|-|jdoe|machine.example'])
  assert.deepEqual(read('"Joe Q. Public" <john.q.public@example.com>'), [
    'Joe Q. Public|-|john.q.public|example.com',
  ])
  assert.deepEqual(read('Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>'), [
    'Mary Smith|-|mary|x.test',
    '-|-|jdoe|example.org',
    'Who?|-|one|y.test',
  ])
  assert.deepEqual(read('<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>'), [
    '-|-|boss|nil.test',
    'Giant; "Big" Box|-|sysservices|example.net',
  ])
})

test('groups appear as markers (RFC 9051 §7.5.2)', () => {
  assert.deepEqual(read('A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;'), [
    '-|-|A Group|-',
    'Ed Jones|-|c|a.test',
    '-|-|joe|where.test',
    'John|-|jdoe|one.test',
    '-|-|-|-',
  ])
  assert.deepEqual(read('Undisclosed recipients:;'), ['-|-|Undisclosed recipients|-', '-|-|-|-'])
  assert.deepEqual(read('open: a@b'), ['-|-|open|-', '-|-|a|b', '-|-|-|-'])
})

test('comments, folding white space and obsolete forms (RFC 5322 A.5, A.6.1)', () => {
  assert.deepEqual(read('Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>'), [
    'Pete|-|pete|silly.test',
  ])
  assert.deepEqual(
    read(
      "A Group(Some people) :Chris Jones <c@(Chris's host.)public.example>, joe@example.org, John <jdoe@one.test> (my dear friend); (the end of the group)",
    ),
    [
      '-|-|A Group|-',
      'Chris Jones|-|c|public.example',
      '-|-|joe|example.org',
      'John|-|jdoe|one.test',
      '-|-|-|-',
    ],
  )
  assert.deepEqual(read('Joe Q. Public <john.q.public@example.com>'), [
    'Joe Q. Public|-|john.q.public|example.com',
  ])
  assert.deepEqual(read('Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example'), [
    'Mary Smith|@node.test|mary|example.net',
    '-|-|jdoe|test.example',
  ])
  assert.deepEqual(read('john . doe @ example.org'), ['-|-|john.doe|example.org'])
  assert.deepEqual(read('user@host (Full Name)'), ['Full Name|-|user|host'])
  assert.deepEqual(read('"john smith"@[192.0.2.1]'), ['-|-|john smith|[192.0.2.1]'])
})

test('broken lists keep what they say (RFC 7103 §7.1)', () => {
  assert.deepEqual(read('root'), ['-|-|root|'])
  assert.deepEqual(read('John Smith'), ['John Smith|-||'])
  assert.deepEqual(read('<<a@b.example>>'), ['-|-|a|b.example'])
  assert.deepEqual(read('<a@b.example, c@d.example'), ['-|-|a|b.example', '-|-|c|d.example'])
  assert.deepEqual(read('"Joe <a@b.example>, c@d.example'), ['Joe|-|a|b.example', '-|-|c|d.example'])
  assert.deepEqual(read('John a@b.example'), ['John|-|a|b.example'])
  assert.deepEqual(read('<>'), ['-|-||'])
  assert.deepEqual(read('=?utf-8?Q?Smith,_John?= <a@b.example>'), ['=?utf-8?Q?Smith,_John?=|-|a|b.example'])
  assert.deepEqual(read(''), [])
  assert.deepEqual(read(' , ,'), [])
})

test('a list for people is decoded', () => {
  const list = parseAddresses('=?utf-8?Q?Andr=C3=A9?= <a@b.example>, team: c@d.example;')
  assert.equal(addressText(list), 'André <a@b.example>, team:, c@d.example')
})

test('any text gives a list, and groups begin and end in pairs', () => {
  const piece = fc.constantFrom(
    '<',
    '>',
    '@',
    ',',
    ';',
    ':',
    '"',
    '(',
    ')',
    '\\',
    '[',
    ']',
    '=?',
    '?',
    '.',
    ' ',
    'a',
    '\xff',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      let inGroup = false
      for (const address of parseAddresses(pieces.join(''))) {
        if (address.host !== undefined) continue
        assert.equal(address.mailbox === undefined, inGroup)
        inGroup = !inGroup
      }
      assert.equal(inGroup, false)
    }),
    { numRuns: 1000 },
  )
})

test('hostile lists are read in linear time', () => {
  for (const unit of ['(', '"', '<', '=?a?q?', '\\"', ':', '@', '((a)']) {
    assert.ok(parseAddresses(unit.repeat(60_000 / unit.length)).length < 60_000)
  }
})
