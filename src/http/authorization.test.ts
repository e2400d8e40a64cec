import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { basicCredentials } from './authorization.ts'

const encode = (text: string): string => Buffer.from(text).toString('base64')

test('user and password come apart at the first colon, in UTF-8', () => {
  assert.deepEqual(basicCredentials('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='), {
    user: 'Aladdin',
    password: 'open sesame',
  })
  // The example of RFC 7617 §2.1.
  assert.deepEqual(basicCredentials('basic dGVzdDoxMjPCow=='), { user: 'test', password: '123£' })
  assert.deepEqual(basicCredentials(`BASIC  ${encode('a:b:c')} `), { user: 'a', password: 'b:c' })
  assert.deepEqual(basicCredentials(`Basic ${encode(':')}`), { user: '', password: '' })
})

test('what is not Basic, not base64, not UTF-8 or has control characters is nothing', () => {
  const wrong = [
    undefined,
    '',
    'Basic',
    'Basic ',
    'Bearer abc',
    'Basic a:b',
    `Basic ${encode('no colon')}`,
    `Basic ${encode('a:b\r\nc')}`,
    `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`,
  ]
  for (const header of wrong) assert.equal(basicCredentials(header), undefined, String(header))
})

test('it takes any header without throwing, and what a client encodes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (header) => {
      basicCredentials(`Basic ${header}`)
    }),
  )
  const printable = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(printable, printable, (user, password) => {
      fc.pre(!user.includes(':'))
      assert.deepEqual(basicCredentials(`Basic ${encode(`${user}:${password}`)}`), { user, password })
    }),
  )
})
