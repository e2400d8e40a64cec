/**
 * SPF against the library mailauth in its strict mode, on random records of random zones. What the two read
 * differently in RFC 7208 is kept out, each with its reason, so that any other difference is a find.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { spf } from 'mailauth/lib/spf/index.js'
import { parseIp } from '#base/ip.ts'
import type { AskedType } from '#mailauth/resolver.ts'
import { checkSpf } from '#mailauth/spf.ts'
import { AuthZone, type ZoneData } from '../harness/auth-zone.ts'

/** In the form of `node:dns`, which mailauth takes. */
function nodeResolver(zone: AuthZone) {
  return async (name: string, type: string): Promise<unknown> => {
    const found = await zone.resolve(name, type as AskedType)
    if (found.kind === 'noName') throw Object.assign(new Error(name), { code: 'ENOTFOUND' })
    if (found.kind === 'noData') throw Object.assign(new Error(name), { code: 'ENODATA' })
    if (found.kind === 'failed') throw Object.assign(new Error(name), { code: 'ETIMEOUT' })
    return found.records.map((record) => {
      if ('ip' in record) return record.ip
      if ('target' in record) return record.target
      if ('exchange' in record) return { exchange: record.exchange, priority: record.preference }
      return record.strings.map((string) => Buffer.from(string).toString('latin1'))
    })
  }
}

const hosts = ['a.example', 'b.example', 'c.example'] as const
const sender = 'strong-bad@a.example'
const ips = ['192.0.2.1', '192.0.2.130', '2001:db8::1']

// A name that macros make has two labels, the last of which is no number, and all of them can be: of others
// the RFC says nothing (§4.8). `p` counts once in ours and at each use in theirs (§4.6.4 allows both).
const macro = fc
  .tuple(
    fc.constantFrom(
      '%{d}',
      '%{o}',
      '%{l}.b.example',
      '%{ir}.%{v}.c.example',
      '%{l1r-}.b.example',
      '%{d2}',
      '%{H}',
    ),
    fc.constantFrom('', '', 'x.'),
  )
  .map(([text, prefix]) => prefix + text)
const domain = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...hosts) }, { weight: 1, arbitrary: macro })
const qualifier = fc.constantFrom('', '', '-', '~', '?', '+')
const prefix = fc.constantFrom('', '', '', '', '/24', '/0', '//64', '/25//32')
const of = (name: string) => domain.map((target) => `${name}:${target}`)
const directive = fc.oneof(
  fc
    .tuple(fc.oneof(of('a'), of('mx'), fc.constantFrom('a', 'mx', 'A', 'Mx')), prefix)
    .map((parts) => parts.join('')),
  fc.oneof(of('include'), of('exists'), of('ptr'), fc.constant('ptr')),
  fc.constantFrom(
    'ip4:192.0.2.0/25',
    'ip4:192.0.2.130',
    'ip6:2001:db8::/32',
    'ip6:::/0',
    'ip6:::ffff:192.0.2.1',
    'x-y.z_1=%{c}%%',
  ),
)
const wrong = fc.constantFrom(
  'ip4:192.0.2',
  'ip6:192.0.2.1',
  'ip4:192.0.2.1/33',
  'a/33',
  'mx//129',
  'a/024',
  'all:',
  'nothing',
  'a:b',
  'a:192.0.2.1',
  'exists',
  'a:%{x}',
  'x=%',
  'redirect=',
  'exp=a',
  '=a',
  'redirect:a.example',
)
const term = fc.oneof(
  { weight: 40, arbitrary: fc.tuple(qualifier, directive).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: wrong },
)
const ending = fc.oneof(
  fc.constantFrom('', '-all', '~all', '?all', 'all', '-all exp=e.example'),
  domain.map((target) => `redirect=${target}`),
)
const record = fc
  .tuple(fc.array(term, { maxLength: 4 }), ending)
  .map(([terms, last]) => ({ TXT: ['v=spf1', ...terms, last].join(' ').trimEnd() }))

const address = fc.constantFrom(
  { A: '192.0.2.1' },
  { A: '192.0.2.200' },
  { AAAA: '2001:db8::1' },
  { AAAA: '2001:db9::1' },
)
const others = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: address },
    { weight: 2, arbitrary: fc.constantFrom(...hosts).map((exchange) => ({ MX: [1, exchange] })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { TXT: 'v=spf10' },
        { TXT: 'v=spf1 -all' },
        { MX: [0, '.'] },
        'TIMEOUT' as const,
      ),
    },
  ),
  { minLength: 2, maxLength: 6 },
)
const host = fc.tuple(record, others).map((parts) => parts.flat())
const names = fc.array(
  fc.constantFrom(...hosts, 'x.a.example').map((PTR) => ({ PTR })),
  { maxLength: 3 },
)
const zone: fc.Arbitrary<ZoneData> = fc.record({
  'a.example': host,
  'b.example': host,
  'c.example': host,
  'x.a.example': others,
  'strong.b.example': others,
  'e.example': fc.array(fc.constantFrom({ TXT: '%{i} of %{d}, %{S}: %{p}' }, { TXT: '%' }), {
    minLength: 1,
    maxLength: 2,
  }),
  '1.2.0.192.in-addr.arpa': names,
})

test('the same result and explanation as mailauth', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(zone, fc.constantFrom(...ips), async (data, ip) => {
      const question = { sender, helo: 'x.a.example', receiver: 'mx.example.net' }
      const check = await checkSpf({
        ...question,
        ip: parseIp(ip)!,
        identity: 'mailfrom',
        nowMs: 0,
        resolver: new AuthZone(data),
      })
      const other = await spf({
        sender,
        ip,
        helo: question.helo,
        mta: question.receiver,
        resolver: nodeResolver(new AuthZone(data)) as never,
        strict: true,
        maxVoidCount: 1000,
      })
      // Void look-ups: theirs counts questions, ours terms, as §4.6.4 says, and none that the client's names lead to.
      fc.pre(!check.reason.includes('does not exist, the last'))
      seen.add(check.result)
      assert.equal(
        check.result,
        other.status.result,
        `${check.reason}; theirs: ${String(other.status.comment)}`,
      )
      assert.equal(check.explanation, other.explanation)
    }),
    { numRuns: 1000 },
  )
  for (const result of ['neutral', 'pass', 'fail', 'softfail', 'temperror', 'permerror'])
    assert.ok(seen.has(result))
})
