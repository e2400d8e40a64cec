import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIp } from '#base/ip.ts'
import { AuthZone, type ZoneData } from '../../test/harness/auth-zone.ts'
import { checkSpf, type SpfQuestion } from './spf.ts'

const asked = {
  ip: parseIp('192.0.2.1')!,
  identity: 'mailfrom',
  helo: 'mx.example.org',
  sender: 'alice@example.com',
  receiver: 'mx.example.net',
  nowMs: 1_397_000_000_999,
} as const

/** The check, and what it asked the DNS. */
async function check(data: ZoneData, o: Partial<SpfQuestion> = {}) {
  const resolver = new AuthZone(data)
  const found = await checkSpf({ ...asked, resolver, ...o })
  return { ...found, asked: resolver.asked }
}

/** Of example.com with this record. */
const withRecord = (record: string, data: ZoneData = {}, o: Partial<SpfQuestion> = {}) =>
  check({ 'example.com': [{ TXT: record }], ...data }, o)

test('what decided is told: the directive, the record, the address', async () => {
  assert.deepEqual(await withRecord('v=spf1 ip4:192.0.2.0/24 -all'), {
    result: 'pass',
    identity: 'mailfrom',
    domain: 'example.com',
    mechanism: 'ip4:192.0.2.0/24',
    explanation: undefined,
    reason: 'ip4:192.0.2.0/24 in the record of example.com matches 192.0.2.1',
    asked: ['TXT example.com'],
  })
  const redirected = await withRecord('v=spf1 redirect=_spf.example.net', {
    '_spf.example.net': [{ TXT: 'v=spf1 ~all' }],
  })
  assert.equal(redirected.result, 'softfail')
  assert.equal(redirected.domain, 'example.com')
  assert.equal(redirected.reason, '~all in the record of _spf.example.net matches 192.0.2.1')
  // An include is named as such, whatever matched in it.
  const included = await withRecord('v=spf1 -include:a.example', { 'a.example': [{ TXT: 'v=spf1 all' }] })
  assert.deepEqual([included.result, included.mechanism], ['fail', '-include:a.example'])
})

test('nothing that matches is neutral, with no mechanism (RFC 7208 §4.7)', async () => {
  const { result, mechanism, reason } = await withRecord('v=spf1 ip4:192.0.2.2')
  assert.deepEqual([result, mechanism], ['neutral', undefined])
  assert.equal(reason, 'nothing in the record of example.com matches 192.0.2.1')
})

test('whose record it is: HELO, the sender, and HELO for the null sender (RFC 7208 §2.3, §2.4)', async () => {
  const zone: ZoneData = {
    'mx.example.org': [{ TXT: 'v=spf1 exists:%{s}.helo.example -all' }],
    'postmaster@mx.example.org.helo.example': [{ A: '127.0.0.2' }],
    'example.com': [{ TXT: 'v=spf1 ~all' }],
  }
  const helo = await check(zone, { identity: 'helo' })
  assert.deepEqual([helo.result, helo.identity, helo.domain], ['pass', 'helo', 'mx.example.org'])
  const empty = await check(zone, { sender: '' })
  assert.deepEqual([empty.result, empty.identity, empty.domain], ['pass', 'mailfrom', 'mx.example.org'])
  assert.equal((await check(zone)).result, 'softfail')
  assert.equal((await check(zone, { sender: 'a@b@Example.COM.' })).domain, 'example.com')
})

test('domains that cannot have a record are none, and the DNS is not asked (RFC 7208 §4.3)', async () => {
  for (const domain of [
    '',
    'localhost',
    '[192.0.2.1]',
    '192.0.2.1',
    'a..example.com',
    `${'a'.repeat(64)}.com`,
    'a b.com',
    'com.',
  ]) {
    for (const o of [{ sender: `a@${domain}` }, { identity: 'helo', helo: domain }] as const) {
      const { result, domain: none, asked: questions, reason } = await check({}, o)
      assert.deepEqual([result, none, questions], ['none', undefined, []], domain)
      assert.match(reason, /no full domain name$/)
    }
  }
})

test('none: no such name, or no record at it', async () => {
  assert.equal((await check({})).reason, 'the name example.com does not exist')
  assert.equal((await withRecord('v=spf2 all')).reason, 'example.com has no SPF record')
  assert.equal((await check({ 'example.com': [{ A: '192.0.2.1' }] })).reason, 'example.com has no SPF record')
})

test('records that are not valid, or two of them, are told to administrators', async () => {
  assert.equal(
    (await withRecord('v=spf1 a:192.0.2.1 -all')).reason,
    'the SPF record of example.com is not valid: "a:192.0.2.1": addresses are for "ip4" and "ip6"',
  )
  const two = await check({ 'example.com': [{ TXT: 'v=spf1 a' }, { TXT: 'V=SPF1' }, { TXT: 'x' }] })
  assert.deepEqual(
    [two.result, two.reason],
    ['permerror', 'example.com has 2 SPF records, only one is allowed'],
  )
})

test('U-labels are asked for as A-labels (RFC 8616 §4)', async () => {
  const zone: ZoneData = { 'xn--bcher-kva.example': [{ TXT: 'v=spf1 all' }] }
  assert.equal((await check(zone, { sender: 'a@Bücher.example' })).domain, 'xn--bcher-kva.example')
})

test('terms with a local part that is not ASCII match nothing (RFC 8616 §4)', async () => {
  const o = { sender: 'jürgen@example.com' }
  const zone: ZoneData = { 'j%c3%bcrgen.a.example': [{ A: '127.0.0.2' }] }
  for (const term of [
    'exists:%{L}.a.example',
    'include:%{l}.a.example',
    'mx:%{s}',
    'redirect=%{l1r}.a.example',
  ]) {
    const { result, asked: questions } = await withRecord(`v=spf1 ${term}`, zone, o)
    assert.deepEqual([result, questions], ['neutral', ['TXT example.com']], term)
  }
  assert.equal(
    (
      await withRecord(
        'v=spf1 exists:%{o}',
        { 'example.com': [{ A: '127.0.0.2' }, { TXT: 'v=spf1 exists:%{o}' }] },
        o,
      )
    ).result,
    'pass',
  )
})

test('a temperror says which question had no answer (RFC 7208 §5)', async () => {
  const slow: ZoneData = { 'a.example': ['TIMEOUT'], 'b.example': [{ MX: [1, 'a.example'] }] }
  for (const [term, what] of [
    ['a:a.example', 'A of a.example'],
    ['mx:a.example', 'MX of a.example'],
    ['mx:b.example', 'addresses of a.example'],
    ['exists:a.example', 'A of a.example'],
    ['include:a.example', 'TXT of a.example'],
    ['redirect=a.example', 'TXT of a.example'],
  ] as const) {
    const { result, reason } = await withRecord(`v=spf1 ${term}`, slow)
    assert.deepEqual([result, reason], ['temperror', `${what}: no answer`], term)
  }
  // What matches before is not spoiled by it.
  assert.equal((await withRecord('v=spf1 ip4:192.0.2.1 a:a.example', slow)).result, 'pass')
})

test('an include or redirection to nothing is an error (RFC 7208 §5.2, §6.1)', async () => {
  assert.equal(
    (await withRecord('v=spf1 include:a.example')).reason,
    'include: the name a.example does not exist',
  )
  assert.equal(
    (await withRecord('v=spf1 redirect=a.example')).reason,
    'redirect: the name a.example does not exist',
  )
  for (const term of ['include:%{l}', 'redirect=%{l}', 'include:a..example', 'redirect=a..example'])
    assert.equal((await withRecord(`v=spf1 ${term}`)).result, 'permerror', term)
})

test('a record is not looked for at a single label (RFC 7208 §4.3)', async () => {
  const { result, asked: questions } = await withRecord('v=spf1 include:%{o1}', {
    com: [{ TXT: 'v=spf1 all' }],
  })
  assert.deepEqual([result, questions.length], ['permerror', 1])
})

test('IPv6: its own addresses, prefixes and macros, and "exists" asks for IPv4 (RFC 7208 §5, §5.7)', async () => {
  const zone: ZoneData = {
    'a.example': [{ A: '192.0.2.1' }, { AAAA: '2001:db8::2' }, { MX: [1, 'a.example'] }],
    'four.example': [{ A: '127.0.0.2' }],
    'six.example': [{ AAAA: '2001:db8::1' }],
    [`${'2.0.0.1.0.d.b.8'}${'.0'.repeat(23)}.1.ip6.x.example`]: [{ A: '127.0.0.2' }],
  }
  for (const [term, expected] of [
    ['a:a.example', 'neutral'],
    ['a:a.example/0', 'neutral'],
    ['a:a.example//126', 'pass'],
    ['mx:a.example//126', 'pass'],
    ['mx:a.example//127', 'neutral'],
    ['ip4:0.0.0.0/0', 'neutral'],
    ['ip6:2001:db8::/32', 'pass'],
    ['exists:four.example', 'pass'],
    ['exists:six.example', 'neutral'],
    ['exists:%{i}.%{v}.x.example', 'pass'],
  ] as const) {
    const { result } = await withRecord(`v=spf1 ${term}`, zone, { ip: parseIp('2001:db8::1')! })
    assert.equal(result, expected, term)
  }
  // The prefix of IPv6 means nothing to IPv4.
  assert.equal(
    (await withRecord('v=spf1 a:a.example//0', { 'a.example': [{ A: '192.0.2.9' }] })).result,
    'neutral',
  )
})

test('a domain without mail has no MX host to look up (RFC 7505 §3)', async () => {
  const { result, asked: questions } = await withRecord('v=spf1 mx:a.example', {
    'a.example': [{ MX: [0, '.'] }],
  })
  assert.deepEqual([result, questions], ['neutral', ['TXT example.com', 'MX a.example']])
})

test('ten terms may ask, in all records together (RFC 7208 §4.6.4)', async () => {
  const zone: ZoneData = {
    'x.example': [{ A: '192.0.2.9' }, { MX: [1, 'x.example'] }, { TXT: 'v=spf1 a mx ?all' }],
    'r.example': [{ TXT: 'v=spf1 a:x.example all' }],
  }
  // Three of each include.
  const nine = 'include:x.example '.repeat(3)
  assert.equal((await withRecord(`v=spf1 ${nine}a:x.example all`, zone)).result, 'pass')
  const over = await withRecord(`v=spf1 ${nine}a:x.example exists:x.example all`, zone)
  assert.deepEqual([over.result, over.reason], ['permerror', 'the SPF records need more than 10 look-ups'])
  assert.equal((await withRecord(`v=spf1 ${nine}redirect=r.example`, zone)).result, 'permerror')
  // Terms that ask nothing are free, and what is not reached does not count.
  const many = 'ip4:192.0.2.2 ip6:::1 '.repeat(20)
  assert.equal((await withRecord(`v=spf1 ${many}all ${nine.repeat(9)}`, zone)).result, 'pass')
})

test('records that name themselves end (RFC 7208 §4.6.4)', async () => {
  for (const term of ['include:example.com', 'redirect=example.com', 'include:%{d} redirect=%{d}']) {
    const { result, asked: questions } = await withRecord(`v=spf1 ${term}`)
    assert.deepEqual([result, questions.length], ['permerror', 11], term)
  }
})

test('two terms may ask for what is not there; MX hosts count once with their term (RFC 7208 §4.6.4)', async () => {
  const gone = (i: number) => `a:gone${i}.example`
  assert.equal((await withRecord(`v=spf1 ${gone(1)} ${gone(2)} all`)).result, 'pass')
  const three = await withRecord(`v=spf1 ${gone(1)} ${gone(2)} ${gone(3)} all`)
  assert.equal(three.result, 'permerror')
  assert.match(three.reason, /more than 2 terms .* A of gone3\.example$/)
  const hosts: ZoneData = {
    'm.example': ['a', 'b', 'c'].map((host) => ({ MX: [1, `${host}.gone.example`] })),
  }
  assert.equal((await withRecord('v=spf1 mx:m.example a:gone.example all', hosts)).result, 'pass')
  assert.equal(
    (await withRecord('v=spf1 mx:m.example mx:m.example mx:m.example all', hosts)).result,
    'permerror',
  )
})

test('names that cannot be are not asked for, do not match and do not count (RFC 7208 §4.8)', async () => {
  const long = `a:${'a'.repeat(64)}.example`
  const { result, asked: questions } = await withRecord(
    `v=spf1 a:a..example mx:.example exists:%{l}..b ${long} ?all`,
  )
  assert.deepEqual([result, questions], ['neutral', ['TXT example.com']])
})

test('more than ten MX records are an error, whichever would match (RFC 7208 §4.6.4)', async () => {
  const zone = (length: number): ZoneData => ({
    'm.example': Array.from({ length }, (_, i) => ({ MX: [i, `m${i}.example`] })),
    'm0.example': [{ A: '192.0.2.1' }],
  })
  assert.equal((await withRecord('v=spf1 mx:m.example', zone(10))).result, 'pass')
  assert.equal((await withRecord('v=spf1 mx:m.example', zone(11))).result, 'permerror')
})

test('"ptr": names of the client, ten at most, those below the target only (RFC 7208 §5.5)', async () => {
  const back = '1.2.0.192.in-addr.arpa'
  const zone: ZoneData = {
    [back]: [{ PTR: 'other.example' }, { PTR: 'MX.Example.com' }, { PTR: 'badexample.com' }],
    'other.example': [{ A: '192.0.2.1' }],
    'badexample.com': [{ A: '192.0.2.1' }],
    'mx.example.com': [{ A: '192.0.2.1' }],
  }
  const passed = await withRecord('v=spf1 ptr ptr:gone.example -all', zone)
  assert.deepEqual(
    [passed.result, passed.asked],
    ['pass', ['TXT example.com', `PTR ${back}`, 'A MX.Example.com']],
  )
  // The names are asked for once.
  const failed = await withRecord('v=spf1 ptr:a.example ptr:b.example ptr:ample.com -all', zone)
  assert.deepEqual([failed.result, failed.asked.length], ['fail', 2])
  const bad = await withRecord('v=spf1 ptr ptr:%{d} -all', { ...zone, 'mx.example.com': [] })
  assert.equal(bad.asked.filter((question) => question === 'A MX.Example.com').length, 1)
  // Trouble with names is no match.
  assert.equal((await withRecord('v=spf1 ptr -all', { [back]: ['TIMEOUT'] })).result, 'fail')
  assert.equal(
    (await withRecord('v=spf1 ptr -all', { ...zone, 'mx.example.com': ['TIMEOUT'] })).result,
    'fail',
  )
  const many = Array.from({ length: 11 }, (_, i) => ({ PTR: `n${i}.example.com` }))
  const late = await withRecord('v=spf1 ptr -all', { [back]: many, 'n10.example.com': [{ A: '192.0.2.1' }] })
  assert.deepEqual([late.result, late.asked.length], ['fail', 12])
})

test('names that a client has given itself do not turn its fail into an error', async () => {
  const zone: ZoneData = {
    '1.2.0.192.in-addr.arpa': ['a', 'b', 'c'].map((host) => ({ PTR: `${host}.example.com` })),
  }
  assert.equal((await withRecord('v=spf1 a:gone1.example a:gone2.example ptr -all', zone)).result, 'fail')
})

test('%{p}: the domain itself, a name below it, any other, or "unknown" (RFC 7208 §7.3)', async () => {
  const names = ['other.example', 'a.example.com', 'example.com', 'forged.example.com']
  const zone = (...valid: string[]): ZoneData => ({
    '1.2.0.192.in-addr.arpa': names.map((PTR) => ({ PTR })),
    ...Object.fromEntries(valid.map((name) => [name, [{ A: '192.0.2.1' }]])),
    'example.com': [
      { TXT: 'v=spf1 exists:%{p}.x -all' },
      ...(valid.includes('example.com') ? [{ A: '192.0.2.1' }] : []),
    ],
  })
  for (const [valid, p] of [
    [names.slice(0, 3), 'example.com'],
    [names.slice(0, 2), 'a.example.com'],
    [names.slice(0, 1), 'other.example'],
    [[], 'unknown'],
  ] as const)
    assert.equal((await check(zone(...valid))).asked.at(-1), `A ${p}.x`)
  // The question for the names is one of the ten.
  const nine = 'exists:gone.example '.repeat(2) + 'a:other.example '.repeat(7)
  const other: ZoneData = {
    'other.example': [{ A: '192.0.2.9' }],
    'unknown.other.example': [{ A: '127.0.0.2' }],
  }
  assert.equal((await withRecord(`v=spf1 ${nine}ip4:192.0.2.1`, other)).result, 'pass')
  assert.equal((await withRecord(`v=spf1 ${nine}exists:%{p}.other.example`, other)).result, 'permerror')
  const eight = nine.slice(0, -'a:other.example '.length)
  assert.equal((await withRecord(`v=spf1 ${eight}exists:%{p}.other.example`, other)).result, 'pass')
})

test('the explanation: text of the domain, ASCII, cut, with macros of its own (RFC 7208 §6.2)', async () => {
  const explain = async (TXT: string | readonly string[], o: Partial<SpfQuestion> = {}) =>
    (await withRecord('v=spf1 -all exp=e.%{d}', { 'e.example.com': [{ TXT }] }, o)).explanation
  assert.equal(
    await explain(['See http://%{d}/?s=', '%{S}&i=%{I}']),
    'See http://example.com/?s=alice%40example.com&i=192.0.2.1',
  )
  assert.equal(
    await explain('%{c} %{r} %{t} %{h} %{p}'),
    '192.0.2.1 mx.example.net 1397000000 mx.example.org unknown',
  )
  assert.equal(await explain('%{r}', { receiver: 'localhost' }), 'unknown')
  assert.equal(await explain('%{l}', { sender: '@example.com' }), 'postmaster')
  assert.equal(await explain('%{h}', { helo: 'Bücher.Example.' }), 'xn--bcher-kva.example')
  assert.equal(await explain('by %{h}!', { helo: 'x\r\n250 é' }), 'by x??250 ?!')
  assert.equal((await explain('%{s}'.repeat(200)))?.length, 400)
  for (const none of ['', 'a\nb', 'é', '100%', '%{q}']) assert.equal(await explain(none), undefined, none)
})

test('an explanation is for a fail that a mechanism gave, and its trouble changes nothing', async () => {
  const zone: ZoneData = { 'e.example': [{ TXT: 'no' }], 'slow.example': ['TIMEOUT'] }
  const explain = async (record: string) => (await withRecord(record, zone)).explanation
  assert.equal(await explain('v=spf1 -all exp=e.example'), 'no')
  assert.equal(await explain('v=spf1 ~all exp=e.example'), undefined)
  for (const exp of ['slow.example', 'gone.example', 'a..example', '%{l}..b']) {
    const { result, explanation } = await withRecord(`v=spf1 -all exp=${exp}`, zone)
    assert.deepEqual([result, explanation], ['fail', undefined], exp)
  }
  const two: ZoneData = { 'e.example': [{ TXT: 'no' }, { TXT: 'never' }] }
  assert.equal((await withRecord('v=spf1 -all exp=e.example', two)).explanation, undefined)
  // Not for want of look-ups: limits are for what decides.
  const ten = 'a:e.example '.repeat(10)
  const full: ZoneData = { 'e.example': [{ TXT: '%{p}' }, { A: '192.0.2.9' }] }
  assert.equal((await withRecord(`v=spf1 ${ten}-all exp=e.example`, full)).explanation, 'unknown')
})

test('what macros make of hostile senders is one name to the resolver, never more', async () => {
  const { asked: questions } = await withRecord(
    'v=spf1 exists:%{l}.x.example -all',
    {},
    { sender: 'a\\.b c@example.com' },
  )
  assert.equal(questions.at(-1), 'A a\\\\.b\\032c.x.example')
  const zone: ZoneData = { 'a\\.b c.x.example': [{ A: '127.0.0.2' }] }
  assert.equal(
    (await withRecord('v=spf1 exists:%{l}.x.example', zone, { sender: 'a\\.b c@example.com' })).result,
    'pass',
  )
  for (const sender of ['a\nb@example.com', 'a\0b@example.com']) {
    const { asked: none } = await withRecord('v=spf1 exists:%{l}.x.example -all', {}, { sender })
    assert.equal(none.length, 1)
  }
})

test('time that runs out is a temperror (RFC 7208 §4.6.4); what else is thrown is not hidden', async () => {
  const signal = AbortSignal.abort(new Error('over'))
  assert.equal((await withRecord('v=spf1 all', {}, { signal })).result, 'temperror')
  const resolver = { resolve: () => Promise.reject(new Error('a fault of ours')) }
  await assert.rejects(check({}, { resolver }), /a fault of ours/)
})

test('a fail stays one when time runs out over its explanation', async () => {
  const controller = new AbortController()
  const zone = new AuthZone({ 'example.com': [{ TXT: 'v=spf1 -all exp=e.example' }] })
  const resolver: SpfQuestion['resolver'] = {
    resolve: (name, type, o) => {
      if (name === 'e.example') controller.abort()
      return zone.resolve(name, type, o)
    },
  }
  const { result, explanation } = await checkSpf({ ...asked, resolver, signal: controller.signal })
  assert.deepEqual([result, explanation], ['fail', undefined])
})

test('any records: one of the seven results, within the limits of questions', async () => {
  const names = [
    'example.com',
    'a.example',
    'b.example',
    'gone.example',
    '%{d}',
    '%{h}',
    '%{l}.a.example',
    '%{p}',
  ]
  const name = fc.constantFrom(...names)
  const term = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('a:', 'mx:', 'ptr:', 'exists:', 'include:', '-include:', 'redirect=', 'exp='),
        name,
      )
      .map((all) => all.join('')),
    fc.constantFrom('a', 'mx', 'ptr', '-all', 'ip4:192.0.2.1', 'ip6:::1/0', 'a/0//0', 'x=y', 'a:1.2.3.4'),
    fc.string({ maxLength: 10 }),
  )
  const record = fc.array(term, { maxLength: 12 }).map((terms) => ({ TXT: `v=spf1 ${terms.join(' ')}` }))
  const host = fc.oneof(
    fc.constantFrom({ A: '192.0.2.1' }, { A: '192.0.2.9' }, { AAAA: '2001:db8::1' }, 'TIMEOUT' as const),
    name.map((exchange) => ({ MX: [1, exchange] })),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ TXT: Buffer.from(bytes).toString('latin1') })),
  )
  const records = fc.tuple(record, fc.array(host, { maxLength: 14 })).map(([one, more]) => [one, ...more])
  const zone = fc.record({
    'example.com': records,
    'a.example': records,
    'b.example': records,
    '1.2.0.192.in-addr.arpa': fc.array(
      name.map((PTR) => ({ PTR })),
      { maxLength: 14 },
    ),
  })
  const results = new Set<string>()
  await fc.assert(
    fc.asyncProperty(zone, fc.string(), fc.boolean(), async (data, word, isV6) => {
      const ip = parseIp(isV6 ? '2001:db8::1' : '192.0.2.1')!
      const {
        result,
        reason,
        explanation,
        asked: questions,
      } = await check(data, { ip, helo: word, sender: `${word}@example.com` })
      results.add(result)
      // Ten terms, each with ten MX hosts; the names of the client; the first record, and an explanation.
      assert.ok(questions.length <= 10 * 11 + 11 + 2, questions.join('\n'))
      assert.match(reason, /^[ -~]{1,500}$/)
      assert.match(explanation ?? 'x', /^[ -~]{1,400}$/)
    }),
    { numRuns: 300 },
  )
  // Nearly always there are five; a run of bad luck is no fault.
  assert.ok(results.size >= 3, [...results].join(' '))
})
