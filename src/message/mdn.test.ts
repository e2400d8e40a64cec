import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { composeMdnFields, isExtensionName, type MdnFields, parseMdnFields } from './mdn.ts'

const crlf = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'))

test('RFC 8098 §9: the fields of its example', () => {
  const fields = parseMdnFields(
    crlf(
      [
        'Reporting-UA: joes-pc.cs.example.com; Foomail 97.1',
        'Original-Recipient: rfc822;Joe_Recipient@example.com',
        'Final-Recipient: rfc822;Joe_Recipient@example.com',
        'Original-Message-ID: <199509192301.23456@example.org>',
        'Disposition: manual-action/MDN-sent-manually; displayed',
        '',
      ].join('\n'),
    ),
  )
  assert.deepEqual(fields, {
    reportingUA: 'joes-pc.cs.example.com; Foomail 97.1',
    originalRecipient: 'rfc822; Joe_Recipient@example.com',
    finalRecipient: 'rfc822; Joe_Recipient@example.com',
    originalMessageId: '<199509192301.23456@example.org>',
    disposition: { actionMode: 'manual-action', sendingMode: 'mdn-sent-manually', type: 'displayed' },
    errors: [],
    extensions: new Map(),
  })
})

test('RFC 8098 §3.2.6: modes and types in any case, with space, comments and modifiers', () => {
  const read = (text: string) => parseMdnFields(crlf(`Disposition: ${text}\n`))?.disposition
  const automatic = {
    actionMode: 'automatic-action',
    sendingMode: 'mdn-sent-automatically',
    type: 'processed',
  }
  for (const text of [
    'automatic-action/MDN-sent-automatically; processed',
    'AUTOMATIC-ACTION / mdn-SENT-automatically ; Processed / error , x',
    'automatic-action (a comment)/MDN-sent-automatically;processed/error',
    'automatic-action/\n MDN-sent-automatically;\n\tprocessed',
  ])
    assert.deepEqual(read(text), automatic, text)
  for (const text of [
    '',
    'displayed',
    'manual-action/MDN-sent-manually',
    'manual-action/MDN-sent-manually; denied',
    'manual-action; displayed',
    'manual-action/MDN-sent-manually; displayedx',
    `manual-action/MDN-sent-manually; ${'('.repeat(100_000)}displayed`,
  ])
    assert.equal(read(text), undefined, text.slice(0, 60))
  assert.equal(parseMdnFields(Buffer.alloc(0)), undefined)
  assert.equal(parseMdnFields(Buffer.from('\0\xff'.repeat(100_000), 'latin1')), undefined)
})

test('RFC 8098 §3.2.7, §3.3: errors, extensions, and what is there twice', () => {
  const fields = parseMdnFields(
    crlf(
      '\nDisposition: manual-action/MDN-sent-manually; deleted\nError: one\nerror: two\nX-Some: a\n b\nX-Some: c\n__proto__: d\nMDN-Gateway: dns; mta.example.com\n',
    ),
  )!
  assert.deepEqual(fields.errors, ['one', 'two'])
  assert.deepEqual(
    [...fields.extensions],
    [
      ['X-Some', 'a b'],
      ['__proto__', 'd'],
    ],
  )
  assert.equal(fields.mdnGateway, 'dns; mta.example.com')
  const many = parseMdnFields(
    crlf(`Disposition: manual-action/MDN-sent-manually; deleted\n${'Error: e\nX-y: z\n'.repeat(100_000)}`),
  )!
  assert.equal(many.errors.length, 100)
})

test('RFC 6533 §3: addresses beyond ASCII have their letters written as numbers', () => {
  const disposition = {
    actionMode: 'manual-action',
    sendingMode: 'mdn-sent-manually',
    type: 'displayed',
  } as const
  const fields: MdnFields = {
    disposition,
    finalRecipient: 'rfc822; jürgen@example.org',
    errors: [],
    extensions: new Map(),
  }
  const text = composeMdnFields(fields)
  assert.equal(
    text,
    'Final-Recipient: utf-8; j\\x{FC}rgen@example.org\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n',
  )
  assert.equal(parseMdnFields(Buffer.from(text))!.finalRecipient, 'utf-8; jürgen@example.org')
})

test('what is written is ASCII on lines of its own, and is read as it was meant', () => {
  const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(anyText, anyText, (value, name) => {
      const extensions = isExtensionName(name) ? new Map([[name, value]]) : new Map<string, string>()
      const text = composeMdnFields({
        reportingUA: value,
        finalRecipient: `rfc822; ${value}`,
        originalMessageId: value,
        disposition: { actionMode: 'automatic-action', sendingMode: 'mdn-sent-manually', type: 'deleted' },
        errors: [value, value],
        extensions,
      })
      for (const line of text.split('\r\n').slice(0, -1))
        assert.match(line, /^[\x21-\x7e]+: [\x20-\x7e]{1,998}$/)
      assert.deepEqual(parseMdnFields(Buffer.from(text))!.disposition, {
        actionMode: 'automatic-action',
        sendingMode: 'mdn-sent-manually',
        type: 'deleted',
      })
    }),
  )
})

test('extensions have names that mean nothing else', () => {
  for (const name of ['X-Foo', 'EXTENSION-EXAMPLE', 'a']) assert.ok(isExtensionName(name), name)
  for (const name of ['', 'Disposition', 'ERROR', 'a b', 'a:b', 'a\r\nb', 'é', 'x'.repeat(77)])
    assert.ok(!isExtensionName(name), name)
})
