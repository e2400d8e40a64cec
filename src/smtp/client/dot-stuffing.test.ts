import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DotStuffing } from './dot-stuffing.ts'

const sent = (pieces: readonly string[]): string => {
  const stuffing = new DotStuffing()
  const all = pieces.map((piece) => stuffing.piece(Buffer.from(piece, 'latin1')))
  return Buffer.concat([...all, stuffing.end()]).toString('latin1')
}
/** Said once more in few words: every line end is CRLF, and the last line has one. */
const expected = (text: string): string => {
  const lines = text.split(/\r\n|\r|\n/)
  if (lines.at(-1) === '') lines.pop()
  return [...lines.map((line) => (line.startsWith('.') ? `.${line}` : line)), '.', ''].join('\r\n')
}

test('RFC 5321 §4.5.2: whatever a message is made of, it ends at its end and nowhere before', () => {
  for (let size = 0; size <= 5; size++) {
    for (let n = 0; n < 4 ** size; n++) {
      const text = Array.from({ length: size }, (_, i) => '.x\r\n'[Math.floor(n / 4 ** i) % 4]).join('')
      // What is cut between CR and LF is one line end all the same.
      assert.equal(sent([text]), expected(text), JSON.stringify(text))
      assert.equal(sent([...text]), expected(text), `${JSON.stringify(text)} byte by byte`)
    }
  }
})
