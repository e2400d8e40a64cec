import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeAnswer, type TestRecord } from '../../test/harness/dns-wire.ts'
import { recordText } from './record-text.ts'
import { decodeMessage } from './wire.ts'

test('records as zone files have them', () => {
  const shown = (type: TestRecord['type'], data: TestRecord['data']): string => {
    const answers = [{ name: 'example.org', type, ttl: 1, data }]
    const { answers: read } = decodeMessage(encodeAnswer({ id: 1, question: Buffer.alloc(0), answers }))
    return recordText(read[0]!)
  }
  for (const [type, data] of [
    ['A', '192.0.2.1'],
    ['AAAA', '2001:db8::1'],
    ['NS', 'ns.example.org'],
    ['CNAME', 'a\\.b.example.org'],
    ['PTR', 'example.org'],
    ['MX', '10 mx.example.org'],
    ['MX', '0 .'],
    ['SOA', 'ns.example.org root.example.org 1 2 3 4 5'],
    ['SRV', '0 1 993 imap.example.org'],
    ['TLSA', '3 1 1 00ff'],
  ] as const)
    assert.equal(shown(type, data), data)
  assert.equal(shown('CAA', '128 issue ca.example; a=b'), '128 issue "ca.example; a=b"')
  assert.equal(shown('TXT', ['a"b\\', 'ä\n']), '"a\\"b\\\\" "\\195\\164\\010"')
  assert.equal(shown('TYPE65', '000100'), '\\# 3 000100')
  assert.equal(shown('TYPE65', ''), '\\# 0')
})
