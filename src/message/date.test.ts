import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDate, formatInternalDate, parseDate } from './date.ts'

const utc = (text: string): string | undefined => {
  const date = parseDate(text)
  return date === undefined ? undefined : new Date(date.ms).toISOString().replace('.000Z', 'Z')
}

test('dates of RFC 5322', () => {
  assert.equal(utc('Fri, 21 Nov 1997 09:55:06 -0600'), '1997-11-21T15:55:06Z')
  assert.equal(utc('Tue, 1 Jul 2003 10:52:37 +0200'), '2003-07-01T08:52:37Z')
  assert.equal(
    utc('Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n   -0330 (Newfoundland Time)'),
    '1969-02-14T03:02:00Z',
  )
  assert.equal(utc('21 Nov 97 09:55:06 GMT'), '1997-11-21T09:55:06Z')
  assert.equal(utc('Fri, 21 Nov 1997 09(comment):   55  :  06 -0600'), '1997-11-21T15:55:06Z')
})

test('obsolete zones and years (RFC 5322 §4.3)', () => {
  const zones = {
    EDT: 4,
    EST: 5,
    CDT: 5,
    CST: 6,
    MDT: 6,
    MST: 7,
    PDT: 7,
    PST: 8,
    UT: 0,
    GMT: 0,
    Z: 0,
    A: 0,
    XYZ: 0,
  }
  for (const [zone, hours] of Object.entries(zones)) {
    assert.equal(utc(`1 Jan 2020 00:00 ${zone}`), `2020-01-01T0${hours}:00:00Z`, zone)
  }
  assert.equal(utc('1 Jan 49 00:00 GMT'), '2049-01-01T00:00:00Z')
  assert.equal(utc('1 Jan 50 00:00 GMT'), '1950-01-01T00:00:00Z')
  assert.equal(utc('1 Jan 104 00:00 GMT'), '2004-01-01T00:00:00Z')
})

test('what programs write instead', () => {
  assert.equal(utc('Wed Jul 17 02:23:25 1996'), '1996-07-17T02:23:25Z')
  assert.equal(utc('Wed Jul 17 02:23:25 PDT 1996'), '1996-07-17T09:23:25Z')
  assert.equal(utc('Wed, 17-Jul-1996 02:23:25 +0100'), '1996-07-17T01:23:25Z')
  assert.equal(utc('1996-07-17T02:23:25Z'), '1996-07-17T02:23:25Z')
  assert.equal(utc('1996-07-17 02:23:25.123 +02:00'), '1996-07-17T00:23:25Z')
  assert.equal(utc('July 17th, 1996 2:23 PM'), '1996-07-17T14:23:00Z')
  assert.equal(utc('17 Jul 1996 02:23:25 GMT+0200'), '1996-07-17T00:23:25Z')
  assert.equal(utc('Wed, 17 Jul 1996 02.23.25 +0000'), '1996-07-17T02:23:25Z')
  assert.equal(utc('17 Jul 1996'), '1996-07-17T00:00:00Z')
  assert.equal(utc('17 Jul 1996 25:00 +0000'), '1996-07-17T00:00:00Z')
  assert.equal(utc('17 Jul 1996 02:23:25 -9999'), '1996-07-17T02:23:25Z')
})

test('what is no date', () => {
  for (const text of ['', 'yesterday', '31 Feb 2020 00:00', '17 1996', '0 Jan 2020', '17 Jul']) {
    assert.equal(parseDate(text), undefined, text)
  }
})

test('dates are written for mail and for IMAP', () => {
  const ms = Date.UTC(1996, 6, 7, 9, 23, 5)
  assert.equal(formatDate(ms, -420), 'Sun, 7 Jul 1996 02:23:05 -0700')
  assert.equal(formatInternalDate(ms, -420), ' 7-Jul-1996 02:23:05 -0700')
  assert.equal(formatInternalDate(ms), ' 7-Jul-1996 09:23:05 +0000')
  assert.equal(formatDate(ms, 330), 'Sun, 7 Jul 1996 14:53:05 +0530')
})

test('what is written is read back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -30_000_000_000, max: 100_000_000_000 }),
      fc.integer({ min: -720, max: 840 }),
      (s, zone) => {
        assert.deepEqual(parseDate(formatDate(s * 1000, zone)), { ms: s * 1000, zoneMinutes: zone })
        assert.equal(parseDate(formatInternalDate(s * 1000, zone))?.ms, s * 1000)
      },
    ),
  )
})

test('any text is a date or none', () => {
  const piece = fc.constantFrom(
    '1',
    '17',
    '1996',
    'Jul',
    ':',
    '-',
    '/',
    '+',
    ' ',
    ',',
    '(',
    ')',
    'T',
    'Z',
    'pm',
    '.',
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const date = parseDate(pieces.join(''))
      assert.ok(date === undefined || Number.isSafeInteger(date.ms))
    }),
  )
})
