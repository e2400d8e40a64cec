/** Fuzz targets of `src/dns`: answers as they come from the network, what is taken of them, and names. */
import assert from 'node:assert/strict'
import { SyntaxFault } from '#base/fault.ts'
import { mostAliases, readAnswer } from '#dns/answer.ts'
import { foldName, encodeName } from '#dns/name.ts'
import type { DnsRecord } from '#dns/record.ts'
import { decodeMessage } from '#dns/wire.ts'
import { WireReader } from '#dns/wire-reader.ts'

/** Header and question of an answer for `a.example MX`, so that records are reached. */
const start = Buffer.from('000181800001ffffffffffff0161076578616d706c6500000f0001', 'hex')

function quietly(body: () => void): void {
  try {
    body()
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
  }
}

/** With its first byte even the bytes are a whole message, else records, as many as the second says. */
function message(bytes: Uint8Array): void {
  const [kind = 0, count = 0] = bytes
  const rest = Buffer.from(bytes.subarray(2))
  const whole = kind % 2 === 0 ? rest : Buffer.concat([start, rest])
  if (kind % 2 === 1) {
    whole.writeUInt16BE(count & 7, 6)
    whole.writeUInt16BE((count >> 3) & 7, 8)
    whole.writeUInt16BE(count >> 6, 10)
  }
  quietly(() => {
    const { answers, authority } = decodeMessage(whole)
    for (const { name, ttl } of [...answers, ...authority]) {
      assert.ok(encodeName(name) !== undefined)
      assert.ok(ttl >= 0 && ttl <= 0x7fff_ffff)
    }
  })
}

const names = ['a.example', 'b.example', 'A.b.example', 'example'] as const
const types = ['MX', 'CNAME', 'SOA', 'NS'] as const

/** Each byte is a record. Nothing is taken but what the chain of aliases from the question leads to. */
function answer(bytes: Uint8Array): void {
  const records = [...bytes.subarray(1)].map((byte): DnsRecord => {
    const type = types[byte & 3]!
    const owned = { name: names[(byte >> 2) & 3]!, ttl: byte }
    const target = names[(byte >> 4) & 3]!
    if (type === 'MX') return { type, ...owned, preference: byte, exchange: target }
    if (type !== 'SOA') return { type, ...owned, target }
    const numbers = { serial: 1, refresh: 1, retry: 1, expire: 1, minimum: byte >> 4 }
    return { type, ...owned, primary: target, mailbox: target, ...numbers }
  })
  const split = (bytes[0] ?? 0) >> 2
  const message = {
    rcode: (bytes[0] ?? 0) & 1 ? 3 : 0,
    answers: records.slice(0, split),
    authority: records.slice(split),
  }
  const { reading, aliases, end } = readAnswer(message, 'a.example', 'MX', 0)
  const steps = new Map(
    message.answers
      .flatMap((one) => (one.type === 'CNAME' ? [[foldName(one.name), foldName(one.target)] as const] : []))
      .toReversed(),
  )
  let at = 'a.example'
  for (let i = 0; i < Math.min(aliases, mostAliases); i++) at = steps.get(at)!
  assert.equal(at, end)
  assert.ok(aliases <= mostAliases + 1)
  if (reading.kind !== 'answer') return
  assert.ok(reading.records.length > 0)
  for (const { name, type, ttl } of reading.records)
    assert.ok(type === 'MX' && foldName(name) === end && ttl >= reading.ttl)
}

/** What was read as a name is written as the same octets. */
function name(bytes: Uint8Array): void {
  const wire = encodeName(Buffer.from(bytes).toString('latin1'))
  if (wire !== undefined) assert.deepEqual(encodeName(new WireReader(wire).name()), wire)
  quietly(() => {
    const r = new WireReader(Buffer.from(bytes))
    const text = r.name()
    assert.ok(r.at <= bytes.length)
    assert.ok(encodeName(text)!.length <= 255)
  })
}

const parser = 'DNS'

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void
}[] = [
  { name: 'dns message', parser, run: message },
  { name: 'dns answer', parser, run: answer },
  { name: 'dns name', parser, run: name },
]
