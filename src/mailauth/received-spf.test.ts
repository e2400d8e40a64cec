import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '#base/ip.ts'
import { composeReceivedSpf } from './received-spf.ts'
import type { SpfCheck } from './spf.ts'

const asked = {
  ip: parseIp('192.0.2.1')!,
  helo: 'foo.example.com',
  sender: 'myname@example.com',
  receiver: 'mybox.example.org',
}
const passed: SpfCheck = {
  result: 'pass',
  identity: 'mailfrom',
  domain: 'example.com',
  mechanism: 'ip4:192.0.2.0/24',
  explanation: undefined,
  reason: 'ip4:192.0.2.0/24 in the record of example.com matches 192.0.2.1',
}
const unfold = (field: string) => field.replaceAll('\r\n\t', ' ')

test('result, comment and pairs, folded (RFC 7208 §9.1)', () => {
  assert.equal(
    composeReceivedSpf(passed, asked),
    'Received-SPF: pass (mybox.example.org: ip4:192.0.2.0/24 in the record of\r\n' +
      '\texample.com matches 192.0.2.1) receiver=mybox.example.org;\r\n' +
      '\tclient-ip=192.0.2.1; envelope-from="myname@example.com";\r\n' +
      '\thelo=foo.example.com; identity=mailfrom; mechanism="ip4:192.0.2.0/24"\r\n',
  )
})

test('HELO has no sender, errors have a problem, and no match is the default', () => {
  const field = composeReceivedSpf(
    { ...passed, identity: 'helo', result: 'permerror', reason: 'a (b) "c"' },
    asked,
  )
  assert.equal(
    unfold(field),
    'Received-SPF: permerror (mybox.example.org: a \\(b\\) "c") receiver=mybox.example.org; ' +
      'client-ip=192.0.2.1; helo=foo.example.com; identity=helo; problem="a (b) \\"c\\""\r\n',
  )
  const neutral = composeReceivedSpf({ ...passed, result: 'neutral', mechanism: undefined }, asked)
  assert.match(neutral, /mechanism=default\r\n$/)
  const none = composeReceivedSpf(
    { ...passed, result: 'none', mechanism: undefined },
    { ...asked, sender: '' },
  )
  assert.match(none, /envelope-from="";[^]*identity=mailfrom\r\n$/)
})

test('IPv6 is quoted, since a colon is no atext', () => {
  const field = composeReceivedSpf(passed, { ...asked, ip: parseIp('2001:db8::1')! })
  assert.match(field, /client-ip="2001:db8::1";/)
})

test('what clients say cannot end the field, a value or the comment', () => {
  const helo = 'x"; a=b\r\nSubject: y\\'
  const field = composeReceivedSpf({ ...passed, reason: `"${helo}) receiver=z` }, { ...asked, helo })
  assert.equal(
    unfold(field),
    'Received-SPF: pass (mybox.example.org: "x"; a=b??Subject: y\\\\\\) receiver=z) ' +
      'receiver=mybox.example.org; client-ip=192.0.2.1; envelope-from="myname@example.com"; ' +
      'helo="x\\"; a=b??Subject: y\\\\"; identity=mailfrom; mechanism="ip4:192.0.2.0/24"\r\n',
  )
})

test('what is long is cut, and no line is only spaces', () => {
  const spaces = composeReceivedSpf(passed, { ...asked, helo: `a${' '.repeat(300)}b` })
  assert.match(spaces, /helo="a b";/)
  const quotes = composeReceivedSpf(passed, { ...asked, sender: '"'.repeat(600) })
  assert.match(quotes, /\t"?envelope-from="(?:\\"){447}\.\.\.";/)
})

const atext = "[\\w!#$%&'*+/=?^`{|}~-]+"
const value = `(?:${atext}(?:\\.${atext})*|"(?:[^"\\\\]|\\\\.)*")`
const grammar = new RegExp(
  `^Received-SPF: pass \\((?:[^()\\\\]|\\\\.)*\\)(?: [a-z-]+=${value};){5} [a-z-]+=${value}\r\n$`,
)

test('anything: one field by the grammar, of printable ASCII, in lines that are not empty', () => {
  const hostile = fc.oneof(
    fc.string({ maxLength: 600 }),
    fc
      .array(fc.constantFrom(' ', '"', '\\', '(', ')', '\r\n', ';', 'a', 'é', '=', '  '), { maxLength: 600 })
      .map((all) => all.join('')),
  )
  fc.assert(
    fc.property(hostile, hostile, hostile, hostile, (helo, sender, reason, mechanism) => {
      const field = composeReceivedSpf({ ...passed, reason, mechanism }, { ...asked, helo, sender })
      for (const line of field.split('\r\n').slice(0, -1)) {
        assert.match(line, /^(?:Received-SPF:|\t)[ -~]*[!-~][ -~]*$/)
        assert.ok(line.length <= 998)
        // Only what has no space in it is longer.
        if (line.length > 78) assert.ok(!line.slice(1).trimEnd().includes(' '), line)
      }
      assert.match(unfold(field), grammar)
    }),
  )
})
