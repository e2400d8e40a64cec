import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '#base/fault.ts'
import fc from 'fast-check'
import { Secret } from '#settings/secret.ts'
import {
  durationMs,
  error,
  eventKind,
  flag,
  list,
  maybe,
  number,
  secret,
  sizeBytes,
  text,
} from '#telemetry/event.ts'
import { jsonFormat, textFormat, type LoggedKind } from './log-line.ts'

const at = Date.parse('2026-11-21T04:10:00.123Z')
const received = eventKind({
  name: 'smtp.message-received',
  level: 'info',
  help: '',
  fields: {
    from: text,
    to: list,
    size: sizeBytes,
    took: durationMs,
    code: number,
    tls: flag,
    password: secret,
    note: maybe(text),
  },
})
const values = {
  from: 'a@b',
  to: ['c@d', 'e@f'],
  size: 4096,
  took: 12.34,
  code: 250,
  tls: true,
  password: 'hunter2',
}
const failed = eventKind({
  name: 'server.crashed',
  level: 'error',
  help: '',
  fields: { error },
})

test('a line for people', () => {
  assert.equal(
    textFormat(false)(at, received, values, { session: 's1', gone: undefined, tls: 'declared fields win' }),
    '2026-11-21T04:10:00.123Z info  smtp.message-received  from=a@b to=c@d,e@f size=4.0KiB took=12ms code=250 tls=true password=[secret] session=s1\n',
  )
})

test('a line for machines', () => {
  const line = jsonFormat()(
    at,
    received,
    { ...values, note: 'é\u0085' },
    { session: 's1', at: 'no', tls: 'no' },
  )
  assert.equal(
    line,
    '{"at":"2026-11-21T04:10:00.123Z","level":"info","event":"smtp.message-received","from":"a@b","to":["c@d","e@f"],"size":4096,"took":12.34,"code":250,"tls":true,"password":"[secret]","note":"é\\u0085","session":"s1"}\n',
  )
  assert.equal(JSON.parse(line).note, 'é\u0085')
})

test('only the level is coloured, and only when asked', () => {
  const line = textFormat(true)(at, failed, { error: 'x' }, {})
  assert.equal(line, '2026-11-21T04:10:00.123Z \x1b[31merror\x1b[0m server.crashed  error=x\n')
})

test('values that are not one plain word are quoted', () => {
  const note = (value: string): string => {
    const line = textFormat(false)(at, received, { note: value }, {})
    return line.slice(line.indexOf('note=') + 5, -1)
  }
  assert.equal(note('plain'), 'plain')
  assert.equal(note(''), '""')
  assert.equal(note('a b'), '"a b"')
  assert.equal(note('x=y'), '"x=y"')
  assert.equal(note('a"b\\'), '"a\\"b\\\\"')
  assert.equal(note('grün 😀'), '"grün 😀"')
  assert.equal(note('\x1b[2J\r\n2026'), '"\\u001b[2J\\r\\n2026"')
  assert.equal(note('a\u202Eb\u2028\u{E0041}'), '"a\\u202eb\\u2028\\udb40\\udc41"')
  assert.equal(note('x'.repeat(5000)).length, 1003)
})

test('errors show their stack, indented, with their causes', () => {
  const cause = new Error('disk\n2026-11-21T04:10:00.123Z info  forged')
  const whole = new Error('cannot store', { cause })
  const [first, ...rest] = textFormat(false)(at, failed, { error: whole }, {}).trimEnd().split('\n')
  assert.equal(first, '2026-11-21T04:10:00.123Z error server.crashed  error="Error: cannot store"')
  assert(rest.length > 3)
  for (const line of rest) assert.match(line, /^ {4}/)
  assert(rest.includes('    caused by Error: disk'))
  const json = JSON.parse(jsonFormat()(at, failed, { error: whole }, {}))
  assert.equal(json.error.message, 'Error: cannot store')
  assert.match(json.error.stack, /caused by Error: disk/)
})

test('trouble that was foreseen is one line, since it comes with every message while a disk is full', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  })
  const fault = (cause?: Error): Fault =>
    new Fault('unavailable', 'later', {}, { reason: 'staging', ...(cause === undefined ? {} : { cause }) })
  for (const error of [fault(), fault(full), fault(fault(full))]) {
    const text = textFormat(false)(at, failed, { error }, {})
    assert.equal(text, '2026-11-21T04:10:00.123Z error server.crashed  error="Fault: staging"\n')
    assert.deepEqual(JSON.parse(jsonFormat()(at, failed, { error }, {})).error, { message: 'Fault: staging' })
  }
  // Fault: no stack of what nobody foresaw, behind a Fault or by itself.
  for (const error of [fault(new TypeError('x')), full])
    assert.match(textFormat(false)(at, failed, { error }, {}), /\n {8}at /)
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      '\n',
      '\r',
      '\x1b',
      '"',
      '\\',
      ' ',
      '=',
      'a',
      '\u2028',
      '\u202e',
      '\x85',
      '\ud800',
      '😀',
    ),
  }),
)

test('no value can break out of its line, move the cursor or turn the text around', () => {
  fc.assert(
    fc.property(anyText, anyText, (value, context) => {
      const kinds: [LoggedKind, Record<string, unknown>][] = [
        [received, { from: value, to: [value, value], note: value }],
        [failed, { error: value }],
      ]
      for (const [kind, fields] of kinds)
        for (const format of [textFormat(false), jsonFormat()]) {
          const line = format(at, kind, fields, { [context]: context, x: context })
          assert(line.endsWith('\n'))
          assert.doesNotMatch(line.slice(0, -1), /[\p{C}\p{Zl}\p{Zp}]/u)
        }
    }),
  )
})

test('text fields cannot be forged: every value ends where it seems to', () => {
  fc.assert(
    fc.property(anyText, (value) => {
      const line = textFormat(false)(at, received, { from: value, note: 'end' }, {})
      const rest = line.slice(line.indexOf(' from=') + 6)
      const read = rest.startsWith('"') ? /^"(?:[^"\\]|\\.)*"/.exec(rest)![0] : /^[^ ]*/.exec(rest)![0]
      assert.equal(rest.slice(read.length), ' note=end\n')
      if (rest.startsWith('"') && value.length <= 1000) assert.equal(JSON.parse(read), value)
    }),
  )
})

test('JSON lines read back as they were', () => {
  fc.assert(
    fc.property(anyText, fc.double(), (value, n) => {
      const read = JSON.parse(jsonFormat()(at, received, { from: value, code: n }, { [`x${value}`]: value }))
      assert.equal(read.from, value)
      assert.equal(read[`x${value}`], value)
      assert.equal(read.code, Number.isFinite(n) ? (Object.is(n, -0) ? 0 : n) : null)
    }),
  )
})

test('secrets are never shown, whatever the field says', () => {
  for (const format of [textFormat(false), jsonFormat()]) {
    const line = format(
      at,
      received,
      { from: new Secret('hunter2'), password: 'hunter2' },
      { x: new Secret('hunter2') as unknown as string },
    )
    assert(!line.includes('hunter2'), line)
  }
})

test('timestamps across seconds', () => {
  const stamp = textFormat(false)
  const times = [at, at + 1, at + 877, at - 123, 0].map((t) => stamp(t, failed, {}, {}).slice(0, 24))
  assert.deepEqual(times, [
    '2026-11-21T04:10:00.123Z',
    '2026-11-21T04:10:00.124Z',
    '2026-11-21T04:10:01.000Z',
    '2026-11-21T04:10:00.000Z',
    '1970-01-01T00:00:00.000Z',
  ])
})
