/**
 * What DKIM costs: processor time of a check and of a signature of a 12 KB message, all threads together, beside
 * the library mailauth and beside OpenSSL alone. Goals: a check with RSA-2048 in 80 µs and with Ed25519 in
 * 120 µs, a signature with RSA-2048 in 300 µs. Run it with `node test/bench/dkim.bench.ts`.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { dkimSign, dkimVerify } from 'mailauth'
import { Lru } from '#base/lru.ts'
import type { DkimKey, UnusableKey } from '#mailauth/dkim-key.ts'
import { DkimSigner, type DkimSigningKey } from '#mailauth/dkim-sign.ts'
import { DkimVerifier } from '#mailauth/dkim-verify.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'

const nowMs = Date.now()

const header = Buffer.from(
  [
    'Received: from mx.example.org (mx.example.org [192.0.2.1])',
    '\tby mail.example.net with ESMTPS id 4XyZ12 for <bob@example.net>;',
    '\tMon, 3 Nov 2025 10:11:12 +0000',
    'Date: Mon, 3 Nov 2025 11:11:10 +0100',
    'From: =?utf-8?Q?Andr=C3=A9_Example?= <andre@example.org>',
    'To: Bob <bob@example.net>, "Doe, Carol" <carol@example.net>, dave@example.net',
    'Cc: Eve <eve@example.com>',
    'Subject: Re: [team] =?utf-8?B?R3LDvMOfZQ==?= and the plan for next week',
    'Message-ID: <20251103101110.1234@example.org>',
    'In-Reply-To: <20251102090807.99@example.net>',
    'References: <20251101010101.1@example.net> <20251102090807.99@example.net>',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'X-Mailer: Example 1.0',
    '\r\n',
  ].join('\r\n'),
)
const line = 'The quick brown fox jumps over the lazy dog, and then it does it again.\r\n'
const body = Buffer.from(line.repeat(Math.floor((12 * 1024 - header.length) / line.length)))
const message = Buffer.concat([header, body])

const keyOf = (selector: string, algorithm: DkimSigningKey['algorithm'], privateKey: KeyObject) => ({
  domain: 'example.org',
  selector,
  algorithm,
  privateKey,
  canonicalization: 'relaxed/relaxed' as const,
  headers: [],
  expireSeconds: undefined,
})
const rsa = keyOf('r', 'rsa-sha256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const ed25519 = keyOf('e', 'ed25519-sha256', generateKeyPairSync('ed25519').privateKey)

const spki = ({ privateKey }: DkimSigningKey) =>
  createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
const records: Readonly<Record<string, string>> = {
  'r._domainkey.example.org': `v=DKIM1; k=rsa; p=${spki(rsa).toString('base64')}`,
  'e._domainkey.example.org': `v=DKIM1; k=ed25519; p=${spki(ed25519).subarray(-32).toString('base64')}`,
}

const answers = new Map(
  Object.entries(records).map(([name, text]) => [
    name,
    Promise.resolve({ kind: 'answer', records: [{ strings: [Buffer.from(text)] }], authentic: false }),
  ]),
)
const resolver = { resolve: (name: string) => answers.get(name)! } as unknown as AuthResolver
const known = new Lru<string, DkimKey | UnusableKey>(10)

async function check(signature: Buffer): Promise<void> {
  const o = { resolver, known, nowMs, clockSkewMs: 300_000, maxSignatures: 10, strict: true }
  const verifier = new DkimVerifier(o)
  verifier.header(Buffer.concat([signature, header]))
  verifier.body(body)
  const [one] = await verifier.end()
  if (one?.result !== 'pass') throw new Error(JSON.stringify(one))
}

function signWith(key: DkimSigningKey): Promise<Buffer> {
  const signer = new DkimSigner({ keys: [key], nowMs })
  signer.header(header)
  signer.body(body)
  return signer.end()
}

async function checkByMailauth(signed: Buffer): Promise<void> {
  const found = (name: string) => Promise.resolve([[records[name]!]])
  const { results } = await dkimVerify(signed, { resolver: found })
  if (results[0]?.status.result !== 'pass') throw new Error(JSON.stringify(results))
}

const pem = (key: DkimSigningKey) => key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()

async function signByMailauth(key: DkimSigningKey): Promise<void> {
  const { domain, selector, algorithm, canonicalization } = key
  const one = { signingDomain: domain, selector, privateKey: pem(key), algorithm, canonicalization }
  const { errors, signatures } = await dkimSign(message, { ...one, signatureData: [one] })
  if (errors.length > 0 || signatures === '') throw new Error('mailauth has not signed')
}

const bareSign = promisify(sign)

/** The operation on the key alone, over as many bytes as a header of this size has. */
function bare(key: DkimSigningKey): { readonly check: () => void; readonly sign: () => unknown } {
  const data = header
  const isRsa = key.algorithm === 'rsa-sha256'
  const input = isRsa ? data : createHash('sha256').update(data).digest()
  const digest = isRsa ? 'sha256' : null
  const publicKey = createPublicKey(key.privateKey)
  const made = sign(digest, input, key.privateKey)
  return {
    check: () => void verify(digest, input, publicKey, made),
    sign: () => bareSign(digest, input, key.privateKey),
  }
}

const rounds = 9
const perRound = 300

/** Microseconds of processor time of one run: the median of rounds, the first ones not counted. */
async function cost(run: () => unknown): Promise<number> {
  const measured: number[] = []
  for (let round = 0; round < rounds + 3; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < perRound; i++) await run()
    const { user, system } = process.cpuUsage(before)
    if (round >= 3) measured.push((user + system) / perRound)
  }
  return measured.sort((a, b) => a - b)[rounds >> 1]!
}

process.stdout.write('µs of processor time            Postern  mailauth  OpenSSL\n')
for (const [name, key] of [
  ['RSA-2048', rsa],
  ['Ed25519', ed25519],
] as const) {
  const field = await signWith(key)
  const signed = Buffer.concat([field, message])
  const alone = bare(key)
  const rows = [
    ['check', () => check(field), () => checkByMailauth(signed), alone.check],
    ['sign', () => signWith(key), () => signByMailauth(key), alone.sign],
  ] as const
  for (const [what, ...runs] of rows) {
    const costs: number[] = []
    for (const run of runs) costs.push(await cost(run))
    const [ours, theirs, openssl] = costs.map((us) => us.toFixed(0)) as [string, string, string]
    process.stdout.write(
      `${`${what}, ${name}`.padEnd(30)} ${ours.padStart(8)}  ${theirs.padStart(8)} ${openssl.padStart(8)}\n`,
    )
  }
}
