import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import { normaliseDomain } from '#base/domain-name.ts'
import { formatNetwork } from '#base/ip.ts'
import {
  boolean,
  duration,
  integer,
  ipNetwork,
  list,
  oneOf,
  path,
  secret,
  size,
  socketAddress,
  text,
  type Field,
} from './field.ts'
import { settingsObject } from './object.ts'
import { Secret } from './secret.ts'

const help = ''
const refuses = (field: Field<unknown>, input: unknown, allowed: RegExp): void =>
  assert.throws(
    () => field.read(input),
    (error) => isFault(error, 'invalid') && allowed.test(error.publicText),
  )

test('each kind reads what it allows and says what that is', () => {
  assert.equal(text({ fallback: '', help }).read('x'), 'x')
  refuses(text({ fallback: '', help }), 5, /^must be a text$/)
  const host = text({ fallback: 'localhost', help, allowed: 'a host name', normalise: normaliseDomain })
  assert.equal(host.read('Mail.Example.ORG'), 'mail.example.org')
  refuses(host, 'a b', /^must be a host name$/)

  assert.equal(boolean({ fallback: false, help }).read(true), true)
  assert.equal(boolean({ fallback: false, help }).read('true'), true)
  refuses(boolean({ fallback: false, help }), 'yes', /true or false/)

  const port = integer({ fallback: 25, help, min: 1, max: 65_535 })
  assert.equal(port.read(25), 25)
  assert.equal(port.read('587'), 587)
  for (const wrong of [0, 65_536, 1.5, '', 'x', true, null])
    refuses(port, wrong, /a whole number between 1 and 65535/)
  assert.equal(integer({ fallback: undefined, help }).read('-5'), -5)

  assert.equal(duration({ fallback: 1, help }).read('1h 30m'), 5_400_000)
  refuses(
    duration({ fallback: 1000, help, min: 1000 }),
    '500ms',
    /such as "30s", "5m" or "1h 30m", 1s or more/,
  )
  assert.equal(size({ fallback: 1, help }).read('100 MiB'), 104_857_600)
  refuses(size({ fallback: 1, help, max: 10 }), 11, /, 10 B or less/)

  const protocol = oneOf(['smtp', 'imap'], { fallback: 'smtp', help })
  assert.equal(protocol.read('IMAP'), 'imap')
  refuses(protocol, 'pop3', /one of "smtp", "imap"/)

  assert.equal(path({ fallback: '', help }).read('/etc/x'), '/etc/x')
  refuses(path({ fallback: '', help }), 'a\0b', /path/)
  assert.equal(formatNetwork(ipNetwork({ fallback: undefined, help }).read('10.1.2.3/8')!), '10.0.0.0/8')
  refuses(ipNetwork({ fallback: undefined, help }), '10.0.0.0/99', /such as "192.0.2.0\/24"/)
})

test('lists read each element, and one value as a list of one', () => {
  const numbers = list(integer({ fallback: 0, help }), { fallback: [], help, min: 1 })
  assert.deepEqual(numbers.read([1, '2']), [1, 2])
  assert.deepEqual(numbers.read(3), [3])
  refuses(numbers, [], /a list of at least 1, each a whole number/)
  refuses(numbers, [1, 'x'], /must be a whole number/)
})

test('socket addresses', () => {
  const bind = socketAddress({ fallback: undefined, help })
  assert.deepEqual(bind.read('0.0.0.0:25'), { ip: '0.0.0.0', port: 25 })
  assert.deepEqual(bind.read('[2001:DB8::1]:993'), { ip: '2001:db8::1', port: 993 })
  assert.deepEqual(bind.read('127.0.0.1:0'), { ip: '127.0.0.1', port: 0 })
  for (const wrong of [
    '25',
    ':25',
    '::1:25',
    '[127.0.0.1]:25',
    '[::1]',
    '127.0.0.1',
    '127.0.0.1:65536',
    '127.0.0.1:+5',
    'localhost:25',
  ])
    refuses(bind, wrong, /"0\.0\.0\.0:25" or "\[::\]:25"/)
})

test('a secret shows itself only when asked', () => {
  const password = secret({ fallback: undefined, help }).read('hunter2')!
  assert.equal(password.reveal(), 'hunter2')
  const shown = [
    JSON.stringify({ password }),
    inspect({ password }, { depth: 5, showHidden: true }),
    String(password),
  ]
  for (const text of shown) assert(!text.includes('hunter2'), text)
  assert(password.isSameAs(new Secret('hunter2')))
  refuses(secret({ fallback: undefined, help }), '', /not empty/)
})

test('inside a declaration fields keep their types', () => {
  const declared = settingsObject({
    name: 'Example',
    title: 'Example',
    help,
    many: false,
    fields: {
      level: oneOf(['a', 'b'], { fallback: 'a', help }),
      maybeLevel: oneOf(['a', 'b'], { fallback: undefined, help }),
      name: text({ fallback: '', help }),
      maybeName: text({ fallback: undefined, help }),
      count: integer({ fallback: 5, help }),
      maybeCount: integer({ fallback: undefined, help }),
      on: boolean({ fallback: true, help }),
      bind: list(socketAddress({ fallback: undefined, help }), { fallback: [], help }),
    },
  })
  const level: Field<'a' | 'b'> = declared.fields.level
  const name: Field<string> = declared.fields.name
  const count: Field<number> = declared.fields.count
  const on: Field<boolean> = declared.fields.on
  // @ts-expect-error may be undefined
  const wrongLevel: Field<'a' | 'b'> = declared.fields.maybeLevel
  // @ts-expect-error may be undefined
  const wrongName: Field<string> = declared.fields.maybeName
  // @ts-expect-error may be undefined
  const wrongCount: Field<number> = declared.fields.maybeCount
  assert.deepEqual(
    [level, name, count, on, wrongLevel, wrongName, wrongCount].map((f) => f.fallback),
    ['a', '', 5, true, undefined, undefined, undefined],
  )
})

test('no input makes a kind throw anything but Fault invalid', () => {
  const fields = [
    text({ fallback: '', help }),
    secret({ fallback: undefined, help }),
    boolean({ fallback: false, help }),
    integer({ fallback: 0, help }),
    duration({ fallback: 0, help }),
    size({ fallback: 0, help }),
    oneOf(['a'], { fallback: 'a', help }),
    socketAddress({ fallback: undefined, help }),
    ipNetwork({ fallback: undefined, help }),
    path({ fallback: '', help }),
  ]
  fc.assert(
    fc.property(fc.constantFrom<Field<unknown>>(...fields), fc.anything(), (field, input) => {
      try {
        field.read(input)
      } catch (error) {
        assert(isFault(error, 'invalid'))
      }
    }),
  )
})

test('words in any case and with either dash, and other spellings', () => {
  const version = oneOf(['tls12', 'tls-13'], {
    fallback: 'tls12',
    help: '',
    spellings: { 'tlsv1.2': 'tls12' },
  })
  for (const [given, read] of [
    ['TLS12', 'tls12'],
    ['TLSv1.2', 'tls12'],
    ['TLS_13', 'tls-13'],
  ] as const)
    assert.equal(version.read(given), read)
  for (const wrong of ['tls11', 'constructor', '__proto__', 12])
    assert.throws(
      () => version.read(wrong),
      (error) => isFault(error, 'invalid'),
    )
})
