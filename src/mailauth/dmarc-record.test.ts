import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DmarcRecord, parseDmarcRecord } from './dmarc-record.ts'

function parse(text: string): DmarcRecord {
  const record = parseDmarcRecord(text)
  assert.ok(record !== undefined, text)
  return record
}

test('a record with all tags', () => {
  const { rua, ruf, ...rest } = parse(
    'v=DMARC1; p=reject; sp=quarantine; np=none; t=y; psd=n; adkim=s; aspf=s; fo=1:d:s; ' +
      'rua=mailto:a@example.com; ruf=mailto:f@example.com',
  )
  assert.deepEqual(
    [rua, ruf].map((list) => list.map(({ uri }) => uri)),
    [['mailto:a@example.com'], ['mailto:f@example.com']],
  )
  assert.deepEqual(rest, {
    text: rest.text,
    p: 'reject',
    sp: 'quarantine',
    np: 'none',
    isTesting: true,
    psd: 'n',
    dkimAlignment: 'strict',
    spfAlignment: 'strict',
    failureOptions: ['1', 'd', 's'],
    problems: [],
    isUsable: true,
  })
})

test('defaults (RFC 9989 §4.7)', () => {
  const record = parse('v=DMARC1;p=none')
  assert.deepEqual(record, {
    text: 'v=DMARC1;p=none',
    p: 'none',
    isTesting: false,
    psd: 'u',
    dkimAlignment: 'relaxed',
    spfAlignment: 'relaxed',
    failureOptions: ['0'],
    rua: [],
    ruf: [],
    problems: [],
    isUsable: true,
  })
})

test('the version comes first and its value is case-sensitive', () => {
  for (const text of [
    '',
    'v',
    'v=',
    'v=DMARC2; p=none',
    'v=dmarc1; p=none',
    'v=DMARC1 p=none',
    'v=DMARC12; p=none',
    'v=DMARC; p=none',
    'p=none; v=DMARC1',
    ';v=DMARC1; p=none',
    'x; v=DMARC1; p=none',
    'v=spf1 -all',
    '\ufeffv=DMARC1; p=none',
  ]) {
    assert.equal(parseDmarcRecord(text), undefined, text)
  }
  for (const text of ['v=DMARC1;p=reject', 'V\t=  DMARC1\t; p = reject ;', 'v=DMARC1 ; P=REJECT']) {
    assert.equal(parse(text).p, 'reject', text)
  }
})

test('what is wrong behind the version counts as not given (RFC 9989 §4.8)', () => {
  const record = parse(
    'v=DMARC1; p=reject; nonsense; =; adkim=strict; aspf=; t=yes; psd=x; x=1; ruf=mailto:f@example.com; fo=0:1',
  )
  assert.deepEqual(
    [
      record.p,
      record.dkimAlignment,
      record.spfAlignment,
      record.isTesting,
      record.psd,
      record.failureOptions,
    ],
    ['reject', 'relaxed', 'relaxed', false, 'u', ['0']],
  )
  assert.deepEqual(
    record.problems.map((problem) => problem.split(' ', 1)[0]),
    ['psd', 't', 'adkim', 'aspf', 'fo'],
  )
})

test('tags of RFC 7489 that are no more are passed over', () => {
  const record = parse('v=DMARC1; p=reject; pct=0; rf=afrf:iodef; ri=3600')
  assert.deepEqual([record.p, record.isTesting, record.problems], ['reject', false, []])
})

test('of a tag that is there twice, the first counts', () => {
  assert.equal(parse('v=DMARC1; p=quarantine; p=none').p, 'quarantine')
})

test('failure options', () => {
  const options = (fo: string) => parse(`v=DMARC1; p=none; ruf=mailto:f@example.com; fo=${fo}`).failureOptions
  assert.deepEqual(options('1'), ['1'])
  assert.deepEqual(options('d:s'), ['d', 's'])
  assert.deepEqual(options('S:1:D'), ['s', '1', 'd'])
  for (const bad of ['', '2', '0:1', '1:1', 'd:d', '1:', '1,d', '0:d:s:1', 'd:s:0:x:y']) {
    assert.deepEqual(options(bad), ['0'], bad)
  }
  assert.deepEqual(parse('v=DMARC1; p=none; fo=1').failureOptions, ['0'], 'ignored without ruf')
})

test('a malformed policy counts as none where somebody wants reports, else nothing does (RFC 9989 §4.10.1)', () => {
  for (const policy of ['', 'p=;', 'p=all;', 'p=reject; sp=x;', 'p=reject; sp=quarantine; np=;']) {
    const reported = parse(`v=DMARC1; ${policy} adkim=s; rua=mailto:a@example.com`)
    assert.deepEqual(
      [reported.isUsable, reported.p, reported.sp, reported.np, reported.dkimAlignment],
      [true, 'none', undefined, undefined, 'strict'],
      policy,
    )
    assert.ok(reported.problems.length > 0)
    assert.equal(parse(`v=DMARC1; ${policy}`).isUsable, false, policy)
    assert.equal(parse(`v=DMARC1; ${policy} rua=nowhere`).isUsable, false, policy)
  }
})

test('a public suffix gets no reports of single messages (RFC 9991 §2)', () => {
  const record = parse('v=DMARC1; p=none; psd=y; rua=mailto:a@example.com; ruf=mailto:f@example.com; fo=1')
  assert.deepEqual([record.rua.length, record.ruf, record.failureOptions], [1, [], ['0']])
})

test('any text gives a record or none', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'v=DMARC1',
      ';',
      ' ',
      '=',
      'p',
      'sp=none',
      'p=reject',
      'rua=mailto:a@b.c',
      'fo=',
      ':',
      '1',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const text = pieces.join('')
      const record = parseDmarcRecord(text)
      assert.ok(record === undefined || record.text === text)
      assert.ok(parseDmarcRecord(`v=DMARC1;${text}`) !== undefined)
    }),
    { numRuns: 2000 },
  )
})
