/**
 * DKIM against the library mailauth in its strict mode: random messages, signed by us and by it, then changed at
 * random. What the two read differently is named below, each with its reason, so that any other difference is a
 * find. POSTERN_DKIM_MESSAGES says how many messages are tried.
 */
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { dkimSign, dkimVerify } from 'mailauth'
import { latin1 } from '#base/bytes.ts'
import { Lru } from '#base/lru.ts'
import type { DkimCheck } from '#mailauth/dkim-check.ts'
import type { DkimKey, UnusableKey } from '#mailauth/dkim-key.ts'
import { DkimSigner, type DkimSigningKey } from '#mailauth/dkim-sign.ts'
import { DkimVerifier } from '#mailauth/dkim-verify.ts'
import { AuthZone } from '../harness/auth-zone.ts'

const numRuns = Number(process.env['POSTERN_DKIM_MESSAGES'] ?? 1000)
const nowMs = Date.now()

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey
const data = (key: KeyObject) => createPublicKey(key).export({ type: 'spki', format: 'der' })
const records: Readonly<Record<string, string>> = {
  'r._domainkey.example.com': `v=DKIM1; k=rsa; p=${data(rsa).toString('base64')}`,
  'e._domainkey.example.com': `v=DKIM1; k=ed25519; t=s; p=${data(ed25519).subarray(-32).toString('base64')}`,
}
const zone = Object.fromEntries(Object.entries(records).map(([name, TXT]) => [name, [{ TXT }]]))
const known = new Lru<string, DkimKey | UnusableKey>(10)

/** Header and body as both see them: behind the first empty line. */
function split(message: string): readonly [Buffer, Buffer] {
  const end = message.indexOf('\r\n\r\n') + 4
  return [latin1(message.slice(0, end)), latin1(message.slice(end))]
}

/** The body comes in pieces of that size. */
async function ours(message: string, step: number): Promise<readonly DkimCheck[]> {
  const o = { resolver: new AuthZone(zone), known, nowMs, clockSkewMs: 0, maxSignatures: 10, strict: false }
  const verifier = new DkimVerifier(o)
  const [header, body] = split(message)
  verifier.header(header)
  for (let at = 0; at < body.length; at += step) verifier.body(body.subarray(at, at + step))
  return verifier.end()
}

interface Theirs {
  readonly result: string
  readonly comment: string
}

async function theirs(message: string): Promise<readonly Theirs[]> {
  const resolver = (name: string): Promise<string[][]> => {
    const record = records[name.toLowerCase()]
    if (record !== undefined) return Promise.resolve([[record]])
    return Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }))
  }
  const { results } = await dkimVerify(latin1(message), { strict: true, resolver, curTime: new Date(nowMs) })
  return results
    .map(({ status }) => ({ result: status.result, comment: String(status.comment ?? '') }))
    .filter(({ result }) => result !== 'none')
}

type Method = DkimSigningKey['canonicalization']

interface Signing {
  readonly byUs: boolean
  readonly isRsa: boolean
  readonly canonicalization: Method
  readonly headers: readonly string[]
  readonly bodyLength: number | undefined
}

async function sign(message: string, o: Signing): Promise<string> {
  const [selector, algorithm, privateKey] = o.isRsa
    ? (['r', 'rsa-sha256', rsa] as const)
    : (['e', 'ed25519-sha256', ed25519] as const)
  const { canonicalization, headers } = o
  if (o.byUs) {
    const key = { domain: 'example.com', selector, algorithm, privateKey, canonicalization, headers }
    const signer = new DkimSigner({ keys: [{ ...key, expireSeconds: undefined }], nowMs })
    const [header, body] = split(message)
    signer.header(header)
    signer.body(body)
    return `${(await signer.end()).toString('latin1')}${message}`
  }
  const one = {
    signingDomain: 'example.com',
    selector,
    algorithm,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    canonicalization,
    signTime: new Date(nowMs),
    ...(headers.length === 0 ? {} : { headerList: ['From', ...headers] }),
    ...(o.bodyLength === undefined ? {} : { maxBodyLength: o.bodyLength }),
  }
  const { signatures, errors } = await dkimSign(latin1(message), { ...one, signatureData: [one] })
  assert.deepEqual(errors, [])
  return `${Buffer.from(signatures).toString('latin1')}${message}`
}

const text = (...pieces: readonly string[]) =>
  fc.array(fc.constantFrom(...pieces), { maxLength: 15 }).map((all) => all.join(''))

const fieldName = fc.constantFrom(
  'To',
  'SUBJECT',
  'Date',
  'cc',
  'Message-ID',
  'X-A',
  'List-Id',
  'Received',
  'From',
)
const fieldValue = text(
  'a',
  'Bc',
  ' ',
  '  ',
  '\t',
  '\r\n ',
  '\r\n\t',
  '\r\n \t ',
  '\xe4',
  '\xc3\xa4',
  ':',
  ';',
  '=',
)
const header = fc.array(fc.tuple(fieldName, fc.constantFrom('', '', ' ', '\t'), fieldValue), { maxLength: 8 })
const body = text('a', 'bc d', ' ', '  ', '\t', '\r\n', '\r\n', '\r\n\r\n', ' \r\n', '\t \r\n', '\xe4', '.')
const message = fc.tuple(header, fc.nat(8), body).map(([fields, at, content]) => {
  const lines = fields.map(([name, space, value]) => `${name}${space}:${value}\r\n`)
  return `${lines.toSpliced(at, 0, 'From: Alice  <a@example.com>\r\n').join('')}\r\n${content}`
})

const methods = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'] as const
const signing: fc.Arbitrary<Signing> = fc.record({
  byUs: fc.boolean(),
  isRsa: fc.boolean(),
  canonicalization: fc.constantFrom(...methods),
  headers: fc.constantFrom([], ['To', 'X-A', 'Subject'], ['Received', 'Date', 'DKIM-Signature', 'Cc']),
  bodyLength: fc.option(fc.nat(12), { nil: undefined, freq: 6 }),
})

const tagNames = ['v', 'a', 'b', 'bh', 'c', 'd', 'h', 'i', 'l', 'q', 's', 't', 'x', 'z']
const values = [
  '',
  '1',
  '0',
  'relaxed',
  'from',
  'from:to',
  'example.com',
  '@example.com',
  'a@x.example.com',
  'r',
  'e',
]
const change = fc.oneof(
  fc.record({
    kind: fc.constant('tag' as const),
    name: fc.constantFrom(...tagNames),
    value: fc.constantFrom(...values),
  }),
  fc.record({ kind: fc.constant('drop' as const), name: fc.constantFrom(...tagNames) }),
  fc.record({
    kind: fc.constant('byte' as const),
    at: fc.nat(1500),
    byte: fc.integer({ min: 0x21, max: 0xff }),
  }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(1500),
    piece: fc.constantFrom(' ', '\t', 'a', '\r\n '),
  }),
  fc.record({
    kind: fc.constant('append' as const),
    piece: fc.constantFrom(' ', '\r\n', 'a', '\r\n\r\n \t\r\n'),
  }),
  fc.record({
    kind: fc.constant('prepend' as const),
    piece: fc.constantFrom('From: b\r\n', 'X-A: b\r\n', 'X-B: b\r\n'),
  }),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function apply(before: string, one: Change): string {
  if (one.kind === 'append') return before + one.piece
  if (one.kind === 'prepend') return one.piece + before
  if (one.kind === 'byte') {
    const at = one.at % before.length
    return before.slice(0, at) + String.fromCharCode(one.byte) + before.slice(at + 1)
  }
  if (one.kind === 'insert') {
    const at = one.at % before.length
    return before.slice(0, at) + one.piece + before.slice(at)
  }
  const form = new RegExp(`(:|;)(\\s*)${one.name}=([^;]*?)(?:;|(?=\\r\\n[!-~]))`)
  return before.replace(form, one.kind === 'drop' ? '$1' : `$1$2${one.name}=${one.value};`)
}

/**
 * Whether both take the same bytes for the fields and for the body. Not so: bare line ends, which no server
 * takes; lines that are no field, and names apart from their colon, which every reader repairs in its own way.
 */
function isComparable(sent: string): boolean {
  if (!sent.includes('\r\n\r\n') || /\r(?!\n)|(?<!\r)\n/.test(sent)) return false
  const lines = sent.slice(0, sent.indexOf('\r\n\r\n')).split('\r\n')
  return lines.every((line, i) => /^[!-9;-~]+[ \t]*:/.test(line) || (i > 0 && /^[ \t]/.test(line)))
}

/** Why a signature that neither passes nor fails for us may do so for them; undefined where it must not. */
function excuse({ reason, text }: DkimCheck, { result, comment }: Theirs): string | undefined {
  // RFC 6376 §2.10, §3.2: theirs decodes base64 as if wrong characters were not there, and DEL is one to it.
  if (reason === 'syntax' && /is no base64$|control character/.test(text)) return 'characters'
  // RFC 6376 §3.5: theirs does not look whether t= is to come.
  if (reason === 'signedInFuture') return 'time'
  if (result !== 'fail') return undefined
  // RFC 6376 §6.1.2, §6.1.3: theirs compares the body first, and then gets the key.
  if (reason.startsWith('key') && comment === 'body hash did not verify') return 'order'
  // RFC 6376 §3.5: theirs takes an empty c= as none, and space where the grammar of c= and of names has none.
  if (reason === 'unknownCanonicalization' || reason === 'fromNotSigned') return 'grammar'
  if (reason === 'syntax' && text.endsWith('no name of a field')) return 'grammar'
  // RFC 8616 §5: theirs takes bytes that are no UTF-8 for the replacement character.
  if (reason === 'syntax' && / no (?:domain|selector|identity)$/.test(text)) return 'UTF-8'
  return undefined
}

const outcome = ({ result }: DkimCheck | Theirs) =>
  result === 'pass' || result === 'fail' ? result : 'neither'

test('the same results as mailauth', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      message,
      fc.array(signing, { minLength: 1, maxLength: 3 }),
      fc.array(change, { maxLength: 2 }),
      fc.integer({ min: 1, max: 9 }),
      async (unsigned, signings, changes, step) => {
        let sent = unsigned
        for (const one of signings) sent = await sign(sent, one)
        sent = changes.reduce(apply, sent)
        if (!isComparable(sent)) return
        const [mine, other] = [await ours(sent, step), await theirs(sent)]
        assert.equal(mine.length, other.length, sent)
        for (const [i, check] of mine.entries()) {
          seen.add(check.reason)
          if (outcome(check) === outcome(other[i]!)) continue
          const why = outcome(check) === 'neither' ? excuse(check, other[i]!) : undefined
          assert.ok(why !== undefined, JSON.stringify([check, other[i], sent]))
        }
      },
    ),
    { numRuns },
  )
  for (const reason of ['verified', 'signature', 'bodyHash', 'syntax', 'missingTag'])
    assert.ok(seen.has(reason))
})
