/** DMARC against zones in memory. Most cases are examples of RFC 9989, §4.10 and Appendix B. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readAuthorDomains } from './author-domain.ts'
import { checkDmarc, type DmarcCheck, type DmarcInput } from './dmarc.ts'
import { DmarcRecords, organizationalDomain, walkTree } from './dmarc-tree-walk.ts'
import type { AuthResolver } from './resolver.ts'

/** Texts of a name; a name that ends in these is there. */
type Zone = { readonly [name: string]: readonly string[] | 'failed' }

function zoneResolver(zone: Zone): { readonly resolver: AuthResolver; readonly asked: string[] } {
  const asked: string[] = []
  const resolver = {
    resolve(name: string) {
      asked.push(name)
      const texts = zone[name]
      if (texts === 'failed') return Promise.resolve({ kind: 'failed', reason: 'no server answers' })
      if (texts !== undefined && texts.length > 0) {
        // In two strings, which are to be joined.
        const records = texts.map((text) => ({
          strings: [Buffer.from(text.slice(0, 5)), Buffer.from(text.slice(5))],
        }))
        return Promise.resolve({ kind: 'answer', records, authentic: false })
      }
      const isThere = Object.keys(zone).some((key) => key === name || key.endsWith(`.${name}`))
      return Promise.resolve({ kind: isThere ? 'noData' : 'noName' })
    },
  }
  return { resolver: resolver as unknown as AuthResolver, asked }
}

const signal = new AbortController().signal

interface Case {
  readonly zone: Zone
  readonly from: string | readonly string[]
  readonly spf?: string
  readonly dkim?: readonly string[]
}

async function check({ zone, from, spf, dkim = [] }: Case): Promise<DmarcCheck & { asked: string[] }> {
  const { resolver, asked } = zoneResolver(zone)
  const input: DmarcInput = {
    fromDomains: typeof from === 'string' ? [from] : from,
    spf: spf === undefined ? undefined : { result: 'pass', domain: spf },
    dkim: dkim.map((domain) => ({ result: 'pass', domain, selector: 's' })),
    resolver,
    signal,
  }
  return { ...(await checkDmarc(input)), asked }
}

async function organizationOf(domain: string, zone: Zone): Promise<readonly [string, readonly string[]]> {
  const { resolver, asked } = zoneResolver(zone)
  const walk = await walkTree(domain, new DmarcRecords(resolver, signal))
  assert.ok(walk.kind === 'walked')
  return [organizationalDomain(walk), asked]
}

const none = ['v=DMARC1; p=none']

describe('tree walk (RFC 9989 §4.10)', () => {
  test('a name of many labels costs eight questions', async () => {
    const [, asked] = await organizationOf('a.b.c.d.e.f.g.h.i.j.mail.example.com', {})
    assert.deepEqual(asked, [
      '_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com',
      '_dmarc.g.h.i.j.mail.example.com',
      '_dmarc.h.i.j.mail.example.com',
      '_dmarc.i.j.mail.example.com',
      '_dmarc.j.mail.example.com',
      '_dmarc.mail.example.com',
      '_dmarc.example.com',
      '_dmarc.com',
    ])
  })

  test('eight labels are walked without a gap, nine with one', async () => {
    const [, eight] = await organizationOf('a.b.c.d.e.f.example.com', {})
    assert.equal(eight.length, 8)
    assert.equal(eight[1], '_dmarc.b.c.d.e.f.example.com')
    const [, nine] = await organizationOf('mail.a.b.c.d.e.f.g.example.com', {})
    assert.equal(nine.length, 8)
    assert.equal(nine[1], '_dmarc.c.d.e.f.g.example.com')
  })

  test('the highest record is the organization', async () => {
    const zone = { '_dmarc.mail.example.com': none, '_dmarc.example.com': none }
    assert.equal((await organizationOf('a.mail.example.com', zone))[0], 'example.com')
  })

  test('psd=n ends the walk', async () => {
    const zone = { '_dmarc.mail.example.com': ['v=DMARC1; p=none; psd=n'], '_dmarc.example.com': none }
    assert.deepEqual(await organizationOf('a.mail.example.com', zone), [
      'mail.example.com',
      ['_dmarc.a.mail.example.com', '_dmarc.mail.example.com'],
    ])
  })

  test('below psd=y is the organization', async () => {
    const zone = { '_dmarc.com': ['v=DMARC1; p=none; psd=y'] }
    assert.equal((await organizationOf('a.mail.example.com', zone))[0], 'example.com')
    assert.equal((await organizationOf('com', zone))[0], 'com', 'a suffix itself')
    const deep = { '_dmarc.f.g.h.i.j.k.l': ['v=DMARC1; p=none; psd=y'] }
    assert.equal((await organizationOf('a.b.c.d.e.f.g.h.i.j.k.l', deep))[0], 'e.f.g.h.i.j.k.l')
  })

  test('without records a domain is its own organization', async () => {
    assert.equal((await organizationOf('a.example.com', {}))[0], 'a.example.com')
  })

  test('several records count as none, other texts do not count', async () => {
    const zone = {
      '_dmarc.example.com': ['v=DMARC1; p=none', 'v=DMARC1; p=none'],
      '_dmarc.a.example.com': ['v=spf1 -all', 'v=DMARC1; p=none', 'something'],
    }
    assert.equal((await organizationOf('b.a.example.com', zone))[0], 'a.example.com')
  })
})

describe('examples of RFC 9989 Appendix B', () => {
  const zone = { '_dmarc.example.com': ['v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com'] }

  test('B.1.1 SPF', async () => {
    assert.equal((await check({ zone, from: 'example.com', spf: 'example.com' })).spf, 'strict')
    const child = await check({ zone, from: 'example.com', spf: 'child.example.com' })
    assert.deepEqual(
      [child.result, child.spf, child.organizationalDomain],
      ['pass', 'relaxed', 'example.com'],
    )
    const other = await check({ zone, from: 'child.example.com', spf: 'example.net' })
    assert.deepEqual([other.result, other.spf, other.disposition], ['fail', 'none', 'reject'])
  })

  test('B.1.2 DKIM', async () => {
    assert.deepEqual((await check({ zone, from: 'example.com', dkim: ['example.com'] })).dkim, ['strict'])
    const parent = await check({ zone, from: 'child.example.com', dkim: ['example.com'] })
    assert.deepEqual([parent.result, parent.dkim], ['pass', ['relaxed']])
    const other = await check({ zone, from: 'child.example.com', dkim: ['example.net'] })
    assert.deepEqual([other.result, other.dkim], ['fail', ['none']])
  })

  test('B.4.1 simple', async () => {
    const both = { '_dmarc.example.com': none, '_dmarc.signing.example.com': none }
    const one = await check({
      zone: both,
      from: 'example.com',
      spf: 'example.com',
      dkim: ['signing.example.com'],
    })
    assert.deepEqual([one.result, one.spf, one.dkim], ['pass', 'strict', ['relaxed']])
    assert.equal(one.policyDomain, 'example.com')
  })

  test('B.4.2 deep', async () => {
    const both = { '_dmarc.example.com': none, '_dmarc.signing.example.com': none }
    const from = 'a.b.c.d.e.f.g.h.i.j.k.example.com'
    const one = await check({ zone: both, from, spf: 'example.com', dkim: ['signing.example.com'] })
    assert.deepEqual([one.result, one.spf, one.dkim], ['pass', 'relaxed', ['relaxed']])
    assert.deepEqual([one.policyDomain, one.organizationalDomain], ['example.com', 'example.com'])
  })

  test('B.4.3 a public suffix', async () => {
    const bank = { '_dmarc.bank.example': ['v=DMARC1; p=reject; psd=y'], '_dmarc.giant.bank.example': none }
    const one = await check({
      zone: bank,
      from: 'giant.bank.example',
      spf: 'mail.giant.bank.example',
      dkim: ['mail.mega.bank.example'],
    })
    assert.deepEqual([one.result, one.spf, one.dkim], ['pass', 'relaxed', ['none']])
    assert.deepEqual(
      [one.policyDomain, one.organizationalDomain],
      ['giant.bank.example', 'giant.bank.example'],
    )
  })

  test('§11.8: the organization may be lower than the highest record says', async () => {
    const zone11 = { '_dmarc.mail.example.com': ['v=DMARC1; p=reject; psd=n'], '_dmarc.example.com': none }
    const one = await check({ zone: zone11, from: 'evil.example.com', spf: 'mail.example.com' })
    assert.deepEqual([one.result, one.spf], ['fail', 'none'])
  })
})

describe('policy (RFC 9989 §4.7, §4.10.1)', () => {
  const policyOf = async (record: string, from: string, more: Zone = {}) => {
    const one = await check({ zone: { '_dmarc.example.com': [record], ...more }, from })
    return [one.result, one.policy, one.disposition, one.policyDomain]
  }

  test('p for the domain itself, sp and np for those below', async () => {
    const record = 'v=DMARC1; p=none; sp=quarantine; np=reject'
    const there = { 'there.example.com': ['v=spf1 -all'] }
    assert.deepEqual(await policyOf(record, 'example.com'), ['fail', 'none', 'none', 'example.com'])
    assert.deepEqual(await policyOf(record, 'there.example.com', there), [
      'fail',
      'quarantine',
      'quarantine',
      'example.com',
    ])
    assert.deepEqual(await policyOf(record, 'gone.example.com', there), [
      'fail',
      'reject',
      'reject',
      'example.com',
    ])
  })

  test('a name with others below it is there', async () => {
    const record = 'v=DMARC1; p=none; np=reject'
    const below = { 'a.there.example.com': ['x'] }
    assert.equal((await policyOf(record, 'there.example.com', below))[1], 'none')
  })

  test('absent, np is sp, and sp is p', async () => {
    assert.equal((await policyOf('v=DMARC1; p=none; sp=reject', 'gone.example.com'))[1], 'reject')
    assert.equal((await policyOf('v=DMARC1; p=quarantine', 'gone.example.com'))[1], 'quarantine')
  })

  test('whether the name is there is not asked where it changes nothing', async () => {
    const one = await check({ zone: { '_dmarc.example.com': ['v=DMARC1; p=reject'] }, from: 'a.example.com' })
    assert.deepEqual(one.asked, ['_dmarc.a.example.com', '_dmarc.example.com', '_dmarc.com'])
  })

  test('t=y is one level below', async () => {
    const dispositions = await Promise.all(
      ['none', 'quarantine', 'reject'].map(async (p) => {
        const zone = { '_dmarc.example.com': [`v=DMARC1; p=${p}; t=y`] }
        const { policy, effectivePolicy, disposition } = await check({ zone, from: 'example.com' })
        assert.equal(policy, p)
        assert.equal(disposition, effectivePolicy)
        return disposition
      }),
    )
    assert.deepEqual(dispositions, ['none', 'none', 'quarantine'])
  })

  test('a record between the author and the organization is not used', async () => {
    const more = { '_dmarc.mail.example.com': ['v=DMARC1; p=reject'] }
    assert.deepEqual(await policyOf('v=DMARC1; p=quarantine', 'a.mail.example.com', more), [
      'fail',
      'quarantine',
      'quarantine',
      'example.com',
    ])
  })

  test('the record of a public suffix is the last resort', async () => {
    const zone = { '_dmarc.example': ['v=DMARC1; p=reject; psd=y'] }
    const one = await check({ zone, from: 'a.shop.example' })
    assert.deepEqual([one.policyDomain, one.disposition], ['example', 'reject'])
    const own = await check({ zone: { ...zone, '_dmarc.shop.example': none }, from: 'a.shop.example' })
    assert.deepEqual([own.policyDomain, own.disposition], ['shop.example', 'none'])
  })

  test('no record', async () => {
    const one = await check({ zone: {}, from: 'example.com', spf: 'example.com' })
    assert.deepEqual([one.result, one.disposition, one.spf], ['none', 'none', 'none'])
    const two = await check({ zone: { '_dmarc.example.com': [...none, ...none] }, from: 'example.com' })
    assert.deepEqual(
      [two.result, two.reason],
      ['none', 'example.com has 2 DMARC records, so that none counts'],
    )
  })

  test('a malformed record', async () => {
    const bad = await check({ zone: { '_dmarc.example.com': ['v=DMARC1; p=x'] }, from: 'example.com' })
    assert.deepEqual([bad.result, bad.disposition, bad.policyDomain], ['permerror', 'none', 'example.com'])
    const zone = { '_dmarc.example.com': ['v=DMARC1; p=x; rua=mailto:a@example.com'] }
    const reported = await check({ zone, from: 'example.com' })
    assert.deepEqual([reported.result, reported.disposition], ['fail', 'none'])
  })
})

describe('alignment', () => {
  test('strict alignment wants the same domain', async () => {
    const zone = { '_dmarc.example.com': ['v=DMARC1; p=reject; adkim=s; aspf=s'] }
    const other = await check({ zone, from: 'example.com', spf: 'a.example.com', dkim: ['b.example.com'] })
    assert.deepEqual([other.result, other.spf, other.dkim], ['fail', 'none', ['none']])
    assert.deepEqual(other.asked, ['_dmarc.example.com'])
    const same = await check({ zone, from: 'example.com', dkim: ['b.example.com', 'EXAMPLE.com.'] })
    assert.deepEqual([same.result, same.dkim], ['pass', ['none', 'strict']])
  })

  test('RFC 9989 §4.7: aspf says nothing of DKIM, and adkim nothing of SPF', async () => {
    for (const [tags, spf, dkim] of [
      ['adkim=s; aspf=r', 'relaxed', 'none'],
      ['adkim=r; aspf=s', 'none', 'relaxed'],
    ] as const) {
      const zone = { '_dmarc.example.com': [`v=DMARC1; p=reject; ${tags}`] }
      const one = await check({ zone, from: 'example.com', spf: 'a.example.com', dkim: ['b.example.com'] })
      assert.deepEqual([one.spf, one.dkim], [spf, [dkim]], tags)
    }
  })

  test('only what passed counts', async () => {
    const { resolver } = zoneResolver({ '_dmarc.example.com': none })
    for (const result of ['fail', 'softfail', 'neutral', 'none', 'temperror', 'policy', 'PASS', '']) {
      const one = await checkDmarc({
        fromDomains: ['example.com'],
        spf: { result, domain: 'example.com' },
        dkim: [{ result, domain: 'example.com', selector: 's' }],
        resolver,
        signal,
      })
      assert.deepEqual([one.result, one.spf, one.dkim], ['fail', 'none', ['none']], result)
    }
  })

  test('names are compared with A-labels', async () => {
    const zone = { '_dmarc.xn--bcher-kva.example': none }
    const one = await check({ zone, from: 'bücher.example', dkim: ['xn--bcher-kva.EXAMPLE'] })
    assert.deepEqual([one.result, one.authorDomain], ['pass', 'xn--bcher-kva.example'])
  })

  test('domains that cannot be of the organization cost no question', async () => {
    const zone = { '_dmarc.example.com': none }
    const dkim = ['example.net', 'notexample.com', 'x.y.z.com']
    const one = await check({ zone, from: 'example.com', spf: 'mailer.org', dkim })
    assert.equal(one.result, 'fail')
    assert.deepEqual(one.asked, ['_dmarc.example.com', '_dmarc.com'])
    assert.match(one.reason, /SPF passed for mailer\.org and DKIM signatures are valid of example\.net/)
  })

  test('signatures of ever other domains cost a bounded number of questions', async () => {
    const dkim = Array.from({ length: 500 }, (_, i) => `a.b.c.d.e.f.g${i}.h.i.example.com`)
    const zone = { '_dmarc.example.com': ['v=DMARC1; p=reject; adkim=r'], '_dmarc.h.i.example.com': none }
    const one = await check({ zone, from: 'example.com', dkim })
    assert.equal(one.result, 'pass')
    assert.ok(one.asked.length <= 2 + 16 * 8, `${one.asked.length} questions`)
  })
})

describe('questions without an answer', () => {
  test('for the policy', async () => {
    for (const failing of ['_dmarc.a.example.com', '_dmarc.example.com', '_dmarc.com']) {
      const one = await check({ zone: { [failing]: 'failed' }, from: 'a.example.com', spf: 'a.example.com' })
      assert.deepEqual([one.result, one.disposition], ['temperror', 'none'])
      assert.equal(one.reason, `${failing}: no server answers`)
    }
  })

  test('for the alignment, unless something else is aligned', async () => {
    const zone = { '_dmarc.example.com': ['v=DMARC1; p=reject'], '_dmarc.com': 'failed' as const }
    const doubtful = await check({ zone, from: 'example.com', spf: 'a.example.com' })
    assert.deepEqual([doubtful.result, doubtful.disposition], ['temperror', 'none'])
    const good = await check({ zone, from: 'example.com', spf: 'a.example.com', dkim: ['example.com'] })
    assert.equal(good.result, 'pass')
    const foreign = await check({ zone, from: 'example.com', spf: 'example.net' })
    assert.deepEqual([foreign.result, foreign.disposition], ['fail', 'reject'])
  })

  test('for whether the domain is there', async () => {
    const zone = { '_dmarc.example.com': ['v=DMARC1; p=none; np=reject'], 'a.example.com': 'failed' as const }
    assert.equal((await check({ zone, from: 'a.example.com' })).result, 'temperror')
  })

  test('the signal ends the check', async () => {
    const resolver = { resolve: () => Promise.reject(new Error('stopped')) } as AuthResolver
    await assert.rejects(checkDmarc({ fromDomains: ['a.example'], dkim: [], resolver, signal }), /stopped/)
  })
})

describe('From (RFC 9989 §5.3.1, §11.5)', () => {
  const zone = {
    '_dmarc.strict.example': ['v=DMARC1; p=reject'],
    '_dmarc.mild.example': ['v=DMARC1; p=quarantine'],
    '_dmarc.good.example': ['v=DMARC1; p=reject'],
  }

  test('no address, or one without a domain', async () => {
    assert.equal((await check({ zone, from: [] })).result, 'permerror')
    assert.equal((await check({ zone, from: '' })).result, 'permerror')
    assert.equal(
      (await check({ zone, from: ['good.example', 'x..y'], spf: 'good.example' })).result,
      'permerror',
    )
  })

  test('of several domains that fail, the strictest policy', async () => {
    const from = ['good.example', 'mild.example', 'strict.example']
    const one = await check({ zone, from, spf: 'good.example' })
    assert.deepEqual([one.result, one.authorDomain, one.disposition], ['fail', 'strict.example', 'reject'])
  })

  test('passes only if each does', async () => {
    assert.equal(
      (await check({ zone, from: ['good.example', 'good.example.'], spf: 'good.example' })).result,
      'pass',
    )
    assert.equal(
      (await check({ zone, from: ['good.example', 'other.example'], spf: 'good.example' })).result,
      'none',
    )
  })

  test('one domain more than are checked, all of which pass: that is no pass', async () => {
    const all = ['a.example', 'b.example', 'c.example', 'd.example', 'e.example']
    const good = Object.fromEntries(all.map((domain) => [`_dmarc.${domain}`, none]))
    for (const [count, result] of [
      [4, 'pass'],
      [5, 'permerror'],
    ] as const) {
      const one = await check({ zone: good, from: all.slice(0, count), dkim: all })
      assert.equal(one.result, result, `${count} domains`)
    }
  })

  test('more domains than are checked', async () => {
    const from = Array.from({ length: 300 }, (_, i) => `d${i}.example`)
    const one = await check({ zone, from })
    assert.equal(one.result, 'permerror')
    assert.equal(one.asked.length, 5)
    assert.equal((await check({ zone, from: ['strict.example', ...from] })).disposition, 'reject')
  })

  test('domains of the field', () => {
    const read = (header: string) => readAuthorDomains(Buffer.from(header))
    assert.deepEqual(read('Subject: x\r\nFrom: "a@x.example" <b@Y.Example>\r\n\r\nFrom: c@z.example'), [
      'y.example',
    ])
    assert.deepEqual(read('From: a@x.example,\r\n b@y.example, c@X.example\r\n'), ['x.example', 'y.example'])
    assert.deepEqual(read('From: a@x.example\r\nfrom : b@y.example\r\n'), ['x.example', 'y.example'])
    assert.deepEqual(read('From: Some: a@x.example, b@y.example;\r\n'), ['x.example', 'y.example'])
    assert.deepEqual(read('From: Nobody:;\r\n'), [])
    assert.deepEqual(read('To: a@x.example\r\n'), [])
    assert.deepEqual(read('From: a@b\u00fccher.example\r\n'), ['xn--bcher-kva.example'])
    assert.deepEqual(read('From: a@[192.0.2.1], b, c@x.example\r\n'), ['', 'x.example'])
  })
})

test('for any zone: a bounded number of questions, and no policy without a record', async () => {
  const label = fc.constantFrom('a', 'b', 'com')
  const domain = fc.array(label, { minLength: 1, maxLength: 11 }).map((labels) => labels.join('.'))
  const record = fc.oneof(
    fc.constantFrom('v=DMARC1; p=reject', 'v=DMARC1; psd=y; p=none', 'v=DMARC1; psd=n; p=reject; t=y', 'x'),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `v=DMARC1;${text}`),
  )
  const entry = fc.tuple(
    domain.map((name) => `_dmarc.${name}`),
    fc.oneof(fc.array(record, { maxLength: 2 }), fc.constant('failed' as const)),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 8 }).map((entries) => Object.fromEntries(entries)),
      fc.array(domain, { maxLength: 3 }),
      fc.option(domain, { nil: undefined }),
      fc.array(domain, { maxLength: 4 }),
      async (zone, from, spf, dkim) => {
        const one = await check({ zone, from, dkim, ...(spf !== undefined && { spf }) })
        assert.ok(one.asked.length <= from.length * (8 * (dkim.length + 2) + 1))
        assert.equal(one.dkim.length, dkim.length)
        if (one.record === undefined) assert.equal(one.policy, 'none')
        if (one.disposition !== 'none') assert.equal(one.result, 'fail')
        const passes = one.spf !== 'none' || one.dkim.some((alignment) => alignment !== 'none')
        assert.equal(one.result === 'pass', passes)
        const organization = one.organizationalDomain
        if (organization !== undefined) {
          assert.ok(`.${one.authorDomain}`.endsWith(`.${organization}`))
        }
      },
    ),
    { numRuns: 1000 },
  )
})
