import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { localSelector, parseBimiRecord, parseSelectorField } from './bimi-record.ts'

const address = 'https://example.org/mark.svg'
const plain = { location: address, evidence: undefined, preference: undefined, hasLocalSelectors: false }

test('records (§4.3)', () => {
  assert.deepEqual(parseBimiRecord(`v=BIMI1; l=${address}`), plain)
  assert.deepEqual(parseBimiRecord(`v = BIMI1 ;l= ${address} ; a= ;other=1;`), plain)
  assert.deepEqual(parseBimiRecord(`v=BIMI1;a=https://a.example/b.pem;avp=personal;lps=true;l=${address};`), {
    location: address,
    evidence: 'https://a.example/b.pem',
    preference: 'personal',
    hasLocalSelectors: true,
  })
  for (const rest of ['avp=Brand', 'avp=', 'lps=TRUE', 'lps=1'])
    assert.deepEqual(parseBimiRecord(`v=BIMI1;l=${address};${rest}`), plain)
})

test('what declines to show anything (§4.3.1)', () => {
  const declined = { ...plain, location: undefined }
  assert.deepEqual(parseBimiRecord('v=BIMI1; l=; a=;'), declined)
  assert.deepEqual(parseBimiRecord('v=BIMI1; l='), declined)
})

test('other texts are no records; nothing is mended', () => {
  for (const text of ['', 'v=spf1 -all', 'v=bimi1;l=', 'V=BIMI1;l=', 'v=BIMI10;l=', 'l=;v=BIMI1', 'BIMI1'])
    assert.equal(parseBimiRecord(text), undefined)
  assert.deepEqual(parseBimiRecord('v=BIMI1;l'), { problem: 'malformed' })
  assert.deepEqual(parseBimiRecord('v=BIMI1;l=;l='), { problem: 'malformed' })
  assert.deepEqual(parseBimiRecord('v=BIMI1;L=;'), { problem: 'no l= in the record' })
  assert.deepEqual(parseBimiRecord(`v=BIMI1;l=;a=${address}`), { problem: 'empty l= in the record' })
})

test('addresses are HTTPS with a full domain name, and fit into a field', () => {
  const bad = ['http://example.org/a', 'HTTPS://example.org/a', 'https://localhost/a', 'https://192.0.2.1/a']
  const worse = [
    'https://[2001:db8::1]/',
    'https://a@example.org/',
    'https://example.org/a,b',
    'https:///',
    'example.org',
  ]
  const worst = [
    'https://example.org/a b',
    'https://example.org/"',
    `${address}?${'x'.repeat(900)}`,
    'https://b\xfccher.example/',
  ]
  for (const text of [...bad, ...worse, ...worst]) {
    assert.deepEqual(parseBimiRecord(`v=BIMI1;l=${text}`), { problem: 'bad l= in the record' }, text)
    assert.deepEqual(
      parseBimiRecord(`v=BIMI1;l=${address};a=${text}`),
      { problem: 'bad a= in the record' },
      text,
    )
  }
})

test('the field that names a selector (§5.1)', () => {
  assert.equal(parseSelectorField('v=BIMI1; s=Brand;'), 'brand')
  assert.equal(parseSelectorField('v=BIMI1; s=summer.brand-2'), 'summer.brand-2')
  for (const text of ['', 's=brand', 'v=BIMI2; s=brand']) assert.equal(parseSelectorField(text), undefined)
  const bad = { problem: 'bad s= in BIMI-Selector' }
  for (const text of ['v=BIMI1', 'v=BIMI1;s=', 'v=BIMI1;s=a b', 'v=BIMI1;s=.a', 'v=BIMI1;s=a_b'])
    assert.deepEqual(parseSelectorField(text), bad)
  assert.deepEqual(parseSelectorField('v=BIMI1;;s=a'), { problem: 'malformed' })
})

test('selectors of local parts (§4.5)', () => {
  const made = {
    Sales: 'sales',
    'sales+x_y': 'sales',
    'first.last': 'first-last',
    'a._.b': 'a-b',
    '.a_': 'a',
    'a--b': 'a--b',
    '+x': undefined,
    _: undefined,
    'a@b': undefined,
    'b\xfccher': undefined,
    [`${'a'.repeat(63)}`]: 'a'.repeat(63),
    [`${'a'.repeat(64)}`]: undefined,
  }
  for (const [part, selector] of Object.entries(made)) assert.equal(localSelector(part), selector, part)
})

test('any text throws nothing, and addresses that pass cannot end a field or a value', () => {
  const text = fc.string({ unit: fc.constantFrom(...'vlas=;BIMI1https://example.org \r\n"(,\\\xe9') })
  fc.assert(
    fc.property(text, (rest) => {
      parseSelectorField(`v=BIMI1;${rest}`)
      localSelector(rest)
      for (const read of [
        parseBimiRecord(`v=BIMI1;l=https://a.example/${rest}`),
        parseBimiRecord(`v=BIMI1;${rest}`),
      ]) {
        if (read !== undefined && 'location' in read) assert.match(read.location ?? '', /^[!-~]*$/)
        if (read !== undefined && 'location' in read) assert.doesNotMatch(read.location ?? '', /["(),;<>\\]/)
      }
    }),
  )
})
