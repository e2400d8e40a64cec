import assert from 'node:assert/strict'
import { createHmac, hash } from 'node:crypto'
import { test } from 'node:test'
import { makeStore } from '../fixture.test.ts'
import { deriveScramKeys } from '../verifiers/scram-keys.ts'
import type { SaslContext, SaslMechanism, SaslStep } from './mechanism.ts'
import { SaslMechanisms } from './mechanisms.ts'
import { scramSha256, scramSha256Plus } from './scram.ts'
import { scramClient } from './scram-client.test.ts'
import { readClientFinal, readClientFirst } from './scram-messages.ts'

const from = { ip: '192.0.2.1', protocol: 'imap' }
const password = 'correct horse battery'
const tls13: NonNullable<SaslContext['tls']> = {
  version: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  exportKey: (label, bytes) => Buffer.alloc(bytes, label.length),
}

async function withAlice(scramKeys = true) {
  const store = makeStore({ settings: { scramKeys } })
  await store.accounts.createDomain({ name: 'example.org' })
  const alice = await store.accounts.createAccount({ name: 'alice@example.org', password })
  store.told.length = 0
  return { ...store, alice }
}

interface Dialogue {
  readonly name?: string
  readonly password?: string
  readonly header?: string
  readonly bound?: Uint8Array
  readonly tls?: SaslContext['tls']
  readonly mechanism?: SaslMechanism
  /** Between the server's first message and the client's last. */
  readonly meanwhile?: () => Promise<unknown>
  /** Only what the server says first is wanted. */
  readonly stopsEarly?: true
  readonly spoil?: (final: string) => string
}

/** What comes of an exchange with a client by the book, apart from what the dialogue says. */
async function talk(signIn: SaslContext['signIn'], o: Dialogue = {}) {
  const exchange = (o.mechanism ?? scramSha256).start({ signIn, from, tls: o.tls })
  const header = o.header ?? 'n,,'
  const client = scramClient({
    name: o.name ?? 'alice@example.org',
    password: o.password ?? password,
    header,
    ...(o.bound === undefined ? {} : { bound: o.bound }),
  })
  const first = await exchange.next(Buffer.from(client.first))
  if (!('challenge' in first)) return { last: first, salt: '' }
  const serverFirst = Buffer.from(first.challenge).toString()
  await o.meanwhile?.()
  if (o.stopsEarly === true) return { last: first, salt: /,s=([^,]+),/.exec(serverFirst)![1]! }
  const { final, expected, salt } = client.answer(serverFirst)
  const second = await exchange.next(Buffer.from(o.spoil?.(final) ?? final))
  if (!('challenge' in second)) return { last: second, salt }
  assert.equal(Buffer.from(second.challenge).toString(), expected)
  return { last: (await exchange.next(Buffer.alloc(0))) satisfies SaslStep, salt }
}

const isIn = (step: SaslStep): boolean => 'done' in step

test('who knows the password is in, and hears that the server knows it too', async () => {
  const { signIn, alice, told } = await withAlice()
  const { last } = await talk(signIn)
  assert.ok('done' in last)
  assert.equal(last.done.account, alice.id)
  assert.deepEqual(
    told.map(({ event }) => event),
    ['auth.success'],
  )
})

test('who does not know it is not, and the log says why', async () => {
  const { signIn, told, accounts } = await withAlice()
  await accounts.createAccount({ name: 'off@example.org', password, enabled: false })
  told.length = 0
  const cases: readonly (readonly [Dialogue, string])[] = [
    [{ password: 'wrong horse battery' }, 'wrong password'],
    [{ name: 'bob@example.org' }, 'no such user'],
    [{ name: 'off@example.org' }, 'the account is disabled'],
    [{ spoil: (final) => final.replace('r=fyko', 'r=fyk0') }, 'the nonce is not that of the exchange'],
    [{ spoil: (final) => final.replace('c=biws', 'c=eSws') }, 'bound to another connection'],
    [{ spoil: (final) => final.replace(/p=.*/, 'p=AAAA') }, 'wrong password'],
    [{ header: 'n,a=bob@example.org,' }, 'no permission to sign in as another'],
  ]
  for (const [dialogue, reason] of cases) {
    assert.deepEqual((await talk(signIn, dialogue)).last, { failed: 'wrong' })
    assert.equal(told.pop()!['reason'], reason)
  }
  assert.deepEqual(told, [])
})

test('an unknown user has a salt like everybody else: the same one each time, in each worker', async () => {
  const store = await withAlice()
  const other = makeStore()
  const salts = new Set<string>()
  for (const signIn of [store.signIn, store.anotherSignIn()])
    for (const name of ['bob@example.org', 'BOB@Example.org'])
      salts.add((await talk(signIn, { name, stopsEarly: true })).salt)
  assert.equal(salts.size, 1)
  const [salt] = salts
  assert.equal(Buffer.from(salt!, 'base64').length, 16)
  assert.notEqual((await talk(store.signIn, { name: 'carol@example.org', stopsEarly: true })).salt, salt)
  assert.notEqual((await talk(other.signIn, { name: 'bob@example.org', stopsEarly: true })).salt, salt)
})

test('an account without keys is as an unknown one', async () => {
  const { signIn, told } = await withAlice(false)
  const { last, salt } = await talk(signIn)
  assert.deepEqual(last, { failed: 'wrong' })
  assert.equal(told.pop()!['reason'], 'no SCRAM keys are stored for the password')
  assert.equal((await talk(signIn)).salt, salt)
})

test('a password that is changed during the exchange counts no more', async () => {
  const { signIn, accounts, alice } = await withAlice()
  const meanwhile = () => accounts.setPassword(alice.id, 'battery staple')
  assert.deepEqual((await talk(signIn, { meanwhile })).last, { failed: 'wrong' })
})

test('-PLUS binds to the TLS connection', async () => {
  const { signIn, told } = await withAlice()
  const plus = { mechanism: scramSha256Plus, tls: tls13, header: 'p=tls-exporter,,' }
  const bound = tls13.exportKey('EXPORTER-Channel-Binding', 32)
  assert.ok(isIn((await talk(signIn, { ...plus, bound })).last))
  assert.deepEqual((await talk(signIn, { ...plus, bound: Buffer.alloc(32) })).last, { failed: 'wrong' })
  assert.equal(told.pop()!['reason'], 'bound to another connection')
  assert.deepEqual((await talk(signIn, plus)).last, { failed: 'wrong' })
  for (const header of ['n,,', 'y,,', 'p=tls-unique,,', 'p=tls-server-end-point,,'])
    assert.deepEqual((await talk(signIn, { ...plus, header, bound })).last, { failed: 'malformed' })
})

test('a client that was told we cannot bind, where we can, fails', async () => {
  const { signIn } = await withAlice()
  assert.deepEqual((await talk(signIn, { header: 'y,,', tls: tls13 })).last, { failed: 'malformed' })
  assert.ok(isIn((await talk(signIn, { header: 'y,,', tls: { ...tls13, version: 'TLSv1.2' } })).last))
  assert.deepEqual((await talk(signIn, { header: 'p=tls-exporter,,', tls: tls13 })).last, {
    failed: 'malformed',
  })
})

test('the proof of the server is answered with nothing, and the exchange can begin with nothing', async () => {
  const { signIn } = await withAlice()
  const exchange = scramSha256.start({ signIn, from, tls: undefined })
  assert.deepEqual(await exchange.next(undefined), { challenge: Buffer.alloc(0) })
  assert.ok('challenge' in (await exchange.next(Buffer.from('n,,n=alice@example.org,r=abc'))))
  assert.deepEqual(await exchange.next(Buffer.from('c=biws,r=abc')), { failed: 'malformed' })
})

test('the keys and messages are those of RFC 7677 section 3', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  const keys = deriveScramKeys(Buffer.from('pencil'), salt, 4096)
  const first = readClientFirst(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'))!
  const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
  const final = readClientFinal(
    Buffer.from(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ),
  )!
  const signed = `${first.bare},${serverFirst},${final.withoutProof}`
  const signature = createHmac('sha256', keys.storedKey).update(signed).digest()
  const clientKey = Buffer.from(final.proof.map((byte, i) => byte ^ signature[i]!))
  assert.deepEqual(hash('sha256', clientKey, 'buffer'), keys.storedKey)
  assert.equal(
    createHmac('sha256', keys.serverKey).update(signed).digest('base64'),
    '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  )
})

test('passwords are prepared as clients of SASLprep do', () => {
  const salt = Buffer.alloc(16)
  const keys = (text: string) => deriveScramKeys(Buffer.from(text), salt, 4096).storedKey
  // RFC 4013 section 3
  assert.deepEqual(keys('I\u00adX'), keys('IX'))
  assert.deepEqual(keys('\u00aa'), keys('a'))
  assert.deepEqual(keys('\u2168'), keys('IX'))
})

const firsts: readonly (readonly [string, string])[] = [
  ['no header', 'n=user,r=abc'],
  ['an unknown flag', 'x,,n=user,r=abc'],
  ['a mandatory extension', 'n,,m=x,n=user,r=abc'],
  ['no name', 'n,,n=,r=abc'],
  ['no nonce', 'n,,n=user,r='],
  ['a comma that is not quoted', 'n,,n=us,er,r=abc'],
  ['a lone equals sign', 'n,,n=us=er,r=abc'],
  ['a quote in small letters', 'n,,n=us=2cer,r=abc'],
  ['a nonce beyond ASCII', 'n,,n=user,r=äbc'],
  ['the name behind the nonce', 'n,,r=abc,n=user'],
  ['a NUL', 'n,,n=us\0er,r=abc'],
]
for (const [what, message] of firsts) {
  test(`a first message with ${what} is malformed`, () => {
    assert.equal(readClientFirst(Buffer.from(message)), undefined)
  })
}

test('an empty name to act as is none', () => {
  const first = readClientFirst(Buffer.from('n,a=,n=user,r=abc'))!
  assert.deepEqual([first.actAs, first.gs2Header], [undefined, 'n,a=,'])
})

test('names are unquoted, and extensions are passed over', () => {
  const first = readClientFirst(Buffer.from('p=tls-exporter,a=b=3Da,n=us=2Cer=3D,r=abc,x=1,y=2'))!
  assert.deepEqual(first.binding, { type: 'tls-exporter' })
  assert.equal(first.name, 'us,er=')
  assert.equal(first.actAs, 'b=a')
  assert.equal(first.bare, 'n=us=2Cer=3D,r=abc,x=1,y=2')
  assert.equal(readClientFinal(Buffer.from('c=biws,r=abc,x=1,p=AAAA'))!.withoutProof, 'c=biws,r=abc,x=1')
  for (const wrong of [
    'c=biws,r=abc',
    'c=biw,r=abc,p=AAAA',
    'r=abc,c=biws,p=AAAA',
    'c=biws,r=abc,p=AAA',
    'c=biws,r=abc,p=AAAA,x=1',
  ])
    assert.equal(readClientFinal(Buffer.from(wrong)), undefined, wrong)
})

test('a mechanism is offered where it can work', () => {
  const names = (settings: Readonly<Record<string, unknown>>, tls: SaslContext['tls'], allowsClear = false) =>
    new SaslMechanisms(makeStore({ settings }).settings).offered({ tls, allowsClear }).map(({ name }) => name)
  const tls12 = { ...tls13, version: 'TLSv1.2' }
  assert.deepEqual(names({}, undefined), [])
  assert.deepEqual(names({}, undefined, true), ['PLAIN', 'LOGIN'])
  assert.deepEqual(names({}, tls13), ['PLAIN', 'LOGIN'])
  assert.deepEqual(names({ scramKeys: true }, tls13), [
    'SCRAM-SHA-256-PLUS',
    'SCRAM-SHA-256',
    'PLAIN',
    'LOGIN',
  ])
  assert.deepEqual(names({ scramKeys: true }, tls12), ['SCRAM-SHA-256', 'PLAIN', 'LOGIN'])
  const email = (email: readonly string[]) => ({
    ...tls13,
    peerCertificate: {
      der: Buffer.alloc(1),
      subject: '',
      commonName: undefined,
      names: { dns: [], email } as never,
    },
  })
  assert.deepEqual(names({ certificateSignIn: true }, email(['alice@example.org'])), [
    'EXTERNAL',
    'PLAIN',
    'LOGIN',
  ])
  assert.deepEqual(names({ certificateSignIn: true }, email([])), ['PLAIN', 'LOGIN'])
  assert.deepEqual(names({}, email(['alice@example.org'])), ['PLAIN', 'LOGIN'])
  const mechanisms = new SaslMechanisms(makeStore().settings)
  assert.equal(mechanisms.find('PLAIN', { tls: undefined, allowsClear: false }), 'needsTls')
  assert.equal(mechanisms.find('SCRAM-SHA-256', { tls: tls13, allowsClear: false }), undefined)
  assert.equal(mechanisms.find('GSSAPI', { tls: undefined, allowsClear: false }), undefined)
})
