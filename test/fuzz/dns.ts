/** Fuzz targets of `src/dns`: answers as they come from the network, and names as text. */
import assert from 'node:assert/strict'
import { SyntaxFault } from '#base/fault.ts'
import { encodeName } from '#dns/name.ts'
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
  { name: 'dns name', parser, run: name },
]
