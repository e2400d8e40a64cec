import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStructure, StructureParser } from './mime.ts'
import { isMessage, isMultipart, type Part } from './structure.ts'

const bytes = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1')

/** "type/subtype" with children in brackets. */
const shape = (part: Part): string =>
  `${part.type}/${part.subtype}${part.children.length > 0 ? `[${part.children.map(shape).join(' ')}]` : ''}`

const body = (message: Buffer, part: Part): string => message.toString('latin1', part.bodyStart, part.bodyEnd)

test('RFC 2046 §5.1.1: of two boundaries that a line may be, the longer one counts, also where it is that of the outer part', () => {
  const { root } = parseStructure(
    bytes(
      'Content-Type: multipart/mixed; boundary=ab',
      '',
      '--ab',
      'Content-Type: multipart/alternative; boundary=a',
      '',
      '--a',
      '',
      'one',
      '--ab',
      'Content-Type: text/html',
      '',
      'two',
      '--ab--',
    ),
  )
  assert.equal(shape(root), 'multipart/mixed[multipart/alternative[text/plain] text/html]')
})

test('RFC 8621 §4.1.4: a text behind a message that came along is shown, not one in it', () => {
  const { preview } = parseStructure(
    bytes(
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: message/rfc822',
      '',
      'Subject: forwarded',
      '',
      'of the other message',
      '--b',
      '',
      'of this one',
      '--b--',
    ),
  )
  assert.equal(preview.trim(), 'of this one')
})

test('the example of RFC 2046 §5.1.1', () => {
  const message = bytes(
    'From: Nathaniel Borenstein <nsb@bellcore.com>',
    'Content-type: multipart/mixed; boundary="simple boundary"',
    '',
    'This is the preamble.',
    '--simple boundary',
    '',
    'This is implicitly typed plain US-ASCII text.',
    'It does NOT end with a linebreak.',
    '--simple boundary',
    'Content-type: text/plain; charset=us-ascii',
    '',
    'This is explicitly typed plain US-ASCII text.',
    'It DOES end with a linebreak.',
    '',
    '--simple boundary--',
    '',
    'This is the epilogue.',
  )
  const { root, preview, sizeBytes } = parseStructure(message)
  assert.equal(shape(root), 'multipart/mixed[text/plain text/plain]')
  const [first, second] = root.children
  assert.equal(
    body(message, first!),
    'This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.',
  )
  assert.equal(first!.lines, 1)
  assert.equal(first!.headerStart + 2, first!.bodyStart)
  assert.match(body(message, second!), /linebreak\.\r\n$/)
  assert.equal(second!.lines, 2)
  assert.equal(
    message.toString('latin1', second!.headerStart, second!.bodyStart),
    'Content-type: text/plain; charset=us-ascii\r\n\r\n',
  )
  assert.equal(root.bodyEnd, sizeBytes)
  assert.equal(preview, 'This is implicitly typed plain US-ASCII text. It does NOT end with a linebreak.')
})

test('headers that do not end as they should', () => {
  const check = (message: Buffer, headerEnd: number, preview: string): void => {
    const structure = parseStructure(message)
    assert.equal(structure.root.bodyStart, headerEnd, message.toString())
    assert.equal(structure.preview, preview)
  }
  check(bytes(''), 0, '')
  check(bytes('', 'body'), 2, 'body')
  check(bytes('hello world', '', 'more'), 0, 'hello world more')
  check(bytes(' starts with space', '', 'more'), 0, 'starts with space more')
  check(bytes('Subject: x'), 10, '')
  check(bytes('Subject: x', ''), 12, '')
  check(bytes('Subject: x', 'hello world', 'and more'), 12, 'hello world and more')
  check(bytes('Subject: x', 'junk', 'To: y', '', 'body'), 27, 'body')
  check(Buffer.from('Subject: x\nTo: y\n\nbody\n'), 18, 'body')
  check(Buffer.from('Subject: x\rTo: y\r\rbody'), 22, '')
  check(Buffer.from('From bob Mon Jan  1 00:00:00 2024\nSubject: x\n\nbody'), 46, 'body')
  check(bytes('Subject: \xe9', 'X\xff: y', '', 'body'), 21, 'body')
})

test('a header line without an empty line before the first delimiter', () => {
  const message = bytes(
    'Content-Type: multipart/mixed; boundary=b',
    '--b',
    'Content-Type: text/html',
    '--b',
    'Hi',
    '--b--',
  )
  const { root } = parseStructure(message)
  assert.equal(shape(root), 'multipart/mixed[text/html text/plain]')
  assert.equal(root.children[0]!.bodyStart, root.children[0]!.bodyEnd)
  assert.equal(body(message, root.children[1]!), 'Hi')
})

test('multiparts that are broken', () => {
  const parse = (...lines: string[]): Part => parseStructure(bytes(...lines)).root
  assert.equal(shape(parse('Content-Type: multipart/mixed', '', 'text')), 'text/plain')
  const empty = parseStructure(bytes('Content-Type: multipart/mixed; boundary=b', '', 'only text', ''))
  assert.equal(shape(empty.root), 'multipart/mixed[text/plain]')
  assert.equal(empty.root.children[0]!.lines, 1)
  assert.equal(empty.preview, 'only text')
  const truncated = parse(
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    '',
    'one',
    '--b',
    'Content-Type: image/png',
  )
  assert.equal(shape(truncated), 'multipart/mixed[text/plain image/png]')
  assert.equal(
    shape(parse('Content-Type: multipart/mixed; boundary=b', '', '--b--')),
    'multipart/mixed[text/plain]',
  )
  assert.equal(
    shape(parse('Content-Type: multipart/mixed; boundary="b  "', '', '--b \t', '', 'x', '--b--')),
    'multipart/mixed[text/plain]',
  )
  assert.equal(shape(parse('Content-Type: nonsense', '', 'x')), 'text/plain')
  assert.equal(
    shape(parse('Content-Type: multipart/mixed; boundary=b', '', '--bogus', '', 'x', '--b-', '', 'y')),
    'multipart/mixed[text/plain text/plain]',
  )
})

test('an outer delimiter ends inner multiparts at any depth (RFC 2046 §5.1.2)', () => {
  const message = bytes(
    'Content-Type: multipart/mixed; boundary=outer',
    '',
    '--outer',
    'Content-Type: multipart/alternative; boundary=outer-inner',
    '',
    '--outer-inner',
    '',
    'first',
    '--outer-inner',
    '',
    '',
    '--outer',
    '',
    'second',
    '--outer--',
  )
  const { root } = parseStructure(message)
  assert.equal(shape(root), 'multipart/mixed[multipart/alternative[text/plain text/plain] text/plain]')
  const inner = root.children[0]!
  assert.equal(body(message, inner.children[0]!), 'first')
  assert.ok(inner.children[1]!.bodyEnd <= inner.bodyEnd)
  assert.equal(body(message, root.children[1]!), 'second')
})

test('nested messages', () => {
  const message = bytes(
    'Content-Type: multipart/digest; boundary=d',
    '',
    '--d',
    '',
    'Subject: one',
    '',
    'body one',
    '--d',
    'Content-Type: message/rfc822',
    'Content-Transfer-Encoding: base64',
    '',
    'U3ViamVjdDogeA0K',
    '--d',
    'Content-Type: message/global',
    '',
    'Subject: three',
    'Content-Type: multipart/mixed; boundary=i',
    '',
    '--i',
    '',
    'inner',
    '--d--',
  )
  const { root, preview } = parseStructure(message)
  assert.equal(
    shape(root),
    'multipart/digest[message/rfc822[text/plain] message/rfc822 message/global[multipart/mixed[text/plain]]]',
  )
  const [one, encoded, three] = root.children
  assert.equal(one!.envelope?.subject, 'one')
  assert.equal(one!.lines, 2)
  assert.equal(one!.children[0]!.headerStart, one!.bodyStart)
  assert.equal(body(message, one!.children[0]!), 'body one')
  assert.equal(encoded!.envelope, undefined)
  assert.equal(encoded!.lines, 0)
  assert.equal(three!.envelope?.subject, 'three')
  assert.equal(body(message, three!.children[0]!.children[0]!), 'inner')
  assert.equal(preview, '')
})

test('depth, parts and headers are bounded', () => {
  let nested = ''
  for (let i = 0; i < 200; i++) nested += `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`
  let depth = 1
  let part = parseStructure(Buffer.from(nested)).root
  for (; part.children[0] !== undefined; part = part.children[0]) depth++
  assert.equal(depth, 50)
  assert.equal(shape(part), 'application/octet-stream')

  const messages = parseStructure(Buffer.from('Content-Type: message/rfc822\r\n\r\n'.repeat(200))).root
  depth = 1
  for (part = messages; part.children[0] !== undefined; part = part.children[0]) depth++
  assert.equal(depth, 50)
  assert.ok(isMessage(part))

  const many = parseStructure(
    Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(3000)}`),
  ).root
  assert.equal(many.children.length, 999)
  assert.equal(shape(many.children.at(-1)!), 'application/octet-stream')
  assert.equal(many.children.at(-1)!.bodyEnd, many.bodyEnd)

  const long = parseStructure(Buffer.from(`Subject: ${'x'.repeat(300_000)}\r\nTo: a@b\r\n\r\nbody`))
  assert.equal(long.preview, 'body')
  assert.equal(long.envelope.subject?.length, 4096)
  assert.equal(long.envelope.to.length, 0)
})

test('memory does not grow with the message', () => {
  const parser = new StructureParser()
  parser.push(bytes('Content-Type: multipart/mixed; boundary=b', '', '--b', '', ''))
  const chunk = Buffer.alloc(1 << 20, 'a')
  global.gc?.()
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 64; i++) parser.push(chunk)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20)
  const { root, preview } = parser.end()
  assert.equal(root.children[0]!.bodyEnd - root.children[0]!.bodyStart, 64 << 20)
  assert.equal(preview, 'a'.repeat(256))
})

test('what the top header says', () => {
  const structure = parseStructure(
    bytes(
      'Received: a',
      'Received: b',
      'Date: Fri, 21 Nov 1997 09:55:06 -0600',
      'Subject: Re: [x] =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
      'From: a@b.example',
      'From: ignored@b.example',
      'To: c@d.example',
      'to: e@f.example',
      'Message-ID: <1@b.example>',
      'In-Reply-To: <0@b.example>',
      'References: <r@b.example> <0@b.example>',
      '',
      'text',
    ),
  )
  assert.equal(structure.receivedCount, 2)
  assert.equal(structure.sentAt, Date.UTC(1997, 10, 21, 15, 55, 6))
  assert.equal(structure.baseSubject, 'Grüße')
  assert.equal(structure.envelope.subject, 'Re: [x] =?utf-8?Q?Gr=C3=BC=C3=9Fe?=')
  assert.deepEqual(
    structure.envelope.from.map((a) => a.mailbox),
    ['a'],
  )
  assert.equal(structure.envelope.sender, structure.envelope.from)
  assert.deepEqual(
    structure.envelope.to.map((a) => a.mailbox),
    ['c', 'e'],
  )
  assert.deepEqual(structure.messageIds, ['1@b.example'])
  assert.deepEqual(structure.inReplyTo, ['0@b.example'])
  assert.deepEqual(structure.references, ['r@b.example', '0@b.example'])
})

test('the preview is that of the first text that says anything', () => {
  const alternative = (plain: string, html: string): string =>
    parseStructure(
      bytes(
        'Content-Type: multipart/alternative; boundary=b',
        '',
        '--b',
        '',
        plain,
        '--b',
        'Content-Type: text/html',
        '',
        html,
        '--b--',
      ),
    ).preview
  assert.equal(alternative('plain', '<p>html</p>'), 'plain')
  assert.equal(alternative(' \r\n', '<p>html</p>'), 'html')
  const attached = bytes('Content-Type: text/plain', 'Content-Disposition: attachment', '', 'a file')
  assert.equal(parseStructure(attached).preview, '')
})

test('any line structure keeps the parts in order', () => {
  const message = bytes(
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    '',
    '--b',
    '',
    '',
    '--b--',
    '',
  )
  const { root } = parseStructure(message)
  assert.ok(isMultipart(root))
  for (const part of root.children) assert.equal(part.bodyStart, part.bodyEnd)
})

// Turns red where a value is cut in the middle of an address, and where only its length without folds is looked at.
test('a list too long to be read to its end has whole addresses only, and is not all there is', () => {
  const address = (i: number): string => `user${String(i).padStart(5, '0')}@example.org`
  const list = (count: number, between: string): string =>
    Array.from({ length: count }, (_, i) => address(i)).join(between)
  const read = (field: string) => {
    const { envelope, fidelity } = parseStructure(Buffer.from(`${field}\r\n\r\n`))
    return { ...envelope, isExact: fidelity.isExact }
  }
  const some = read(`To: ${list(4000, ',\r\n ')}`)
  assert.equal(some.to.length, 4000)
  assert.ok(some.isExact)
  for (let cut = 0; cut < 30; cut++) {
    const from = read(`From: ${' '.repeat(cut)}${list(4000, ',\r\n ')}`)
    assert.equal(from.isExact, false)
    assert.ok(from.from.length > 2500)
    assert.deepEqual(from.from.at(-1), {
      name: undefined,
      route: undefined,
      mailbox: `user${String(from.from.length - 1).padStart(5, '0')}`,
      host: 'example.org',
    })
  }
  const group = read(`From: all: ${list(4000, ',')};`)
  assert.equal(group.from.at(-1)?.mailbox, undefined)
  assert.equal(group.from.at(-2)?.host, 'example.org')
  assert.equal(read(`To: ${'a,'.repeat(5000)}`).isExact, false)
  // Beyond what is read of a header.
  const cut = read(`To: ${list(12_000, ',')}\r\nSubject: behind`)
  assert.equal(cut.to.at(-1)?.host, 'example.org')
  assert.deepEqual([cut.subject, cut.isExact], [undefined, false])
  assert.equal(read(`To: ${list(2000, ',')}\r\nTo: ${list(3000, ',')}`).to.length, 4096)
})

// Turns red where less of a header is read than SMTP takes.
test('what stands behind thousands of recipients is read, and so are the parts', () => {
  const to = Array.from({ length: 8000 }, (_, i) => `user${i}@example.org`).join(',\r\n ')
  const { root, envelope, fidelity } = parseStructure(
    bytes(
      `To: ${to}`,
      'Subject: to all',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/html',
      '',
      'x',
      '--b--',
    ),
  )
  assert.equal(envelope.subject, 'to all')
  assert.equal(envelope.to.length, 4096)
  assert.equal(fidelity.isExact, false)
  assert.equal(shape(root), 'multipart/mixed[text/html]')
})
