import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type AuthResults, composeArcAuthResults, composeAuthResults } from './auth-results.ts'
import { forgedResults, parseArcAuthResults, parseAuthResults } from './auth-results-reader.ts'
import { fieldValue } from './headers.ts'

const valueOf = (field: string, name = 'authentication-results'): string => {
  const value = fieldValue(Buffer.from(field), name)
  assert.ok(value !== undefined)
  return value
}
const reread = (field: string): AuthResults => {
  const results = parseAuthResults(valueOf(field))
  assert.ok(results !== undefined, field)
  return results
}
const property = (name: string, value: string) => {
  const [ptype = '', rest = ''] = name.split('.')
  return { ptype, property: rest, value }
}

describe('examples of RFC 8601 Appendix B', () => {
  test('B.2: nothing was done', () => {
    assert.deepEqual(parseAuthResults('example.org 1; none'), { authservId: 'example.org', results: [] })
  })

  test('B.3: one method', () => {
    assert.deepEqual(
      reread('Authentication-Results: example.com;\r\n\tspf=pass smtp.mailfrom=example.net\r\n'),
      {
        authservId: 'example.com',
        results: [{ method: 'spf', result: 'pass', properties: [property('smtp.mailfrom', 'example.net')] }],
      },
    )
  })

  test('B.4: several, with a comment', () => {
    const text =
      'example.com; auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net'
    assert.deepEqual(parseAuthResults(text)?.results, [
      { method: 'auth', result: 'pass', properties: [property('smtp.auth', 'sender@example.net')] },
      { method: 'spf', result: 'pass', properties: [property('smtp.mailfrom', 'example.net')] },
    ])
  })

  test('B.6: with reasons', () => {
    const text =
      'example.com; dkim=pass reason="good signature" header.i=@mail-router.example.net; ' +
      'dkim=fail reason="bad signature" header.i=@newyork.example.com'
    assert.deepEqual(parseAuthResults(text)?.results, [
      {
        method: 'dkim',
        result: 'pass',
        reason: 'good signature',
        properties: [property('header.i', '@mail-router.example.net')],
      },
      {
        method: 'dkim',
        result: 'fail',
        reason: 'bad signature',
        properties: [property('header.i', '@newyork.example.com')],
      },
    ])
  })

  test('B.7: comments everywhere', () => {
    const text =
      'foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) fail ' +
      "policy (A dot can go here) . (like that) expired (this surprised me) = (as I wasn't expecting it) 1362471462"
    assert.deepEqual(parseAuthResults(text), {
      authservId: 'foo.example.net',
      results: [{ method: 'dkim', result: 'fail', properties: [property('policy.expired', '1362471462')] }],
    })
  })
})

describe('reading', () => {
  test('nested comments and quotes hide what is in them', () => {
    const text = 'a.example; (spf=pass (\\) x;) dkim=pass;) spf=fail reason="; dkim=pass \\" (" smtp.helo=b'
    assert.deepEqual(parseAuthResults(text)?.results, [
      { method: 'spf', result: 'fail', reason: '; dkim=pass " (', properties: [property('smtp.helo', 'b')] },
    ])
  })

  test('what other servers write beside the grammar', () => {
    const text =
      'mx.example; dmarc=pass action=none header.from=x.example;compauth=pass reason=100; ' +
      'dkim=pass header.b=ab/c+= header.i=@x.example; ; x; spf=neutral smtp.mailfrom="a b"@x.example;'
    assert.deepEqual(parseAuthResults(text)?.results, [
      { method: 'dmarc', result: 'pass', properties: [property('header.from', 'x.example')] },
      { method: 'compauth', result: 'pass', reason: '100', properties: [] },
      {
        method: 'dkim',
        result: 'pass',
        properties: [property('header.b', 'ab/c+='), property('header.i', '@x.example')],
      },
      { method: 'spf', result: 'neutral', properties: [property('smtp.mailfrom', '"a b"@x.example')] },
    ])
  })

  test('unknown versions are not understood (RFC 8601 §2.6)', () => {
    assert.equal(parseAuthResults('a.example 2; spf=pass'), undefined)
    assert.deepEqual(parseAuthResults('a.example 1; dkim/2=pass; spf/1=pass')?.results, [
      { method: 'spf', result: 'pass', properties: [] },
    ])
  })

  test('without an authserv-id it is nothing', () => {
    for (const text of [
      '',
      ';',
      '; spf=pass',
      'spf=pass smtp.mailfrom=a; x',
      'spf=pass; x',
      'a b; spf=pass',
      '"a',
      '(a',
    ]) {
      assert.equal(parseAuthResults(text), undefined, text)
    }
  })

  test('the form of ARC', () => {
    assert.deepEqual(parseArcAuthResults('i=2; a.example; spf=pass'), {
      instance: 2,
      results: { authservId: 'a.example', results: [{ method: 'spf', result: 'pass', properties: [] }] },
    })
    for (const text of [
      '',
      'i=1',
      'i=; a.example; none',
      'i=100; a.example; none',
      'a.example; spf=pass',
      'i=1; ;',
    ]) {
      assert.equal(parseArcAuthResults(text), undefined, text)
    }
  })
})

describe('writing', () => {
  test('a line for each method', () => {
    const field = composeAuthResults({
      authservId: 'mx.example.org',
      results: [
        { method: 'iprev', result: 'pass', properties: [property('policy.iprev', '2001:db8::1')] },
        {
          method: 'dkim',
          result: 'fail',
          reason: 'the body was changed',
          properties: [property('header.d', 'example.com'), property('header.i', '@example.com')],
        },
        { method: 'spf', result: 'pass', properties: [property('smtp.mailfrom', 'a+b=c@example.net')] },
      ],
    })
    assert.equal(
      field,
      'Authentication-Results: mx.example.org;\r\n' +
        ' iprev=pass policy.iprev="2001:db8::1";\r\n' +
        ' dkim=fail reason="the body was changed" header.d=example.com\r\n' +
        ' header.i=@example.com;\r\n' +
        ' spf=pass smtp.mailfrom=a+b=c@example.net\r\n',
    )
  })

  test('nothing was done', () => {
    const nothing = { authservId: 'mx.example.org', results: [] }
    assert.equal(composeAuthResults(nothing), 'Authentication-Results: mx.example.org; none\r\n')
    assert.equal(
      composeArcAuthResults(1, nothing),
      'ARC-Authentication-Results: i=1; mx.example.org; none\r\n',
    )
  })

  test('values that would like to be something else', () => {
    const values = [
      'a; dkim=pass',
      'a\r\nSubject: x',
      'a (comment',
      '"',
      '\\',
      'a"@b',
      '"a"; dkim=pass "@b.example',
      '"; dkim=pass"@b.example',
      '@',
      '',
      'x'.repeat(5000),
      '"\\'.repeat(2000),
      '\u00e9'.repeat(2000),
    ]
    for (const utf8 of [false, true]) {
      for (const value of values) {
        const field = composeAuthResults(
          {
            authservId: value,
            results: [
              { method: 'spf', result: 'fail', reason: value, properties: [property('smtp.helo', value)] },
            ],
          },
          { utf8 },
        )
        checkLines(field, utf8)
        const text = field.replace(/^Authentication-Results: ?(?:\r\n )?("(?:[^"\\]|\\.)*"|\S+);/su, 'x;')
        const [result, ...others] =
          parseAuthResults(Buffer.from(unfolded(text)).toString('latin1'))?.results ?? []
        assert.deepEqual(others, [], field)
        assert.deepEqual(
          [result?.method, result?.result, result?.properties.length],
          ['spf', 'fail', 1],
          field,
        )
      }
    }
  })

  const printable = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)),
    maxLength: 120,
  })
  const onOneLine = printable.map((text) => text.replace(/ +/g, ' ').trim())
  const word = fc.constantFrom(
    'spf',
    'dkim',
    'pass',
    'header',
    'policy',
    'mailfrom',
    'd',
    'x-y',
    'none',
    'reason',
  )
  const address = fc.constantFrom(
    'a@b.example',
    '@b.example',
    '"a b"@c.example',
    '"a\\"; b"@c.example',
    'a/b=c@d.example',
  )
  const results = fc.record({
    authservId: fc.domain(),
    results: fc.array(
      fc.record(
        {
          method: word,
          result: word,
          reason: onOneLine,
          properties: fc.array(
            fc.record({ ptype: word, property: word, value: fc.oneof(onOneLine, address, fc.ipV6()) }),
            { maxLength: 4 },
          ),
        },
        { requiredKeys: ['method', 'result', 'properties'] },
      ),
      { maxLength: 4 },
    ),
  })

  test('reads back as it was', () => {
    fc.assert(
      fc.property(results, fc.integer({ min: 1, max: 50 }), (generated, instance) => {
        // Without the prototypes that the generator leaves out.
        const given = structuredClone(generated)
        assert.deepEqual(reread(composeAuthResults(given)), given)
        const arc = valueOf(composeArcAuthResults(instance, given), 'arc-authentication-results')
        assert.deepEqual(parseArcAuthResults(arc), { instance, results: given })
      }),
      { numRuns: 1000 },
    )
  })

  test('with any values there are as many results and properties, in lines that may be sent', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 600 }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
    )
    const result = fc.record({
      method: any,
      result: any,
      reason: any,
      properties: fc.array(fc.record({ ptype: any, property: any, value: any }), { maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(result, { minLength: 1, maxLength: 3 }), fc.boolean(), (given, utf8) => {
        const field = composeAuthResults({ authservId: 'mx.example', results: given }, { utf8 })
        checkLines(field, utf8)
        const read = reread(field)
        assert.deepEqual(
          read.results.map(({ properties }) => properties.length),
          given.map(({ properties }) => properties.length),
        )
      }),
      { numRuns: 1000 },
    )
  })
})

/** RFC 5322 §2.1.1 and §2.2. */
function checkLines(field: string, utf8: boolean): void {
  assert.ok(field.endsWith('\r\n'))
  for (const line of field.slice(0, -2).split('\r\n')) {
    assert.ok(Buffer.byteLength(line) <= 998 && line.trim() !== '', line)
    assert.match(line, utf8 ? /^[^\p{Cc}]+$/u : /^[\x20-\x7e]+$/)
  }
}

const unfolded = (text: string): string => text.replaceAll('\r\n', '')

describe('forged fields (RFC 8601 §5)', () => {
  const ours = ['mx.ours.example', 'b\u00fccher.example']
  const cut = (...values: string[]): readonly string[] => {
    const fields = values.map((value) => `Authentication-Results:${value}\r\n`)
    const header = Buffer.from(
      `From: a@b\r\n${fields.join('Subject: x\r\n')}\r\nAuthentication-Results: mx.ours.example; none`,
    )
    return forgedResults(header, ours).map(({ start, end }) =>
      header.subarray(start + 'Authentication-Results:'.length, end - 2).toString(),
    )
  }

  test('our id in any spelling', () => {
    const forged = [
      ' mx.ours.example; spf=pass',
      ' MX.Ours.EXAMPLE; spf=pass',
      ' mx.ours.example. ; spf=pass',
      'mx.ours.example;none',
      ' "mx.ours.example"; spf=pass',
      ' "m\\x.ours.example"; spf=pass',
      ' (x) mx.ours.example (y) 1; spf=pass',
      '\r\n\tmx.ours.example;\r\n\tspf=pass',
      ' mx.ours.example/1234; spf=pass',
      ' mx.ours.example',
      ' b\u00fccher.example; spf=pass',
      ' xn--bcher-kva.example; spf=pass',
      ' mx\uff0eours.example; spf=pass',
      ' mx.ou\0rs.example; spf=pass',
    ]
    for (const value of forged) assert.deepEqual(cut(value), [value])
    assert.deepEqual(cut(...forged), forged)
  })

  test('what is malformed where the id should be, and unknown versions', () => {
    for (const value of [
      '',
      ' ',
      ' ;',
      ' ; spf=pass',
      ' spf=pass smtp.mailfrom=x; dkim=pass',
      ' spf=pass; dkim=pass',
      ' other mx.ours.example; spf=pass',
      ' other.example 2; spf=pass',
      ' "mx.ours.example; spf=pass',
      ' "other.example; x"; spf=pass',
      ' (mx.ours.example; spf=pass',
      ' =?utf-8?q?mx=2Eours=2Eexample?=; spf=pass',
      ' mx.ou\rrs.example; spf=pass',
      ' <mx.ours.example>; spf=pass',
    ]) {
      assert.deepEqual(cut(value), [value])
    }
  })

  test('fields of others stay', () => {
    assert.deepEqual(
      cut(
        ' other.example; spf=pass smtp.mailfrom=mx.ours.example',
        ' other.example (mx.ours.example) 1; none',
        ' notmx.ours.example; spf=pass',
        ' ours.example; spf=pass',
        ' other.example/x; spf=pass',
        ' other.example; "never ends',
      ),
      [],
    )
    const header = Buffer.from(
      'X-Authentication-Results: mx.ours.example; none\r\nARC-Authentication-Results: i=1; mx.ours.example; none\r\n',
    )
    assert.deepEqual(forgedResults(header, ours), [])
  })

  test('a field with a space before the colon, and with a long comment', () => {
    const header = Buffer.from('authentication-results : mx.ours.example; none\r\nFrom: a\r\n')
    assert.deepEqual(forgedResults(header, ours), [{ start: 0, end: 48 }])
    for (const length of [1000, 16_360, 16_370, 16_375, 100_000]) {
      assert.equal(cut(` (${'x'.repeat(length)}) mx.ours.example; none`).length, 1, `${length}`)
    }
    assert.deepEqual(cut(` other.example; spf=pass reason="${'x'.repeat(100_000)}"`), [])
  })

  test('any bytes: nothing stays that reads as ours', () => {
    const piece = fc.constantFrom(
      'mx.ours.example',
      ';',
      ' ',
      '\t',
      '"',
      '\\',
      '(',
      ')',
      '/',
      '1',
      '2',
      '\r\n ',
      '\n',
      '\0',
      'x',
      '=',
      '.',
      '\u00e9',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const header = Buffer.from(`Authentication-Results:${pieces.join('')}; spf=pass\r\n`)
        const forged = forgedResults(header, ours)
        const read = parseAuthResults(valueOf(header.toString()))
        if (forged.length === 0) assert.ok(read === undefined || read.authservId !== 'mx.ours.example')
        if (read === undefined && pieces.every((one) => one !== '\n')) assert.equal(forged.length, 1)
      }),
      { numRuns: 3000 },
    )
  })
})
