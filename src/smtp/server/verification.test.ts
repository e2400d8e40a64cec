import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { listMailboxes } from '#mail/mailbox.ts'
import { entryTable } from '#mail/tables.ts'
import { DkimSigner } from '#mailauth/dkim-sign.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { queuedMessageTable } from '#queue/tables.ts'
import { MessageVerifier } from '#mailauth/message-verifier.ts'
import { parseIp } from '#base/ip.ts'
import type { BlobHash } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import { AuthZone, type ZoneData } from '../../../test/harness/auth-zone.ts'
import { keyFor, noChecks, publicKey, startedAt, TestServer, type TestServerOptions } from './fixture.test.ts'
import type { SenderChecks } from './settings.ts'

/** Clients of the fixture come from 192.0.2.1. */
const zone: ZoneData = {
  'good.example': [{ TXT: 'v=spf1 ip4:192.0.2.1 -all' }],
  's1._domainkey.good.example': [{ TXT: `v=DKIM1; k=ed25519; p=${publicKey}` }],
  '_dmarc.good.example': [{ TXT: 'v=DMARC1; p=reject' }],
  'bad.example': [{ TXT: 'v=spf1 -all exp=why.bad.example' }],
  'why.bad.example': [{ TXT: 'Not from %{i}' }],
  '_dmarc.bad.example': [{ TXT: 'v=DMARC1; p=reject' }],
  '_dmarc.careful.example': [{ TXT: 'v=DMARC1; p=quarantine' }],
  'slow.example': ['TIMEOUT'],
  '_dmarc.slow.example': ['TIMEOUT'],
  'broken.example': [{ TXT: 'v=spf1 nonsense' }],
  'client.example': [{ A: '192.0.2.1' }],
  '1.2.0.192.in-addr.arpa': [{ PTR: 'client.example' }],
}

const relaxed: SenderChecks = {
  ...noChecks,
  reverseIpVerify: 'relaxed',
  spfEhloVerify: 'relaxed',
  spfFromVerify: 'relaxed',
  dkimVerify: 'relaxed',
  arcVerify: 'relaxed',
  dmarcVerify: 'relaxed',
}

const start = (checks: Partial<SenderChecks> = {}, o: TestServerOptions = {}, resolver?: AuthResolver) =>
  TestServer.start({
    ...o,
    limits: { checks: { ...relaxed, ...checks }, ...o.limits },
    deps: { resolver: resolver ?? new AuthZone(zone), ...o.deps },
  })

const messageFrom = (domain: string, more = ''): string =>
  `${more}From: <me@${domain}>\r\nTo: <alice@example.org>\r\n\r\ntext\r\n`

const send = (from: string, message: string): string =>
  `EHLO client.example\r\nMAIL FROM:<${from}>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n${message}.\r\nQUIT\r\n`

/** Replies to MAIL and to the message. */
async function replies(s: TestServer, from: string, message: string): Promise<readonly string[]> {
  const lines = (await s.talk('smtp', send(from, message)))
    .split('\r\n')
    .filter((line) => /^\d{3} /.test(line))
  return [lines[2]!, lines.at(-2)!]
}

async function signedBy(domain: string, message: string): Promise<string> {
  const signer = new DkimSigner({ keys: [keyFor(domain)], nowMs: startedAt })
  const end = message.indexOf('\r\n\r\n') + 4
  signer.header(Buffer.from(message.slice(0, end)))
  signer.body(Buffer.from(message.slice(end)))
  return (await signer.end()).toString('latin1') + message
}

const unfolded = (message: string): string => message.replaceAll(/\r\n[ \t]+/g, ' ')

test('what was found out stands above Received, and in the log', async () => {
  await using s = await start()
  const message = await signedBy('good.example', messageFrom('good.example'))
  assert.match((await replies(s, 'me@good.example', message))[1]!, /^250 /)
  const [stored] = await s.messages('alice')
  const lines = unfolded(stored!).split('\r\n')
  assert.match(lines[0]!, /^Return-Path:/)
  assert.match(lines[1]!, /^Delivered-To:/)
  // Of a signature that happens to begin with a slash, the beginning is quoted.
  const begun = /b=([^;]{8})/.exec(/ b=.*/.exec(message)![0])![1]!
  assert.equal(
    lines[2]!.replace(`"${begun}"`, begun),
    'Authentication-Results: mx.example.org; iprev=pass policy.iprev=192.0.2.1;' +
      ' spf=none smtp.helo=client.example; spf=pass smtp.mailfrom=me@good.example;' +
      ` dkim=pass header.d=good.example header.s=s1 header.a=ed25519-sha256 header.b=${begun};` +
      ' arc=none; dmarc=pass header.from=good.example policy.dmarc=reject',
  )
  assert.match(lines[3]!, /^Received-SPF: pass .*client-ip=192\.0\.2\.1/)
  assert.match(lines[4]!, /^Received: /)
  const [told] = s.heard('smtp.message-checked')
  assert.deepEqual(
    [told!['iprev'], told!['spfEhlo'], told!['spfFrom'], told!['dkim'], told!['dmarc']],
    ['pass', 'none', 'pass', ['pass good.example'], 'pass good.example'],
  )
  assert.equal(s.heard('smtp.dmarc-pass').length, 1)
})

test('a signature counts however the message is cut, and not when the body was changed', async () => {
  await using s = await start()
  const message = await signedBy('good.example', messageFrom('good.example'))
  const input = send('me@other.example', message)
  const cuts = Array.from({ length: input.length - 1 }, (_, i) => i + 1)
  await s.talk('smtp', input, cuts)
  await s.talk('smtp', send('me@other.example', message.replace('text', 'tent')))
  const [good, changed] = (await s.messages('alice')).map(unfolded)
  assert.match(good!, / dkim=pass .*; dmarc=pass /)
  assert.match(changed!, / dkim=fail reason="the body has been changed" .*; dmarc=fail /)
})

test('results that claim to be ours are taken out, those of others stay', async () => {
  await using s = await start()
  const forged =
    'Authentication-Results: MX.example.org;\r\n dmarc=pass header.from=good.example\r\n' +
    'Authentication-Results: elsewhere.example; dmarc=pass\r\n'
  await replies(s, 'me@bad.example', messageFrom('bad.example', forged))
  const [stored] = (await s.messages('alice')).map(unfolded)
  const claims = stored!.split('\r\n').filter((line) => line.startsWith('Authentication-Results:'))
  assert.equal(claims.length, 2)
  assert.match(claims[0]!, /mx\.example\.org;.* dmarc=fail /)
  assert.equal(claims[1], 'Authentication-Results: elsewhere.example; dmarc=pass')
})

const indicator =
  '<svg version="1.2" baseProfile="tiny-ps" xmlns="http://www.w3.org/2000/svg"><title>Good</title></svg>'

test('what a sender says of its own brand is taken out, and ours is put there only where it is asked for', async () => {
  const resolver = new AuthZone({
    ...zone,
    'default._bimi.good.example': [{ TXT: 'v=BIMI1; l=https://good.example/logo.svg' }],
  })
  const forged = 'BIMI-Indicator: PHN2Zy8+\r\nBIMI-Location: v=BIMI1; l=https://evil.example/\r\n'
  const message = messageFrom('good.example', forged)
  const asked: string[] = []
  const fetchDocument = async (address: string) => {
    asked.push(address)
    return Buffer.from(indicator)
  }
  for (const bimiVerify of ['disable', 'relaxed'] as const) {
    await using s = await start({ bimiVerify }, { deps: { fetchDocument } }, resolver)
    await replies(s, 'me@good.example', message)
    const [stored] = (await s.messages('alice')).map(unfolded)
    assert.ok(!stored!.includes('evil.example') && !stored!.includes('PHN2Zy8+\r\n'))
    assert.equal(stored!.includes(' bimi=pass '), bimiVerify === 'relaxed')
    const shown = /^BIMI-Indicator: (.*)$/m.exec(stored!)?.[1]
    const expected = bimiVerify === 'relaxed' ? indicator : undefined
    assert.equal(shown && Buffer.from(shown, 'base64').toString(), expected)
  }
  assert.deepEqual(asked, ['https://good.example/logo.svg'])
})

test('a brand of a forger is not even asked for', async () => {
  const fetchDocument = () => assert.fail('nothing is fetched')
  await using s = await start({ bimiVerify: 'relaxed' }, { deps: { fetchDocument } })
  await replies(s, 'me@bad.example', messageFrom('bad.example'))
  assert.match(unfolded((await s.messages('alice'))[0]!), / bimi=skipped /)
})

test('strict checks of the sender are answered at MAIL', async () => {
  await using s = await start({ spfFromVerify: 'strict' })
  const [bad] = await replies(s, 'me@bad.example', messageFrom('bad.example'))
  assert.equal(
    bad,
    '550 5.7.23 SPF does not allow your address to send for bad.example; bad.example explains: Not from 192.0.2.1',
  )
  assert.match((await replies(s, 'me@slow.example', messageFrom('x.example')))[0]!, /^451 4\.7\.24 /)
  assert.match((await replies(s, 'me@broken.example', messageFrom('x.example')))[0]!, /^550 5\.7\.24 /)
  assert.match((await replies(s, 'me@none.example', messageFrom('x.example')))[1]!, /^250 /)
  assert.equal(s.heard('smtp.message-rejected')[0]!['stage'], 'mail')
  await using ehlo = await start({ spfEhloVerify: 'strict' })
  const asBad = send('me@good.example', messageFrom('good.example')).replace('client', 'bad')
  assert.match(await ehlo.talk('smtp', asBad), /\r\n550 5\.7\.23 /)
})

test('a client without a name that leads back is refused where that is demanded', async () => {
  const strict = { reverseIpVerify: 'strict' } as const
  await using named = await start(strict)
  assert.match((await replies(named, 'me@none.example', messageFrom('x.example')))[1]!, /^250 /)
  await using nameless = await start(strict, {}, new AuthZone({}))
  assert.match((await replies(nameless, 'me@none.example', messageFrom('x.example')))[0]!, /^550 5\.7\.25 /)
})

test('strict DKIM wants one good signature', async () => {
  await using s = await start({ dkimVerify: 'strict' })
  const plain = messageFrom('good.example')
  assert.match((await replies(s, 'me@good.example', plain))[1]!, /^550 5\.7\.20 /)
  assert.match((await replies(s, 'me@good.example', await signedBy('good.example', plain)))[1]!, /^250 /)
  const unknown = await signedBy('good.example', plain)
  await using offline = await start(
    { dkimVerify: 'strict' },
    {},
    {
      resolve: async () => ({ kind: 'failed', reason: 'no answer' }),
    },
  )
  assert.match((await replies(offline, 'me@good.example', unknown))[1]!, /^451 4\.7\.5 /)
})

test('DMARC by setting: told, put aside, refused', async () => {
  for (const [dmarcVerify, domain, expected] of [
    ['relaxed', 'bad.example', 'inbox'],
    ['quarantine', 'bad.example', 'junk'],
    ['quarantine', 'good.example', 'inbox'],
    ['strict', 'bad.example', '550 5.7.1 Refused by the DMARC policy of bad.example'],
    ['strict', 'careful.example', 'junk'],
    ['strict', 'slow.example', 'inbox'],
  ] as const) {
    await using s = await start({ dmarcVerify })
    const [, said] = await replies(s, `me@${domain}`, messageFrom(domain))
    const found = said!.startsWith('250 ') ? await mailboxOf(s) : said
    assert.equal(found, expected, `${dmarcVerify} ${domain}`)
  }
})

/** The role of the mailbox that alice's only message is in. */
async function mailboxOf(s: TestServer): Promise<string | undefined> {
  const account = s.accounts.get('alice')!.id
  return s.db.read(async (tx) => {
    const [entry] = await tx.list(entryTable, [account])
    return (await listMailboxes(tx, account)).find(({ id }) => id === entry![0][1])?.role
  })
}

/** A name server that says nothing. */
const never: AuthResolver = {
  resolve: async (_name, _type, { signal } = {}) => {
    signal!.throwIfAborted()
    await once(signal!, 'abort')
    throw signal!.reason
  },
}

test('checks that take too long count as not made, and do not hold the message', async () => {
  await using s = await start({ timeout: 1000 }, {}, never)
  const message = await signedBy('good.example', messageFrom('good.example'))
  assert.match((await replies(s, 'me@good.example', message))[1]!, /^250 /)
  const [stored] = (await s.messages('alice')).map(unfolded)
  assert.match(
    stored!,
    /iprev=temperror reason="the DNS does not answer now" .*spf=temperror .*dkim=temperror .*dmarc=temperror /,
  )
})

test('whatever is answered for good is counted for reports, with what was done', async () => {
  const seen: string[] = []
  const reports: TestServerOptions['deps'] = {
    reports: {
      record: ({ verdict, origin, applied }) =>
        void seen.push(`${verdict.dmarc?.result} ${applied} ${origin.sender}`),
    },
  }
  await using strict = await start({ dmarcVerify: 'strict' }, { deps: reports })
  await replies(strict, 'me@good.example', messageFrom('good.example'))
  await replies(strict, '', messageFrom('bad.example'))
  await replies(strict, '', messageFrom('careful.example'))
  await using relaxed = await start({}, { deps: reports })
  await replies(relaxed, 'me@bad.example', messageFrom('bad.example'))
  const refused = [
    'pass none me@good.example',
    'fail reject ',
    'fail quarantine ',
    'fail none me@bad.example',
  ]
  assert.deepEqual(seen, refused)

  // Two servers would report about each other's reports for ever.
  const incomingReports = {
    recognise: () => ({ blob: '' as BlobHash, sizeBytes: 0, to: [], receivedAt: 0, dmarc: '' }),
  }
  await using report = await start({}, { deps: { ...reports, incomingReports } })
  assert.match((await replies(report, 'me@good.example', messageFrom('good.example')))[1]!, /^250 /)
  assert.deepEqual(seen, refused)

  // It comes again.
  const signed = await signedBy('good.example', messageFrom('good.example'))
  const silent: AuthResolver = { resolve: async () => ({ kind: 'failed', reason: 'no answer' }) }
  await using unknown = await start({ dkimVerify: 'strict' }, { deps: reports }, silent)
  assert.match((await replies(unknown, 'me@good.example', signed))[1]!, /^451 /)
  assert.deepEqual(seen, refused)
})

test('strict checks of the sender that take too long are for later', async () => {
  await using s = await start({ timeout: 1000, spfFromVerify: 'strict' }, {}, never)
  assert.match((await replies(s, 'me@good.example', messageFrom('good.example')))[0]!, /^451 4\.7\.24 /)
})

test('DMARC looks at signatures where they are not asked for otherwise', async () => {
  await using s = await start({ dkimVerify: 'disable', spfFromVerify: 'disable', dmarcVerify: 'strict' })
  const message = await signedBy('good.example', messageFrom('good.example'))
  assert.match((await replies(s, 'me@other.example', message))[1]!, /^250 /)
})

test('mail of users and of servers of ours is not checked', async () => {
  const resolver = new AuthZone(zone)
  await using s = await start({}, {}, resolver)
  await s.talk('lmtp', send('me@bad.example', messageFrom('bad.example')).replace('EHLO', 'LHLO'))
  const [stored] = await s.messages('alice')
  assert.doesNotMatch(stored!, /Authentication-Results/)
  assert.deepEqual(resolver.asked, [])
})

test('what a user sends to others is signed, with the fields that were added, and verifies', async () => {
  const keysOf = (domain: string) => (domain === 'example.org' ? [keyFor('example.org')] : [])
  await using s = await start({}, { deps: { keysOf } })
  const c = await s.secured('submission')
  await c.ask(`AUTH PLAIN ${Buffer.from('\0alice@example.org\0secret').toString('base64')}`, '235 ')
  const submit = async (from: string, ...to: readonly string[]): Promise<void> => {
    await c.ask(`MAIL FROM:<alice@example.org>`, '250 ')
    for (const one of to) await c.ask(`RCPT TO:<${one}>`, '250 ')
    await c.ask('DATA', '354 ')
    await c.ask(`From: <${from}>\r\nSubject: hello\r\n\r\ntext\r\n.`, '250 ')
  }
  await submit('alice@example.org', 'bob@example.org')
  await submit('alice@example.org', 'bob@example.org', 'dave@good.example')
  await submit('ceo@example.net', 'dave@good.example')
  const [local, both] = await s.messages('bob')
  assert.doesNotMatch(local!, /DKIM-Signature/)
  assert.doesNotMatch(both!, /DKIM-Signature/)
  const queued = await s.db.read((tx) => tx.list(queuedMessageTable, []))
  for (const [, { before, blob, sizeBytes }] of queued) {
    const message = Buffer.concat([
      Buffer.from(before),
      Buffer.from(await s.blobs.readRange(blob, 0, sizeBytes)),
    ])
    const resolver = new AuthZone({
      's1._domainkey.example.org': [{ TXT: `v=DKIM1; k=ed25519; p=${publicKey}` }],
    })
    const verifier = new MessageVerifier({
      origin: { ip: parseIp('192.0.2.9')!, helo: 'x', sender: '' },
      wanted: { iprev: false, spfHelo: false, spf: false, dkim: true, arc: false, dmarc: false, bimi: false },
      resolver,
      receiver: 'x',
      nowMs: startedAt,
      signal: new AbortController().signal,
      known: new Lru(1),
      trustedSealers: [],
      bimi: { fetchDocument: async () => undefined, trustedRoots: () => [] },
      dkim: { maxSignatures: 10, strict: true },
    })
    const end = message.indexOf('\r\n\r\n') + 4
    verifier.header(message.subarray(0, end))
    verifier.body(message.subarray(end))
    const { dkim } = await verifier.end()
    assert.deepEqual(
      dkim!.map(({ result, domain }) => [result, domain]),
      [['pass', 'example.org']],
    )
    assert.match(message.toString(), /^DKIM-Signature: [^]*\r\nReceived: [^]*\r\nDate: [^]*\r\nMessage-ID: /)
  }
  assert.equal(queued.length, 2)
})

test('look-ups end with the transaction that they are for', async () => {
  const signals: AbortSignal[] = []
  const resolver: AuthResolver = {
    resolve: (_name, _type, o) =>
      new Promise((_, reject) => {
        signals.push(o!.signal!)
        o!.signal!.addEventListener('abort', () => reject(new Error('over')))
      }),
  }
  await using s = await start({}, {}, resolver)
  const c = await s.greeted()
  await c.ask('MAIL FROM:<me@good.example>', '250 ')
  assert.ok(signals.length > 0)
  assert.ok(signals.every(({ aborted }) => !aborted))
  await c.ask('RSET', '250 ')
  assert.ok(signals.every(({ aborted }) => aborted))
})
