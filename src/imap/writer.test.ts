import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResponseWriter } from './writer.ts'

test('a long response that nobody hands over meanwhile is not copied for each of its numbers', () => {
  const sent: Uint8Array[] = []
  const out = new ResponseWriter({
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
