import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attachment } from './content-disposition.ts'

test('RFC 6266 §4.3: plain names stand in quotes, others as UTF-8 as well', () => {
  for (const [name, header] of [
    ['report.pdf', 'attachment; filename="report.pdf"'],
    ['my file (2).txt', 'attachment; filename="my file (2).txt"'],
    ['', 'attachment'],
    ['€ rates', `attachment; filename="_ rates"; filename*=UTF-8''%E2%82%AC%20rates`],
    ['a"b\\c', `attachment; filename="a_b_c"; filename*=UTF-8''a%22b%5Cc`],
    ['100%41.txt', `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`],
    ['../../etc/passwd', `attachment; filename=".._.._etc_passwd"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`],
    [
      'x\r\nSet-Cookie: a=b',
      `attachment; filename="x__Set-Cookie_ a=b"; filename*=UTF-8''x%0D%0ASet-Cookie%3A%20a%3Db`,
    ],
    ['\ud800', `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`],
    ["é*!()'", `attachment; filename="__!()'"; filename*=UTF-8''%C3%A9%2A%21%28%29%27`],
  ] as const)
    assert.equal(attachment(name), header)
})

test('RFC 8187 §3.2.1: whatever the name, the header is ASCII, has no line ends, and says the name', () => {
  const anyText = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) })
  fc.assert(
    fc.property(anyText, (name) => {
      const header = attachment(name)
      assert.match(
        header,
        /^attachment(?:; filename="[\x20-\x21\x23-\x5b\x5d-\x7e]+")?(?:; filename\*=UTF-8''(?:[\w!#$&+.^`|~-]|%[0-9A-F]{2})+)?$/,
      )
      const extended = /filename\*=UTF-8''(.*)$/.exec(header)?.[1]
      const said = extended === undefined ? /filename="(.*)"/.exec(header)?.[1] : decodeURIComponent(extended)
      assert.equal(said ?? '', name.toWellFormed())
    }),
  )
})
