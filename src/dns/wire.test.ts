import assert from 'node:assert/strict'
import { test } from 'node:test'
import packet from 'dns-packet'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { encodeAnswer, type TestRecord } from '../../test/harness/dns-wire.ts'
import { encodeName } from './name.ts'
import { codeOf, type DnsRecord, parseType, type RecordType, typeOf } from './record.ts'
import { decodeMessage, encodeQuery, type Query, rcodeName } from './wire.ts'

const question = (name: string, type: RecordType): Buffer => {
  const tail = Buffer.alloc(4)
  tail.writeUInt16BE(codeOf(type), 0)
  tail.writeUInt16BE(1, 2)
  return Buffer.concat([encodeName(name)!, tail])
}

const query = (o: Partial<Query> = {}): Query => ({
  id: 4711,
  name: encodeName('mail.example.org')!,
  typeCode: codeOf('MX'),
  wantsAuthentic: false,
  edns: 'plain',
  ...o,
})

test('a query as another implementation reads it', () => {
  const bytes = encodeQuery(query({ wantsAuthentic: true }))
  const read = packet.decode(bytes)
  assert.equal(read.id, 4711)
  assert.equal(read.type, 'query')
  assert.ok(read.flag_rd && read.flag_ad && !read.flag_cd)
  assert.deepEqual(read.questions, [{ name: 'mail.example.org', type: 'MX', class: 'IN' }])
  assert.equal(read.additionals?.length, 1)
  const opt = read.additionals?.[0] as packet.OptAnswer
  assert.equal(opt.udpPayloadSize, 1232)
  assert.equal(opt.flag_do, false)
})

test('queries without EDNS have no OPT', () => {
  const read = packet.decode(encodeQuery(query({ edns: 'none' })))
  assert.deepEqual(read.additionals, [])
})

test('padding hides the length of the name (RFC 8467 §4.1)', () => {
  for (let length = 1; length < 60; length++) {
    const bytes = encodeQuery(query({ name: encodeName('a'.repeat(length))!, edns: 'padded' }))
    assert.equal(bytes.length % 128, 0)
    const opt = packet.decode(bytes).additionals![0] as packet.OptAnswer
    assert.equal(opt.options.length, 1)
  }
})

test('types and codes', () => {
  assert.equal(parseType('mx'), 'MX')
  assert.equal(parseType('type15'), 'MX')
  assert.equal(parseType('TYPE65'), 'TYPE65')
  assert.equal(codeOf('TYPE65'), 65)
  assert.equal(typeOf(257), 'CAA')
  for (const wrong of ['ANY', 'OPT', 'TYPE255', 'TYPE0', 'TYPE41', 'TYPE65536', 'constructor', '', 'TYPE'])
    assert.equal(parseType(wrong), undefined, wrong)
  assert.equal(rcodeName(3), 'NXDOMAIN')
  assert.equal(rcodeName(23), 'RCODE23')
})

test('records as another implementation writes them', () => {
  const name = 'host.example.org'
  const answers: packet.Answer[] = [
    { type: 'A', name, ttl: 60, data: '192.0.2.1' },
    { type: 'AAAA', name, ttl: 60, data: '2001:db8::1' },
    { type: 'NS', name, ttl: 60, data: 'ns.example.org' },
    { type: 'CNAME', name, ttl: 60, data: 'a.example.org' },
    { type: 'PTR', name, ttl: 60, data: 'b.example.org' },
    { type: 'MX', name, ttl: 60, data: { preference: 10, exchange: 'mx.example.org' } },
    { type: 'TXT', name, ttl: 60, data: [Buffer.from('v=spf1 '), Buffer.from('-all')] },
    {
      type: 'SOA',
      name,
      ttl: 60,
      data: { mname: 'ns', rname: 'root', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 },
    },
    { type: 'SRV', name, ttl: 60, data: { priority: 1, weight: 2, port: 993, target: 'imap.example.org' } },
    {
      type: 'TLSA',
      name,
      ttl: 60,
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.from('abcd') },
    },
    { type: 'CAA', name, ttl: 60, data: { flags: 128, tag: 'issue', value: 'ca.example' } },
  ]
  const bytes = packet.encode({
    type: 'response',
    id: 5,
    flags: packet.RECURSION_AVAILABLE | packet.AUTHENTIC_DATA,
    questions: [{ type: 'A', name }],
    answers,
  })
  const message = decodeMessage(bytes)
  assert.ok(message.isResponse && message.isRecursive && message.isAuthentic && !message.isTruncated)
  const at = { name, ttl: 60 }
  const wanted: readonly DnsRecord[] = [
    { type: 'A', ...at, ip: '192.0.2.1' },
    { type: 'AAAA', ...at, ip: '2001:db8::1' },
    { type: 'NS', ...at, target: 'ns.example.org' },
    { type: 'CNAME', ...at, target: 'a.example.org' },
    { type: 'PTR', ...at, target: 'b.example.org' },
    { type: 'MX', ...at, preference: 10, exchange: 'mx.example.org' },
    { type: 'TXT', ...at, strings: [Buffer.from('v=spf1 '), Buffer.from('-all')] },
    {
      type: 'SOA',
      ...at,
      primary: 'ns',
      mailbox: 'root',
      serial: 1,
      refresh: 2,
      retry: 3,
      expire: 4,
      minimum: 5,
    },
    { type: 'SRV', ...at, priority: 1, weight: 2, port: 993, target: 'imap.example.org' },
    { type: 'TLSA', ...at, usage: 3, selector: 1, matching: 1, association: Buffer.from('abcd') },
    { type: 'CAA', ...at, flags: 128, tag: 'issue', value: Buffer.from('ca.example') },
  ]
  assert.deepEqual(message.answers, wanted)
})

test('names with compression, and what another implementation makes of the same answer', () => {
  const records: readonly TestRecord[] = [
    { name: 'example.org', type: 'MX', ttl: 60, data: '10 mx1.example.org' },
    { name: 'example.org', type: 'MX', ttl: 60, data: '20 mx2.mx1.example.org' },
    { name: 'mx1.example.org', type: 'TXT', ttl: 5, data: ['a', 'b'.repeat(300)] },
    { name: '_sip._tcp.example.org', type: 'SRV', ttl: 5, data: '1 2 993 mx1.example.org' },
    { name: 'example.org', type: 'SOA', ttl: 5, data: 'ns.example.org root.example.org 1 2 3 4 5' },
    { name: '_25._tcp.example.org', type: 'TLSA', ttl: 5, data: '3 1 1 00ff' },
    { name: 'example.org', type: 'CAA', ttl: 5, data: '0 issue ca.example' },
  ]
  const bytes = encodeAnswer({ id: 1, question: question('example.org', 'MX'), answers: records })
  const ours = decodeMessage(bytes).answers
  const theirs = packet.decode(bytes).answers! as readonly packet.BaseAnswer<string, unknown>[]
  assert.equal(ours.length, theirs.length)
  for (const [i, { name, ttl, type }] of ours.entries())
    assert.deepEqual(
      { name, ttl, type },
      { name: theirs[i]!.name, ttl: theirs[i]!.ttl, type: theirs[i]!.type },
    )
  assert.deepEqual(
    ours.flatMap((one) =>
      one.type === 'MX' ? [{ preference: one.preference, exchange: one.exchange }] : [],
    ),
    theirs.slice(0, 2).map(({ data }) => data),
  )
  const text = ours.find((one) => one.type === 'TXT')
  assert.deepEqual(text?.strings.map(String), ['a', 'b'.repeat(255), 'b'.repeat(45)])
})

test('unknown types keep their bytes (RFC 3597 §5), other classes are left out', () => {
  const bytes = encodeAnswer({
    id: 1,
    question: question('example.org', 'TYPE65'),
    answers: [{ name: 'example.org', type: 'TYPE65', ttl: 1, data: '000100' }],
  })
  const { answers } = decodeMessage(bytes)
  assert.deepEqual(answers, [
    { type: 'TYPE65', name: 'example.org', ttl: 1, bytes: Buffer.from('000100', 'hex') },
  ])
  const chaos = Buffer.from(bytes)
  // The class stands six bytes before the end of the fixed part of the record.
  chaos.writeUInt16BE(3, bytes.length - 3 - 2 - 4 - 2)
  assert.deepEqual(decodeMessage(chaos).answers, [])
})

test('a TTL with its highest bit is 0 (RFC 2181 §8)', () => {
  const bytes = encodeAnswer({
    id: 1,
    question: question('example.org', 'A'),
    answers: [{ name: 'example.org', type: 'A', ttl: 0x8000_0001, data: '192.0.2.1' }],
  })
  assert.equal(decodeMessage(bytes).answers[0]!.ttl, 0)
})

test('extended errors and extended codes', () => {
  const bytes = encodeAnswer({
    id: 1,
    question: question('example.org', 'A'),
    rcode: 23,
    edns: [{ code: 6, text: 'signature\r\nwrong' }],
  })
  const { rcode, errors } = decodeMessage(bytes)
  assert.equal(rcode, 23)
  assert.deepEqual(errors, [{ code: 6, text: 'signature wrong' }])
})

test('data that is too long or too short for its type is refused', () => {
  const wrong = (type: RecordType, hex: string): void => {
    const answers: readonly TestRecord[] = [{ name: 'a', type: 'TYPE65', ttl: 1, data: hex }]
    const bytes = encodeAnswer({ id: 1, question: question('a', 'A'), answers })
    const at = bytes.length - hex.length / 2 - 10
    bytes.writeUInt16BE(codeOf(type), at)
    assert.throws(() => decodeMessage(bytes), SyntaxFault, `${type} ${hex}`)
  }
  wrong('A', 'c00002')
  wrong('A', 'c000020101')
  wrong('AAAA', 'c0000201')
  wrong('MX', '0a')
  wrong('MX', '000a0000')
  wrong('TXT', '0561')
  wrong('CAA', '000561')
  wrong('CAA', '0001c3')
  wrong('SOA', '0000')
  wrong('CNAME', '')
})

const messages = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))

test('any bytes are a message or SyntaxFault', () => {
  const start = encodeAnswer({
    id: 1,
    question: question('example.org', 'A'),
    answers: [{ name: 'www.example.org', type: 'MX', ttl: 1, data: '10 mx.example.org' }],
    edns: [],
  })
  fc.assert(
    fc.property(messages, fc.nat(start.length), fc.nat(start.length), (bytes, from, to) => {
      for (const one of [bytes, Buffer.concat([start.subarray(0, from), bytes, start.subarray(to)])]) {
        try {
          decodeMessage(one)
        } catch (error) {
          if (!(error instanceof SyntaxFault)) throw error
        }
      }
    }),
    { numRuns: 2000 },
  )
})
