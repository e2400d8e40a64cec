import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { makeCertificate, markPurpose } from '../../test/harness/mark-certificates.ts'
import { AuthZone } from '../../test/harness/auth-zone.ts'
import { bimiFields, bimiResult, forgedBimiFields } from './bimi-fields.ts'
import { type BimiCheck, type BimiInput, checkBimi } from './bimi.ts'
import { readAuthorDomains } from './author-domain.ts'
import { dkimCheck, noClaims } from './dkim-check.ts'
import { checkDmarc } from './dmarc.ts'

const svg = Buffer.from(
  '<svg version="1.2" baseProfile="tiny-ps" xmlns="http://www.w3.org/2000/svg"><title>Example</title></svg>',
)
const strict = { '_dmarc.example.org': ['v=DMARC1; p=reject'] }
const record = { 'default._bimi.example.org': ['v=BIMI1; l=https://example.org/m.svg'] }
const documents: Record<string, Uint8Array> = {
  'https://example.org/m.svg': svg,
  'https://example.org/z.svg': gzipSync(svg),
  'https://example.org/bad.svg': Buffer.from('<svg/>'),
}

/** The texts of a name; `failed` gives no answer. */
type Texts = Readonly<Record<string, readonly string[] | 'failed'>>

function zoneOf(texts: Texts): AuthZone {
  const records = (found: readonly string[] | 'failed') =>
    found === 'failed' ? (['TIMEOUT'] as const) : found.map((text) => ({ TXT: text }))
  return new AuthZone(
    Object.fromEntries(Object.entries(texts).map(([name, found]) => [name, records(found)])),
  )
}

interface Case {
  readonly texts?: Texts
  readonly header?: string
  readonly authenticated?: boolean
  /** By a signature of the author's domain, or by another one that passed too. */
  readonly selectorSignedBy?: 'author' | 'stranger'
  readonly documents?: Record<string, Uint8Array>
  readonly roots?: readonly string[]
}

async function check(o: Case = {}): Promise<BimiCheck & { asked: string[]; fetched: string[] }> {
  const header = Buffer.from(o.header ?? 'From: Alice <alice@example.org>\r\n\r\n')
  const resolver = zoneOf(o.texts ?? { ...strict, ...record })
  const signal = new AbortController().signal
  const fromDomains = readAuthorDomains(header)
  const reason = o.authenticated === false ? 'signature' : 'verified'
  const dkim = [...fromDomains, 'stranger.example'].map((domain) => {
    const isSigned = o.selectorSignedBy === (domain === 'stranger.example' ? 'stranger' : 'author')
    const names = isSigned ? ['from', 'bimi-selector'] : ['from']
    return dkimCheck({ ...noClaims, domain, selector: 's' }, reason, '', undefined, names)
  })
  const dmarc = await checkDmarc({ fromDomains, dkim, resolver, signal })
  resolver.asked.length = 0
  const fetched: string[] = []
  const input: BimiInput = {
    header,
    dmarc,
    dkim,
    resolver,
    fetchDocument: (address, { maxBytes }) => {
      fetched.push(address)
      const found = { ...documents, ...o.documents }[address]
      return Promise.resolve(found !== undefined && found.length <= maxBytes ? found : undefined)
    },
    trustedRoots: (o.roots ?? []).map((pem) => new X509Certificate(pem)),
    now: new Date('2030-01-01'),
    signal,
  }
  return {
    ...(await checkBimi(input)),
    asked: resolver.asked
      .filter((asked) => asked.includes('_bimi'))
      .map((asked) => asked.slice('TXT '.length)),
    fetched,
  }
}

const propertiesOf = (checked: BimiCheck) =>
  bimiResult(checked).properties.map(({ ptype, property, value }) => [`${ptype}.${property}`, value])

const outcome = ({ result, reason }: BimiCheck): string =>
  reason === undefined ? result : `${result}: ${reason}`

test('a message that passes shows the indicator of its domain', async () => {
  const checked = await check()
  assert.equal(outcome(checked), 'pass')
  assert.deepEqual(checked.svg, svg)
  assert.equal(checked.authority, 'none')
  assert.deepEqual(checked.fetched, ['https://example.org/m.svg'])
  const compressed = await check({
    texts: { ...strict, 'default._bimi.example.org': ['v=BIMI1;l=https://example.org/z.svg'] },
  })
  assert.deepEqual(compressed.svg, svg)
})

test('nothing is looked up without DMARC, or where its policies leave something open (§7.1)', async () => {
  const outcomeOf = async (o: Case) => {
    const checked = await check(o)
    assert.deepEqual([checked.asked, checked.fetched, checked.svg], [[], [], undefined])
    return outcome(checked)
  }
  assert.equal(await outcomeOf({ authenticated: false }), 'skipped: message failed DMARC')
  assert.equal(await outcomeOf({ texts: record }), 'skipped: no DMARC policy')
  const lax = [
    'p=none',
    'p=reject; sp=none',
    'p=quarantine; pct=99',
    'p=quarantine;pct=0;',
    'p=quarantine; t=y',
    'p=reject; t=y',
    'p=bad; rua=mailto:a@example.org',
  ]
  for (const policy of lax) {
    const texts = { ...record, '_dmarc.example.org': [`v=DMARC1; ${policy}`] }
    assert.equal(await outcomeOf({ texts }), 'skipped: too lax DMARC policy', policy)
  }
  const two = [
    'From: a@example.org, b@example.org\r\n\r\n',
    'From: a@example.org\r\nFrom: a@example.org\r\n\r\n',
  ]
  for (const header of two) assert.equal(await outcomeOf({ header }), 'skipped: not one author')
})

test('policies that are strict enough', async () => {
  for (const policy of [
    'p=reject',
    'p=quarantine',
    'p=quarantine; pct=100',
    'p=reject; pct=20; sp=quarantine',
  ]) {
    const texts = { ...record, '_dmarc.example.org': [`v=DMARC1; ${policy}`] }
    assert.equal(outcome(await check({ texts })), 'pass', policy)
  }
})

test('below an organizational domain its policy counts too, and its record is the second choice (§7.2)', async () => {
  const header = 'From: a@news.example.org\r\n\r\n'
  const own = { '_dmarc.news.example.org': ['v=DMARC1; p=reject'] }
  const checked = await check({ header, texts: { ...strict, ...record } })
  assert.equal(outcome(checked), 'pass')
  assert.equal(checked.found?.domain, 'example.org')
  assert.deepEqual(checked.asked, ['default._bimi.news.example.org', 'default._bimi.example.org'])
  assert.equal(
    outcome(
      await check({ header, texts: { ...record, ...own, '_dmarc.example.org': ['v=DMARC1; p=none'] } }),
    ),
    'skipped: too lax DMARC policy',
  )
  const laxBelow = { '_dmarc.news.example.org': ['v=DMARC1; p=reject; sp=none'] }
  assert.equal(
    outcome(await check({ header, texts: { ...strict, ...record, ...laxBelow } })),
    'skipped: too lax DMARC policy',
  )
  const declined = { 'default._bimi.news.example.org': ['v=BIMI1; l=; a=;'] }
  assert.equal(outcome(await check({ header, texts: { ...strict, ...record, ...declined } })), 'declined')
})

test('where the policy is that of a public suffix', async () => {
  const header = 'From: a@example.bank\r\n\r\n'
  const own = { 'default._bimi.example.bank': ['v=BIMI1; l=https://example.org/m.svg'] }
  const outcomeOf = async (policy: string) =>
    outcome(await check({ header, texts: { ...own, '_dmarc.bank': [`v=DMARC1; psd=y; ${policy}`] } }))
  assert.equal(await outcomeOf('p=reject'), 'pass')
  assert.equal(await outcomeOf('p=none'), 'skipped: too lax DMARC policy')
})

test('what is found in the DNS', async () => {
  const outcomeOf = async (texts: Texts) => outcome(await check({ texts: { ...strict, ...texts } }))
  assert.equal(await outcomeOf({}), 'none')
  const name = 'default._bimi.example.org'
  assert.equal(await outcomeOf({ [name]: ['v=spf1 -all'] }), 'none')
  assert.equal(await outcomeOf({ [name]: ['v=spf1 -all', 'v=BIMI1;l=https://example.org/m.svg'] }), 'pass')
  assert.equal(await outcomeOf({ [name]: ['v=BIMI1;l=', 'v=BIMI1;l='] }), 'fail: several records')
  assert.equal(await outcomeOf({ [name]: ['v=BIMI1'] }), 'fail: no l= in the record')
  assert.equal(await outcomeOf({ [name]: 'failed' }), 'temperror: record could not be looked up')
  assert.equal(await outcomeOf({ [name]: ['v=BIMI1;l='] }), 'declined')
})

test('BIMI-Selector counts where it is signed (§5.5)', async () => {
  const header = 'From: a@example.org\r\nBIMI-Selector: v=BIMI1; s=brand\r\n\r\n'
  const unsigned = await check({ header })
  assert.deepEqual([outcome(unsigned), unsigned.found?.selector], ['pass', 'default'])
  const foreign = await check({ header, selectorSignedBy: 'stranger' })
  assert.equal(foreign.found?.selector, 'default')
  const signed = await check({ header, selectorSignedBy: 'author' })
  assert.deepEqual([outcome(signed), signed.asked], ['none', ['brand._bimi.example.org']])
  const twice = header.replace('\r\n\r\n', '\r\nBIMI-Selector: v=BIMI1; s=other\r\n\r\n')
  assert.equal(
    outcome(await check({ header: twice, selectorSignedBy: 'author' })),
    'fail: several BIMI-Selector fields',
  )
  const bad = header.replace('brand', '..')
  assert.equal(
    outcome(await check({ header: bad, selectorSignedBy: 'author' })),
    'fail: bad s= in BIMI-Selector',
  )
})

test('local parts as selectors (§4.5)', async () => {
  const header = 'From: "First.Last+tag"@example.org\r\n\r\n'
  const base = { ...strict, 'default._bimi.example.org': ['v=BIMI1; l=; lps=true'] }
  const name = 'first-last._bimi.example.org'
  const found = await check({ header, texts: { ...base, [name]: ['v=BIMI1; l=https://example.org/m.svg'] } })
  assert.deepEqual([outcome(found), found.found?.selector], ['pass', 'first-last'])
  const shown = 'v=BIMI1;l=https://example.org/m.svg'
  for (const texts of [{}, { [name]: ['v=BIMI1'] }, { [name]: [shown, shown] }]) {
    const checked = await check({ header, texts: { ...base, ...texts } })
    assert.deepEqual([outcome(checked), checked.asked.at(-1)], ['declined', name])
  }
  assert.equal(
    outcome(await check({ header, texts: { ...base, [name]: 'failed' } })),
    'temperror: record could not be looked up',
  )
})

test('an indicator that is not there, too large or not of the profile', async () => {
  const outcomeOf = async (address: string, more?: Record<string, Uint8Array>) =>
    outcome(
      await check({
        texts: { ...strict, 'default._bimi.example.org': [`v=BIMI1;l=${address}`] },
        ...(more !== undefined && { documents: more }),
      }),
    )
  const address = 'https://example.org/none.svg'
  assert.equal(await outcomeOf(address), 'fail: indicator could not be fetched')
  assert.equal(
    await outcomeOf(address, { [address]: Buffer.alloc(32_769) }),
    'fail: indicator could not be fetched',
  )
  assert.equal(await outcomeOf('https://example.org/bad.svg'), 'fail: SVG: element svg')
})

const root = makeCertificate({ name: 'Root', isAuthority: true, purposes: [markPurpose] })
const evidence = 'https://example.org/m.pem'
const withEvidence = {
  ...strict,
  'default._bimi.example.org': [`v=BIMI1; l=https://example.org/m.svg; a=${evidence}; avp=brand`],
}
const certificateFor = (names: readonly string[], shown: Uint8Array = svg): Buffer =>
  Buffer.from(makeCertificate({ issuer: root, purposes: [markPurpose], names, svg: shown }).pem)

test('evidence, where the record names it, must hold the same indicator (§7.4, §7.9)', async () => {
  const outcomeOf = async (document?: Uint8Array, roots = [root.pem]) => {
    const checked = await check({
      texts: withEvidence,
      roots,
      ...(document !== undefined && { documents: { [evidence]: document } }),
    })
    return [outcome(checked), checked.authority, checked.svg !== undefined]
  }
  const good = certificateFor(['example.org'])
  assert.deepEqual(await outcomeOf(good), ['pass', 'pass', true])
  assert.deepEqual(await outcomeOf(), ['fail: evidence could not be fetched', 'fail', false])
  const untrusted = 'fail: certificate not issued by a trusted authority'
  assert.deepEqual(await outcomeOf(good, []), [untrusted, 'fail', false])
  const foreign = certificateFor(['example.com'])
  assert.deepEqual(await outcomeOf(foreign), ['fail: certificate is for another domain', 'fail', false])
  const other = Buffer.from(svg.toString().replace('Example', 'Other'))
  assert.deepEqual(await outcomeOf(certificateFor(['example.org'], other)), [
    'fail: indicator is not that of the evidence',
    'pass',
    false,
  ])
})

test('a certificate of the organizational domain is evidence for a domain below it', async () => {
  const checked = await check({
    header: 'From: a@news.example.org\r\n\r\n',
    texts: { ...strict, 'default._bimi.news.example.org': withEvidence['default._bimi.example.org'] },
    documents: { [evidence]: certificateFor(['example.org']) },
    roots: [root.pem],
  })
  assert.deepEqual([outcome(checked), checked.found?.domain], ['pass', 'news.example.org'])
})

test('properties and fields of a result', async () => {
  const checked = await check({
    texts: withEvidence,
    documents: { [evidence]: certificateFor(['example.org']) },
    roots: [root.pem],
  })
  assert.deepEqual(propertiesOf(checked), [
    ['header.d', 'example.org'],
    ['header.selector', 'default'],
    ['policy.authority', 'pass'],
    ['policy.authority-uri', evidence],
    ['policy.indicator-uri', 'https://example.org/m.svg'],
    // The end of what sha256sum says.
    ['policy.indicator-hash', '1721c344'],
    ['policy.logo-preference', 'brand'],
  ])
  const [location, indicator, preference] = bimiFields(checked).map(String)
  assert.equal(location, `BIMI-Location: v=BIMI1;\r\n l=https://example.org/m.svg;\r\n a=${evidence}\r\n`)
  assert.match(indicator ?? '', /^BIMI-Indicator:(?:\r\n [A-Za-z0-9+/=]{1,76})+\r\n$/)
  assert.deepEqual(Buffer.from((indicator ?? '').slice('BIMI-Indicator:'.length), 'base64'), svg)
  assert.equal(preference, 'BIMI-Logo-Preference: avp=brand;\r\n')
})

test('without a pass there are no fields', async () => {
  const declined = await check({ texts: { ...strict, 'default._bimi.example.org': ['v=BIMI1;l='] } })
  assert.deepEqual(bimiFields(declined), [])
  const bad = await check({
    texts: { ...strict, 'default._bimi.example.org': ['v=BIMI1;l=https://example.org/bad.svg'] },
  })
  assert.deepEqual([bad.result, bimiFields(bad)], ['fail', []])
  assert.deepEqual(propertiesOf(declined), [
    ['header.d', 'example.org'],
    ['header.selector', 'default'],
    ['policy.authority', 'none'],
  ])
  assert.deepEqual(propertiesOf(await check({ authenticated: false })), [])
})

test('fields that came with the message are found, in any case and folded (§7.8)', () => {
  const text =
    'bimi-indicator: AAAA\r\n BBBB\r\nFrom: a@example.org\r\nBIMI-Location : v=BIMI1\r\nBIMI-Selector: v=BIMI1; s=a\r\nBimi-Logo-Preference:x\r\n\r\nBIMI-Location: body'
  const kept = forgedBimiFields(Buffer.from(text)).reduceRight(
    (rest, { start, end }) => rest.slice(0, start) + rest.slice(end),
    text,
  )
  assert.equal(kept, 'From: a@example.org\r\nBIMI-Selector: v=BIMI1; s=a\r\n\r\nBIMI-Location: body')
})
