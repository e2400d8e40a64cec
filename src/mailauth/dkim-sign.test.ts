import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { latin1 } from '#base/bytes.ts'
import { DkimSigner } from './dkim-sign.ts'
import { check, edKey, nowMs, rsaKey, signed, split } from './dkim-fixture.test.ts'
import { HeaderFields } from './header-fields.ts'
import { tagText } from './signed-data.ts'
import { parseTagList, withoutSpace } from './tag-list.ts'

const message =
  'Received: x\r\nFrom: a@example.com\r\nTo: b@example.net\r\nSubject: s\r\nX-Tag: 1\r\nX-Tag: 2\r\n\r\nHello\r\n'

/** The fields that were put in front of the message, and their tags. */
async function fieldsOf(...args: Parameters<typeof signed>) {
  const sent = await signed(...args)
  const added = sent.subarray(0, sent.length - args[0].length)
  const header = new HeaderFields(added)
  const tags = header.all.map((_, i) =>
    Object.fromEntries(
      [...parseTagList(tagText(header, i))].map(([name, { value }]) => [name, withoutSpace(value)]),
    ),
  )
  return { text: added.toString('latin1'), tags }
}

test('a field for each key, in lines that fit (RFC 5322 §2.1.1)', async () => {
  const { text, tags } = await fieldsOf(message, [rsaKey, edKey], '@example.com')
  assert.equal(tags.length, 2)
  const { v, a, c, d, s, i, t, x, h } = tags[0]!
  assert.deepEqual(
    { v, a, c, d, s, i, t, x },
    {
      v: '1',
      a: 'rsa-sha256',
      c: 'relaxed/relaxed',
      d: 'example.com',
      s: 'r',
      i: '@example.com',
      t: String(Math.floor(nowMs / 1000)),
      x: undefined,
    },
  )
  // What is there, then once more; and what is not there and must not be added.
  assert.equal(
    h,
    'From:From:Reply-To:To:To:Cc:Subject:Subject:Date:Message-ID:MIME-Version:Content-Type:Content-Transfer-Encoding',
  )
  assert.equal(tags[1]!['a'], 'ed25519-sha256')
  assert.equal(tags[1]!['b']!.length, 88)
  assert.ok(text.endsWith('\r\n'))
  for (const line of text.split('\r\n')) assert.ok(line.length <= 78, line)
  assert.deepEqual(
    (await check(await signed(message, [rsaKey, edKey]))).map(({ result }) => result),
    ['pass', 'pass'],
  )
})

test('what mailing lists add may be added', async () => {
  const sent = (await signed(message)).toString('latin1')
  const listed = `Sender: list@example.org\r\nList-Id: <x>\r\nReceived: y\r\n${sent}`
  assert.equal((await check(listed))[0]?.result, 'pass')
})

test('chosen fields, each as often as it is there', async () => {
  const { tags } = await fieldsOf(message, [{ ...edKey, headers: ['X-Tag', 'x-tag', 'Subject', 'X-None'] }])
  assert.equal(tags[0]!['h'], 'From:From:X-Tag:X-Tag:Subject:Subject')
})

test('of one name a bounded number is signed', async () => {
  const { tags } = await fieldsOf(`${'To: x\r\n'.repeat(1000)}\r\n`, [edKey])
  assert.equal(tags[0]!['h']!.match(/To/g)?.length, 22) // with Reply-To
})

test('all ways to be canonical, and an end', async () => {
  for (const canonicalization of [
    'simple/simple',
    'simple/relaxed',
    'relaxed/simple',
    'relaxed/relaxed',
  ] as const) {
    for (const key of [edKey, rsaKey]) {
      const sent = await signed(message, [{ ...key, canonicalization, expireSeconds: 3600 }])
      const [one] = await check(sent)
      assert.equal(one?.result, 'pass', canonicalization)
      assert.match(sent.toString('latin1'), new RegExp(`x=${Math.floor(nowMs / 1000) + 3600};`))
    }
  }
})

test('identities are quoted (RFC 6376 §2.11)', async () => {
  const identity = '"a; =é"@sub.example.com'
  const { tags } = await fieldsOf(message, [edKey], identity)
  assert.equal(tags[0]!['i'], '"a=3B=20=3D=C3=A9"@sub.example.com')
  assert.equal((await check(await signed(message, [edKey], identity)))[0]?.identity, identity)
})

test('long names and domains: lines are broken where they can be', async () => {
  const domain = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`
  const headers = ['X'.repeat(76), 'Y'.repeat(76)]
  const { text, tags } = await fieldsOf(`${headers.map((name) => `${name}: 1\r\n`).join('')}\r\n`, [
    { ...edKey, domain, headers, canonicalization: 'simple/simple' },
  ])
  assert.equal(tags[0]!['d'], domain)
  assert.deepEqual(
    text.split('\r\n').filter((line) => line.length > 78),
    [` d=${domain};`],
  )
})

const fieldName = fc.constantFrom(
  'From',
  'To',
  'Subject',
  'Date',
  'X-Other',
  'Content-Type',
  'Sender',
  'Received',
)
const text = fc
  .array(fc.constantFrom('a', 'B', ' ', '\t', '\r\n ', '\r\n\t', '\xe4', ':', ';', '=', '.'), {
    maxLength: 12,
  })
  .map((pieces) => pieces.join(''))
const anyHeader = fc
  .array(fc.tuple(fieldName, text), { maxLength: 8 })
  .map((fields) => `From: x\r\n${fields.map(([name, value]) => `${name}:${value}\r\n`).join('')}\r\n`)
const anyBody = fc
  .array(fc.constantFrom('a', 'bc', ' ', '\t', '\r\n', '\xe4', '.'), { maxLength: 20 })
  .map((pieces) => pieces.join(''))
const anyKey = fc
  .tuple(
    fc.constantFrom('simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'),
    fc.constantFrom(edKey, edKey, edKey, rsaKey),
  )
  .map(([canonicalization, key]) => ({ ...key, canonicalization }) as const)

test('what is signed verifies, however it is split', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyHeader,
      anyBody,
      anyKey,
      fc.integer({ min: 1, max: 7 }),
      async (header, body, key, size) => {
        const signer = new DkimSigner({ keys: [key], nowMs })
        signer.header(latin1(header))
        for (let at = 0; at < body.length; at += size) signer.body(latin1(body.slice(at, at + size)))
        const sent = Buffer.concat([await signer.end(), latin1(header + body)])
        assert.equal((await check(sent))[0]?.reason, 'verified')
      },
    ),
    { numRuns: 300 },
  )
})

/** In the relaxed form, what of a signed message does not count. */
const isWhite = (byte: number) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a

test('a byte of a signed field or of the body that is changed breaks the signature', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyHeader,
      anyBody,
      anyKey,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (header, body, key, place, change) => {
        const all = {
          ...key,
          headers: ['From', 'To', 'Subject', 'Date', 'X-Other', 'Content-Type', 'Sender', 'Received'],
        }
        const sent = await signed(header + body, [all])
        const { header: signedHeader } = split(sent)
        const own = sent.length - header.length - body.length
        const at = own + (place % (header.length + body.length))
        const before = sent[at]!
        const after = before ^ change
        // White space may come and go in the relaxed form, and the case of names; a line end may make fields.
        if ([before, after].some((byte) => isWhite(byte) || byte === 0x3a || byte === 0)) return
        if ((before ^ after) === 0x20) return
        sent[at] = after
        const [one] = await check(sent)
        // A name that is no name any more makes its field part of the one before, even of the signature.
        if (at < signedHeader.length) assert.ok(one?.reason === 'signature' || one?.reason === 'syntax')
        else assert.equal(one?.reason, 'bodyHash')
      },
    ),
    { numRuns: 1000 },
  )
})

test('a byte of the signature itself that is changed breaks it', async () => {
  const sent = await signed(message)
  const end = sent.indexOf('\r\nReceived: ')
  const isName = (at: number) => at < 'DKIM-Signature'.length
  await fc.assert(
    fc.asyncProperty(fc.nat(end - 1), fc.nat(255), async (at, byte) => {
      const changed = Buffer.from(sent)
      changed[at] = byte
      const [one] = await check(changed)
      if (one?.result !== 'pass') return
      // The relaxed form has one kind of white space and of names; base64 ends with bits that say nothing.
      const isAlike =
        (isWhite(byte) && isWhite(sent[at]!)) || (isName(at) && (byte | 0x20) === (sent[at]! | 0x20))
      assert.ok(byte === sent[at] || isAlike || at >= end - 3, `${at}: ${byte}`)
    }),
    { numRuns: 2000 },
  )
})
