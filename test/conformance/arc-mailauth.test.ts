/**
 * ARC against the library mailauth in its strict mode: sealed messages, by us and by it, with tags, fields and
 * bytes changed at random. What the two read differently in RFC 8617 is kept out, each with its reason, so that
 * any other difference is a find.
 */
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { authenticate, sealMessage } from 'mailauth'
import { Lru } from '#base/lru.ts'
import { ArcSealer } from '#mailauth/arc-seal.ts'
import { type ArcCheck, ArcVerifier } from '#mailauth/arc-verify.ts'
import { AuthZone } from '../harness/auth-zone.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const data = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64')
const record = `v=DKIM1; k=rsa; p=${data}`
const zone = { 's._domainkey.example.com': [{ TXT: record }] }
const key = { domain: 'example.com', selector: 's', algorithm: 'rsa-sha256', privateKey } as const
const nowMs = Date.now()

const message =
  'Received: from a\r\n\tby b\r\nFrom: Alice  <alice@example.org>\r\nTo: b@example.com\r\nSubject: Dinner \r\n for two\r\n\r\nAre  you hungry?\r\n\r\n.\r\n\r\n'

function split(text: string): readonly [Buffer, Buffer] {
  const end = text.indexOf('\r\n\r\n') + 4
  return [Buffer.from(text.slice(0, end), 'latin1'), Buffer.from(text.slice(end), 'latin1')]
}

async function ours(text: string): Promise<ArcCheck> {
  const verifier = new ArcVerifier({
    resolver: new AuthZone(zone),
    known: new Lru(10),
    nowMs,
    clockSkewMs: 300_000,
  })
  const [header, body] = split(text)
  verifier.header(header)
  verifier.body(body)
  return verifier.end()
}

async function theirs(text: string): Promise<string> {
  const resolver = (name: string): Promise<string[][]> =>
    name === 's._domainkey.example.com'
      ? Promise.resolve([[record]])
      : Promise.reject(Object.assign(new Error(name), { code: 'ENOTFOUND' }))
  const o = {
    strict: true,
    disableDmarc: true,
    disableBimi: true,
    mta: 'mx.example.com',
    ip: '192.0.2.1',
    resolver,
  }
  const { arc } = await authenticate(Buffer.from(text, 'latin1'), o)
  return arc === false ? 'none' : arc.status.result
}

async function ourSeal(text: string): Promise<string> {
  const sealer = new ArcSealer({ key, nowMs })
  const [header, body] = split(text)
  sealer.header(header)
  sealer.body(body)
  const { result } = await ours(text)
  return `${(await sealer.end(result, { authservId: 'mx.example.com', results: [] })).toString('latin1')}${text}`
}

async function theirSeal(text: string): Promise<string> {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  const { result } = await ours(text)
  const seal = {
    signingDomain: key.domain,
    selector: key.selector,
    privateKey: pem,
    authResults: 'mx.example.com; none',
    cv: result,
  }
  return `${(await sealMessage(Buffer.from(text, 'latin1'), seal)).toString('latin1')}${text}`
}

test('each continues and verifies the chain of the other', async () => {
  for (const first of [ourSeal, theirSeal]) {
    for (const second of [ourSeal, theirSeal]) {
      const text = await second(await first(message))
      assert.equal((await ours(text)).result, 'pass')
      assert.equal(await theirs(text), 'pass')
    }
  }
})

const tags = ['i', 'a', 'b', 'bh', 'c', 'cv', 'd', 's', 't', 'h', 'x', 'q']
const change = fc.oneof(
  fc.record({ kind: fc.constant('drop' as const), tag: fc.constantFrom(...tags) }),
  fc.record({
    kind: fc.constant('value' as const),
    tag: fc.constantFrom(...tags),
    value: fc.constantFrom(
      '',
      '1',
      '2',
      '51',
      'none',
      'pass',
      'fail',
      'PASS',
      'relaxed',
      'from',
      'example.com',
      's',
      ' ',
    ),
  }),
  fc.record({ kind: fc.constant('space' as const), at: fc.nat(2000) }),
  fc.record({
    kind: fc.constant('byte' as const),
    at: fc.nat(2000),
    byte: fc.integer({ min: 0x21, max: 0x7e }),
  }),
  fc.record({ kind: fc.constant('field' as const), drop: fc.nat(9) }),
  fc.record({ kind: fc.constant('twice' as const), field: fc.nat(9) }),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function apply(text: string, one: Change, nth: number): string {
  const [header, body] = split(text).map((part) => part.toString('latin1')) as [string, string]
  const fields: string[] = header.slice(0, -2).match(/[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*/g) ?? []
  const join = () => `${fields.join('')}\r\n${body}`
  if (one.kind === 'byte')
    return text.slice(0, one.at) + String.fromCharCode(one.byte) + text.slice(one.at + 1)
  if (one.kind === 'space') {
    const at = text.indexOf(' ', one.at)
    return at < 0 ? text : `${text.slice(0, at)}  ${text.slice(at + 1)}`
  }
  if (one.kind === 'field') fields.splice(one.drop % fields.length, 1)
  else if (one.kind === 'twice') fields.unshift(fields[one.field % fields.length]!)
  else {
    const at = nth % fields.length
    const form = new RegExp(`(^[^:]*:|;)(\\s*)${one.tag}=([^;]*)(?:;|(?=\\r\\n$))`)
    fields[at] = fields[at]!.replace(form, one.kind === 'drop' ? '$1' : `$1$2${one.tag}=${one.value};`)
  }
  return join()
}

/** Both read the same fields: bare line ends, and lines that are none of a header, are not for ARC to decide. */
function isComparable(text: string): boolean {
  const lines = text.slice(0, Math.max(0, text.indexOf('\r\n\r\n'))).split('\r\n')
  return lines.every(
    (line, i) => !/[\r\n]/.test(line) && (/^[!-9;-~]+:/.test(line) || (i > 0 && /^[ \t]/.test(line))),
  )
}

test('the same result as mailauth', async () => {
  const two = [await ourSeal(await ourSeal(message)), await theirSeal(await ourSeal(message))] as const
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1),
      fc.array(fc.tuple<[Change, number]>(change, fc.nat(9)), { minLength: 1, maxLength: 2 }),
      async (which, all) => {
        const text = all.reduce((before, [one, nth]) => apply(before, one, nth), two[which]!)
        if (!isComparable(text)) return
        const check = await ours(text)
        // RFC 6376 §2.10: theirs takes what is no base64 as if it were not there.
        if (check.result === 'fail' && check.text.endsWith('is no base64')) return
        seen.add(check.result)
        assert.equal(check.result, await theirs(text), `${JSON.stringify(check)}\n${text}`)
      },
    ),
    { numRuns: 300 },
  )
  assert.deepEqual([...seen].toSorted(), ['fail', 'pass'])
})
