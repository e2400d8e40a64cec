import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResponseWriter } from './writer.ts'

test('a long response that nobody hands over meanwhile is not copied for each of its numbers', () => {
  const sent: Uint8Array[] = []
  const out = new ResponseWriter({
    unsent: 1,
    write: (...chunks) => {
      sent.push(...chunks)
    },
  })
  const numbers = Array.from({ length: 500_000 }, (_, i) => i)
  // With a copy for each this takes minutes.
  for (const number of numbers) out.sp().uint(number)
  void out.end()
  assert.equal(Buffer.concat(sent).toString(), ` ${numbers.join(' ')}`)
})

/** Remembers its chunks as what they were when they came, and whether they are that still. */
class SlowSink {
  readonly #chunks: { readonly bytes: Uint8Array; readonly text: string }[] = []
  readonly memory = new Set<ArrayBufferLike>()
  unsent = 0
  text = ''

  write(...chunks: readonly Uint8Array[]): void {
    for (const bytes of chunks) {
      const text = Buffer.from(bytes).toString('latin1')
      this.#chunks.push({ bytes, text })
      this.memory.add(bytes.buffer)
      this.text += text
      this.unsent += bytes.length
    }
  }

  send(): void {
    for (const { bytes, text } of this.#chunks.splice(0))
      assert.equal(Buffer.from(bytes).toString('latin1'), text, 'what was not sent is as it was written')
    this.unsent = 0
  }
}

/** Writes so many lines; `sink` sends all that it has whenever so many bytes or more wait there. */
function writeLines(sink: SlowSink, count: number, sendAtBytes: number): string {
  const out = new ResponseWriter(sink)
  const lines = Array.from({ length: count }, (_, i) => `* ${i} FETCH (UID ${i})\r\n`)
  for (const line of lines) {
    out.ascii(line)
    void out.room()
    if (sink.unsent >= sendAtBytes) sink.send()
  }
  void out.end()
  sink.send()
  return lines.join('')
}

test('what is not sent yet is not written over, whenever that is', () => {
  // Turns red where memory is used again although `unsent` is not 0.
  for (const sendAtBytes of [1, 40_000, 70_000, 200_000, Infinity]) {
    const sink = new SlowSink()
    assert.equal(writeLines(sink, 20_000, sendAtBytes), sink.text)
  }
})

test('a long response takes little memory where each chunk is sent at once', () => {
  const sink = new SlowSink()
  writeLines(sink, 100_000, 1)
  assert.ok(sink.text.length > 2_500_000)
  // What it grows by until a chunk has room.
  assert.ok(sink.memory.size <= 10, `${sink.memory.size} pieces of memory`)
})
