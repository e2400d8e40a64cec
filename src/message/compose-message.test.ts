import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBody } from './body.ts'
import { composeField, composeGroups, composeMessageIds, composeRaw, composeUrls } from './compose.ts'
import { type ComposedPart, composeMessage, type PartContent } from './compose-message.ts'
import { composeParameterField } from './compose-parameters.ts'
import { headerFields } from './headers.ts'
import { readHeaderForm, type HeaderForm, type HeaderValues } from './header-forms.ts'
import { parseStructure } from './mime.ts'
import { fileName, type Part } from './structure.ts'

const tokens = (): (() => string) => {
  let n = 0
  return () => `token${n++}`
}

async function compose(root: ComposedPart, fields: readonly string[] = []): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of composeMessage({ fields, root }, tokens())) pieces.push(Uint8Array.from(piece))
  return Buffer.concat(pieces)
}

function assertLines(message: Buffer): void {
  const text = message.toString('latin1')
  for (const line of text.split('\r\n')) {
    assert.ok(line.length <= 998, `a line of ${line.length}`)
    assert.ok(!/[\r\n]/.test(line), 'a bare line end')
  }
}

function readBack<F extends HeaderForm>(form: F, field: string): HeaderValues[F] {
  const bytes = Buffer.from(field)
  assertLines(bytes)
  const [one, ...others] = headerFields(bytes)
  assert.deepEqual(others, [])
  return readHeaderForm(form, bytes, one!.valueStart, one!.end)
}

const content = (message: Buffer, part: Part): Buffer =>
  decodeBody(message.subarray(part.bodyStart, part.bodyEnd), part.encoding)

const line = fc.string({ unit: 'grapheme', maxLength: 120 }).map((text) =>
  text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .normalize('NFC'),
)

test('RFC 8621 §4.1.2.2: text is read back as it was written', () => {
  fc.assert(
    fc.property(line, fc.nat(30), (text, spaces) => {
      for (const one of [
        text,
        `a${' '.repeat(spaces)}${text}${' '.repeat(spaces)}b`,
        `${text} `,
        text.repeat(20),
      ])
        assert.equal(readBack('Text', composeField('Subject', one)), one)
    }),
  )
  for (const one of ['=?utf-8?Q?a?=', 'x'.repeat(2000), ' '.repeat(2000), 'a\r\nBcc: x'])
    assert.equal(readBack('Text', composeField('Subject', one)), one.replace('\r\n', ' '))
})

const phrase = line.map((text) => text.trim()).filter((text) => text !== '')
const email = fc.oneof(
  fc.emailAddress(),
  line.map((text) => text.trim().replace(/["@\\]/g, '')),
  fc.constantFrom(
    'a',
    '',
    'a@b c',
    'a>, <b@c',
    '"john doe"@example.org',
    'jürgen@exämple.de',
    'a@[192.0.2.1]',
  ),
)
const address = fc
  .record({ name: fc.option(phrase), email }, { noNullPrototype: true })
  .filter((one) => one.name !== null || one.email !== '')

test('RFC 8621 §4.1.2.4: addresses and groups are read back as they were written', () => {
  const groups = fc.array(
    fc.record({ name: phrase, addresses: fc.array(address, { maxLength: 5 }) }, { noNullPrototype: true }),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  fc.assert(
    fc.property(groups, fc.array(address, { minLength: 1, maxLength: 5 }), (named, bare) => {
      const all = [{ name: null, addresses: bare }, ...named]
      assert.deepEqual(readBack('GroupedAddresses', composeGroups('To', all)), all)
      assert.deepEqual(
        readBack('Addresses', composeGroups('To', all)),
        all.flatMap(({ addresses }) => addresses),
      )
    }),
  )
})

test('RFC 8621 §4.1.2.3: encoded words never stand in quoted strings or addresses', () => {
  const field = composeGroups('To', [
    { name: null, addresses: [{ name: 'Jörg "J" Müller, Dr.', email: 'jörg@example.org' }] },
  ])
  assert.ok(!/"[^"]*=\?/.test(field) && !/<[^>]*=\?/.test(field), field)
  assert.deepEqual(readBack('Addresses', 'To: "=?utf-8?Q?a?=" <a@b>\r\n'), [
    { name: '=?utf-8?Q?a?=', email: 'a@b' },
  ])
})

test('RFC 8621 §4.1.2.5 and §4.1.2.7: identifiers and URLs', () => {
  const ids = [
    'a@b',
    `${'x'.repeat(300)}@y`,
    'ü@example.org',
    ...Array.from({ length: 50 }, (_, i) => `${i}@example.org`),
  ]
  assert.deepEqual(readBack('MessageIds', composeMessageIds('References', ids)), ids)
  const urls = ['https://example.org/a?b=(c)', 'mailto:a@b?subject=x,y']
  assert.deepEqual(readBack('URLs', composeUrls('List-Post', urls)), urls)
})

test('RFC 5322 §2.2: a raw value cannot end its field', () => {
  for (const value of [
    'a\r\nBcc: b',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\r\n \r\n b',
    'a\r\n',
    'x'.repeat(999),
    '\ud800',
  ])
    assert.equal(composeRaw('X', value), undefined, JSON.stringify(value))
  for (const value of [' a', 'a', ' a\r\n b', ' ü', '']) {
    assert.equal(readBack('Raw', composeRaw('X', value)!), value)
  }
})

const part = (content: PartContent, o: Partial<ComposedPart> = {}): ComposedPart => ({
  type: 'application/octet-stream',
  parameters: [],
  fields: [],
  content,
  ...o,
})
const bytesPart = (bytes: Uint8Array, o: Partial<ComposedPart> = {}): ComposedPart =>
  part(
    {
      kind: 'bytes',
      async *read() {
        for (let at = 0; at < bytes.length; at += 37) yield bytes.subarray(at, at + 37)
      },
    },
    o,
  )

test('RFC 2045 §6: any bytes and any text are read back as they were, in lines of at most 998', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(
        fc.constantFrom('From me', '.', ' ', '\t', '=', 'ä', '\r\n', '\n', '\r', 'x'.repeat(999), 'abc'),
        { maxLength: 60 },
      )
      .map((all) => all.join('')),
  )
  const type = fc.constantFrom(
    'text/plain',
    'text/html',
    'application/octet-stream',
    'message/delivery-status',
  )
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.uint8Array({ maxLength: 300 }),
      text,
      type,
      async (value, bytes, other, other_type) => {
        const blobs = [bytes, Buffer.from(other)]
        const inner = part(
          { kind: 'multipart', parts: blobs.map((one) => bytesPart(one, { type: other_type })) },
          { type: 'multipart/related' },
        )
        const body = part({ kind: 'text', text: value }, { type: 'text/plain' })
        const message = await compose(
          part({ kind: 'multipart', parts: [body, inner] }, { type: 'multipart/mixed' }),
        )
        assertLines(message)
        const [first, second] = parseStructure(message).root.children
        assert.equal(content(message, first!).toString(), value.toWellFormed().replace(/\r\n|\r|\n/g, '\r\n'))
        assert.deepEqual(
          second!.children.map((one) => content(message, one)),
          blobs.map((one) => Buffer.from(one)),
        )
        const alone = await compose(body)
        assert.equal(
          content(alone, parseStructure(alone).root).toString(),
          value.toWellFormed().replace(/\r\n|\r|\n/g, '\r\n'),
        )
      },
    ),
  )
})

test('the encoding is the one that changes least', async () => {
  const encodingOf = async (one: ComposedPart): Promise<string> =>
    parseStructure(await compose(one)).root.encoding
  const text = (value: string): ComposedPart => part({ kind: 'text', text: value }, { type: 'text/plain' })
  assert.equal(await encodingOf(text('plain\n\tx\n')), '7bit')
  assert.equal(await encodingOf(text('From me\n')), 'quoted-printable')
  assert.equal(await encodingOf(text('a few umlauts äöü in a line\n')), 'quoted-printable')
  assert.equal(await encodingOf(text(`${'x'.repeat(999)}\n`)), 'quoted-printable')
  assert.equal(await encodingOf(text('すべて日本語で書かれています')), 'base64')
  assert.equal(await encodingOf(text('\0')), 'base64')
  assert.equal(await encodingOf(bytesPart(Buffer.from('abc'))), 'base64')
  const message = (value: string): ComposedPart => bytesPart(Buffer.from(value), { type: 'message/rfc822' })
  assert.equal(await encodingOf(message('Subject: x\r\n\r\nx\r\n')), '7bit')
  assert.equal(await encodingOf(message('Subject: x\r\n\r\nä\r\n')), '8bit')
  assert.equal(await encodingOf(message('Subject: x\n\nx\n')), 'base64')
  const outer = part({ kind: 'multipart', parts: [message('A: b\r\n\r\nä')] }, { type: 'multipart/mixed' })
  const header = (await compose(outer)).toString('latin1').split('\r\n\r\n', 1)[0]!
  assert.match(header, /^Content-Transfer-Encoding: 8bit$/m, 'RFC 2045 §6.4')
})

test('RFC 2231: names of files in any characters, and one of ASCII for those who cannot read them', async () => {
  fc.assert(
    fc.property(line, (name) => {
      const field = composeParameterField('Content-Disposition', 'attachment', [
        { name: 'filename', value: name },
      ])
      const message = Buffer.from(`${field}Content-Type: image/png\r\n\r\n`)
      assertLines(message)
      const read = fileName(parseStructure(message).root)
      if (name.includes('=?')) assert.notEqual(read, undefined)
      else assert.equal(read, name)
    }),
  )
  const field = composeParameterField('Content-Disposition', 'attachment', [
    { name: 'filename', value: 'résumé "neu" €.pdf' },
  ])
  assert.match(field, /filename="resume _neu_ _\.pdf"/)
  assert.match(field, /filename\*=utf-8''r%C3%A9sum%C3%A9%20%22neu%22%20%E2%82%AC\.pdf/)
})

test('RFC 3676: format=flowed keeps its spaces', async () => {
  const text = 'a line that flows \non and on \n\n-- \nsignature\n'
  const body = part(
    { kind: 'text', text },
    { type: 'text/plain', parameters: [{ name: 'format', value: 'flowed' }] },
  )
  for (const value of [body, { ...body, content: { kind: 'text', text: `ä${text}` } as const }]) {
    const message = await compose(value)
    const { root } = parseStructure(message)
    assert.ok(root.params.some(({ name, value: v }) => name === 'format' && v === 'flowed'))
    assert.ok(content(message, root).toString().endsWith(text.replaceAll('\n', '\r\n')))
  }
})

test('a large attachment is never held', async () => {
  const piece = Buffer.alloc(1 << 16, 7)
  let read = 0
  const root = part({
    kind: 'bytes',
    async *read() {
      for (let i = 0; i < 200; i++) {
        read++
        yield piece
      }
    },
  })
  let written = 0
  let mostAhead = 0
  for await (const out of composeMessage({ fields: [], root }, tokens())) {
    written += out.length
    mostAhead = Math.max(mostAhead, read * piece.length - written)
  }
  assert.ok(written > 200 * piece.length)
  assert.ok(mostAhead <= 2 * piece.length)
})

test('RFC 2045 §6.8: bytes come out as they are, also where whoever gives them uses the same memory again', async () => {
  const all = Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 31) & 255))
  async function* read(): AsyncGenerator<Uint8Array> {
    const room = Buffer.alloc(100)
    for (let at = 0; at < all.length; at += 100) {
      all.copy(room, 0, at, at + 100)
      yield room
    }
  }
  const message = await compose(part({ kind: 'bytes', read }, { type: 'application/octet-stream' }))
  const { root } = parseStructure(message)
  assert.deepEqual(content(message, root), all)
})
