import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seal } from '#mailauth/arc-fixture.test.ts'
import { edKey, nowMs, records, signed } from '#mailauth/dkim-fixture.test.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { LiveSettings } from '#registry/live.ts'
import { AuthZone, type ZoneData } from '../../../test/harness/auth-zone.ts'
import { settingsObjects } from '../catalog.ts'
import { authenticationTester } from './troubleshoot-dmarc.ts'

const ed = [{ TXT: records['e._domainkey.example.com'] }]
const zone: ZoneData = {
  'example.com': [{ TXT: 'v=spf1 ip4:192.0.2.1 -all' }, { TXT: 'something else' }],
  '_dmarc.example.com': [{ TXT: 'v=DMARC1; p=reject; rua=mailto:x@example.com' }],
  'e._domainkey.example.com': ed,
  'mx.example.com': [{ A: '192.0.2.1' }],
  '1.2.0.192.in-addr.arpa': [{ PTR: 'mx.example.com' }],
  'e._domainkey.other.example': ed,
  'other.example': [{ TXT: 'v=spf1 ip4:192.0.2.1 -all' }],
  '_dmarc.strict.example': [{ TXT: 'v=DMARC1; p=quarantine; adkim=s; aspf=s' }],
  'news.strict.example': [{ TXT: 'v=spf1 ip4:192.0.2.1 -all' }],
  'e._domainkey.news.strict.example': ed,
  'silent.example': ['TIMEOUT'],
  '_dmarc.silent.example': ['TIMEOUT'],
  'broken.example': [{ TXT: 'v=spf1 nonsense' }],
  '_dmarc.broken.example': [{ TXT: 'v=DMARC1; p=maybe' }],
}

interface Given {
  readonly ip?: string
  readonly helo?: string
  readonly from?: string
  readonly message?: string | Buffer
  readonly config?: string
  readonly zone?: ZoneData
  readonly resolver?: AuthResolver
  readonly signal?: AbortSignal
}

function ask({ ip = '192.0.2.1', helo = 'mx.example.com', from = 'alice@example.com', ...o }: Given) {
  const settings = new LiveSettings(settingsObjects)
  settings.loadText(o.config ?? '', 'test.toml')
  const tester = authenticationTester({
    settings,
    resolver: o.resolver ?? new AuthZone(o.zone ?? zone),
    clock: { now: () => nowMs },
    hostname: () => 'mail.example.org',
  })
  const message = o.message === undefined ? undefined : Buffer.from(o.message)
  const question = { remoteIp: ip, ehloDomain: helo, mailFrom: from, message }
  return tester(question, { signal: o.signal ?? new AbortController().signal })
}

const letter = (from: string): string => `From: <${from}>\r\nSubject: hello\r\n\r\nhow are you?\r\n`
const setting = (text: string): string => `SenderAuth.${text}\n`

test('where all is well: every result with its reason, and no advice', async () => {
  const message = await signed(letter('alice@example.com'))
  assert.deepEqual(await ask({ message }), {
    message: 'whole',
    iprev: { result: 'pass', reason: '192.0.2.1 is mx.example.com', names: ['mx.example.com'] },
    spfEhlo: { result: 'none', reason: 'mx.example.com has no SPF record', domain: 'mx.example.com' },
    spfMailFrom: {
      result: 'pass',
      reason: 'ip4:192.0.2.1 in the record of example.com matches 192.0.2.1',
      domain: 'example.com',
      record: 'v=spf1 ip4:192.0.2.1 -all',
    },
    dkim: [
      {
        domain: 'example.com',
        selector: 'e',
        algorithm: 'ed25519-sha256',
        keyBits: 256,
        testing: false,
        result: 'pass',
        reason: 'the signature is good',
      },
    ],
    arc: { result: 'none', reason: 'nobody on the way has sealed it', sealers: [] },
    dmarc: {
      result: 'pass',
      reason:
        'SPF passed for example.com and a DKIM signature of example.com is valid, which vouches for example.com',
      domain: 'example.com',
      organizationalDomain: 'example.com',
      policyDomain: 'example.com',
      record: 'v=DMARC1; p=reject; rua=mailto:x@example.com',
      problems: [],
      policy: 'reject',
      disposition: 'none',
      spfAlignment: 'strict',
      dkimAlignments: ['strict'],
    },
    outcome: { action: 'accept', reason: 'nothing that SenderAuth demands is missing' },
  })
})

test('a message that was saved with LF alone is checked as it came', async () => {
  const message = (await signed(letter('alice@example.com'))).toString('latin1').replaceAll('\r\n', '\n')
  assert.equal((await ask({ message })).dkim[0]!.result, 'pass')
})

test('what the client and the sender lack, and what to do', async () => {
  const { iprev, spfMailFrom, dmarc, outcome } = await ask({ ip: '192.0.2.9' })
  assert.deepEqual(
    [iprev.result, iprev.advice],
    ['permerror', 'Ask whoever provides 192.0.2.9 to give it a name (PTR), and the name this address.'],
  )
  assert.deepEqual(
    [spfMailFrom.result, spfMailFrom.advice],
    ['fail', 'SPF does not list 192.0.2.9. If it may send for example.com, add ip4:192.0.2.9 to the record.'],
  )
  assert.match(dmarc.advice!, /^Make SPF pass, or better have it signed with d=example\.com/)
  assert.equal(dmarc.disposition, 'reject')
  assert.match(outcome.reason, /example\.com wants it refused, but SenderAuth\.dmarcVerify is "relaxed"$/)
  const nameless = await ask({ from: 'bob@nowhere.example', ip: '2001:db8::1' })
  assert.match(nameless.spfMailFrom.advice!, / nowhere\.example\. TXT "v=spf1 ip6:2001:db8::1 -all"$/)
  assert.match(
    nameless.dmarc.advice!,
    /^Have a record: _dmarc\.nowhere\.example\. TXT "v=DMARC1; p=none; rua=/,
  )
  const led = await ask({ zone: { ...zone, 'mx.example.com': [] } })
  assert.match(led.iprev.advice!, /^Give mx\.example\.com an address record with 192\.0\.2\.1/)
  const silent = await ask({ from: 'bob@silent.example' })
  for (const { result, advice } of [silent.spfMailFrom, silent.dmarc])
    assert.deepEqual([result, advice?.slice(0, 22)], ['temperror', 'The DNS did not answer'])
  const broken = await ask({ from: 'bob@broken.example' })
  assert.match(broken.spfMailFrom.advice!, /^Correct the SPF record of broken\.example/)
  assert.match(broken.dmarc.advice!, /^Correct the record at _dmarc\.broken\.example/)
  assert.deepEqual(broken.dmarc.problems.length, 1)
  const silentMx = await ask({ zone: { ...zone, '1.2.0.192.in-addr.arpa': ['TIMEOUT'] } })
  assert.equal(silentMx.iprev.result, 'temperror')
})

test('what vouches for another domain, and what to do', async () => {
  const key = { ...edKey, domain: 'other.example' }
  const message = await signed(letter('alice@example.com'), [key])
  const { dmarc } = await ask({ message, from: 'bob@other.example' })
  assert.deepEqual([dmarc.result, dmarc.spfAlignment, dmarc.dkimAlignments], ['fail', 'none', ['none']])
  assert.equal(
    dmarc.advice,
    'Have it signed with d=example.com, not only with d=other.example, or send with an address of example.com in MAIL FROM, not of other.example.',
  )
  const below = await signed(letter('x@strict.example'), [{ ...edKey, domain: 'news.strict.example' }])
  const strict = await ask({ message: below, from: 'x@news.strict.example' })
  assert.match(
    strict.dmarc.advice!,
    /the record wants the very domain, adkim=s\).*the very domain, aspf=s\)\.$/,
  )
})

test('what is wrong with a signature, and what to do', async () => {
  const good = (await signed(letter('alice@example.com'))).toString('latin1')
  const first = async (message: string, o: Given = {}) => {
    const [check] = (await ask({ message, ...o })).dkim
    return `${check!.result} ${check!.advice}`
  }
  const record = (text: string): Given => ({
    zone: { ...zone, 'e._domainkey.example.com': text === '' ? [] : [{ TXT: text }] },
  })
  const at = 'e._domainkey.example.com'
  for (const [answer, expected] of [
    [await first(good.replace('how', 'who')), /^fail A list, a filter/],
    [await first(good.replace('hello', 'hi')), new RegExp(`^fail .*was changed on the way, or .* at ${at}`)],
    [await first(good, record('')), new RegExp(`^permerror Publish the key as a TXT record at ${at}`)],
    [await first(good, record('v=DKIM1; k=ed25519; p=')), new RegExp(`^permerror The record at ${at} says`)],
    [
      await first(good, record('v=DKIM1; k=ed25519; p=!')),
      new RegExp(`^permerror Correct the record at ${at}`),
    ],
    [await first(good, { zone: { ...zone, [at]: ['TIMEOUT'] } }), /^temperror The DNS did not answer/],
    [await first(good.replace('a=ed25519-sha256', 'a=rsa-sha1')), /^permerror Sign with rsa-sha256/],
    [await first(good.replace('v=1', 'v=2')), /^permerror Correct what signs/],
    [await first(good.slice(0, good.indexOf('\r\n\r\n'))), /^fail Only the header was given/],
  ] as const)
    assert.match(answer, expected)
  const header = await ask({ message: good.slice(0, good.indexOf('how')) })
  assert.equal(header.message, 'headerOnly')
})

test('without a message it is as for an unsigned one from the sender, or from the client', async () => {
  const sent = await ask({})
  assert.deepEqual([sent.message, sent.dkim, sent.dmarc.result], ['none', [], 'pass'])
  const notice = await ask({ from: '', helo: 'example.com' })
  assert.deepEqual([notice.spfMailFrom.domain, notice.dmarc.domain], ['example.com', 'example.com'])
})

test('what the settings do: the reply of the session, and after which command', async () => {
  const from = 'alice@example.com'
  const forged = { message: letter(from), ip: '192.0.2.9' }
  const outcome = async (o: Given) => (await ask(o)).outcome
  const spf = await outcome({ ...forged, config: setting('spfFromVerify = "strict"') })
  assert.deepEqual([spf.action, spf.after], ['refuse', 'MAIL'])
  assert.match(spf.reply!, /^550 5\.7\.23 SPF does not allow/)
  const dmarc = await outcome({ ...forged, config: setting('dmarcVerify = "strict"') })
  assert.deepEqual(dmarc, {
    action: 'refuse',
    after: 'DATA',
    reply: '550 5.7.1 Refused by the DMARC policy of example.com',
    reason: 'DMARC: neither SPF nor a DKIM signature passed',
  })
  const aside = await outcome({ ...forged, config: setting('dmarcVerify = "quarantine"') })
  assert.equal(aside.action, 'junk')
})

test('what a forwarder vouches for counts where it is trusted and the chain is looked at', async () => {
  const from = { ptype: 'header', property: 'from', value: 'example.com' }
  const found = { authservId: 'x', results: [{ method: 'dmarc', result: 'pass', properties: [from] }] }
  const message = await seal(Buffer.from(letter('alice@example.com')), { found })
  const forwarded = { message, ip: '192.0.2.9' }
  const strict = setting('dmarcVerify = "strict"')
  const trusting = strict + setting('arcTrustedSealers = ["example.com"]')
  const { arc, dmarc, outcome } = await ask({ ...forwarded, config: trusting })
  assert.deepEqual([arc.result, arc.sealers], ['pass', [{ domain: 'example.com', selector: 'e' }]])
  assert.deepEqual([dmarc.result, outcome.action], ['fail', 'accept'])
  assert.match(outcome.reason, /it passed at example\.com, which is trusted$/)
  for (const config of [strict, trusting + setting('arcVerify = "disable"')])
    assert.equal((await ask({ ...forwarded, config })).outcome.action, 'refuse')
  const broken = await ask({ message: message.toString('latin1').replace('how', 'who') })
  assert.match(broken.arc.advice!, /whoever sealed last/)
})

test('whoever asked has left: nothing is waited for any longer', async () => {
  const left = new AbortController()
  const resolver: AuthResolver = {
    resolve: (_name, _type, { signal } = {}) => {
      left.abort()
      return Promise.reject(signal!.reason as Error)
    },
  }
  const { iprev, spfMailFrom, dmarc } = await ask({ resolver, signal: left.signal })
  for (const { result } of [iprev, spfMailFrom, dmarc]) assert.equal(result, 'temperror')
})

test('whatever the message and the client are, there is an answer to show', async () => {
  const fields = [
    'From: <a@example.com>',
    'DKIM-Signature: ',
    'v=1; d=',
    'ARC-Seal: i=1;',
    '\r\n',
    '\n',
    '\xff',
  ]
  const pieces = fc.array(fc.oneof(fc.constantFrom(...fields), fc.string({ maxLength: 5 })), {
    maxLength: 30,
  })
  const address = fc
    .tuple(fc.string({ maxLength: 20 }), fc.string({ maxLength: 300 }))
    .map((all) => all.join('@'))
  await fc.assert(
    fc.asyncProperty(pieces, fc.string({ minLength: 1 }), address, async (message, helo, from) => {
      const shown = await ask({ message: Buffer.from(message.join(''), 'latin1'), helo, from })
      assert.doesNotThrow(() => JSON.stringify(shown))
      assert.ok(['accept', 'junk', 'refuse'].includes(shown.outcome.action))
    }),
    { numRuns: 300 },
  )
})
