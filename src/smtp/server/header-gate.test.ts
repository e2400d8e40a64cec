import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import type { ByteRange } from '#message/auth-results-reader.ts'
import { FieldScanner } from '#message/headers.ts'
import { HeaderGate } from './header-gate.ts'

/** What passes, and what is seen, of a message in pieces; fields called X-Drop are left out. */
async function passed(message: Buffer, cuts: readonly number[], maxBytes = 1 << 20, isSlow = false) {
  const seen = { header: '', body: '', headers: 0, dropped: 0 }
  const gate = new HeaderGate(
    {
      header(block) {
        seen.header = block.toString('latin1')
        seen.headers++
        const ranges: ByteRange[] = []
        const scanner = new FieldScanner(block)
        while (scanner.next())
          if (scanner.is('x-drop')) ranges.push({ start: scanner.nameStart, end: scanner.end })
        seen.dropped = ranges.length
        return isSlow ? new Promise((resolve) => setImmediate(() => resolve(ranges))) : ranges
      },
      body(piece) {
        assert.equal(seen.headers, 1)
        seen.body += piece.toString('latin1')
      },
    },
    maxBytes,
  )
  const kept: Buffer[] = []
  let from = 0
  for (const to of [...cuts, message.length]) {
    kept.push(...(await gate.push(message.subarray(from, to))))
    from = to
  }
  kept.push(...(await gate.end()))
  return { ...seen, kept: Buffer.concat(kept).toString('latin1') }
}

test('a field is left out, with its folded lines, and the rest passes as it came', async () => {
  const message = Buffer.from('A: 1\r\nX-Drop: a\r\n b\r\nB: 2\r\nx-drop: c\r\n\r\nbody\r\nX-Drop: in it\r\n')
  const { kept, header, body } = await passed(message, [])
  assert.equal(kept, 'A: 1\r\nB: 2\r\n\r\nbody\r\nX-Drop: in it\r\n')
  assert.equal(header, 'A: 1\r\nX-Drop: a\r\n b\r\nB: 2\r\nx-drop: c\r\n\r\n')
  assert.equal(body, 'body\r\nX-Drop: in it\r\n')
})

test('a header without a body, a body without a header, nothing at all', async () => {
  assert.equal((await passed(Buffer.from('A: 1\r\nX-Drop: a\r\n'), [3])).kept, 'A: 1\r\n')
  assert.equal((await passed(Buffer.from('\r\nX-Drop: a\r\n'), [1])).kept, '\r\nX-Drop: a\r\n')
  assert.equal((await passed(Buffer.from('no header\r\n\r\nX-Drop: a\r\n'), [])).header, '')
  assert.deepEqual(await passed(Buffer.alloc(0), []), {
    kept: '',
    header: '',
    body: '',
    headers: 1,
    dropped: 0,
  })
})

test('a header beyond the limit is refused, a long body that looks like one is not', async () => {
  const long = Buffer.from(`A: 1\r\n${'B: 2\r\n'.repeat(100)}`)
  await assert.rejects(passed(long, [10, 20], 300), (error) => isFault(error, 'tooLarge'))
  await assert.rejects(passed(long, [], 300), (error) => isFault(error, 'tooLarge'))
  const body = Buffer.from(`A: 1\r\n\r\n${'B: 2\r\n'.repeat(100)}`)
  assert.equal((await passed(body, [3, 9], 300)).kept, body.toString())
  const noHeader = Buffer.from(`no field\r\n${'B: 2\r\n'.repeat(100)}`)
  assert.equal((await passed(noHeader, [3, 9], 300)).body, noHeader.toString())
})

test('however a message is cut, the same passes and the same is seen', async () => {
  const line = fc.constantFrom(
    'A: 1',
    'X-Drop: a',
    ' folded',
    '',
    '--b',
    'junk',
    '\tmore',
    '\r',
    'From x',
    ':',
  )
  const lines = fc.array(fc.tuple(line, fc.constantFrom('\r\n', '\n')), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(lines, fc.array(fc.nat(200), { maxLength: 8 }), async (parts, at) => {
      const message = Buffer.from(parts.map(([text, end]) => text + end).join(''))
      const cuts = at.map((n) => n % (message.length + 1)).toSorted((a, b) => a - b)
      const whole = await passed(message, [])
      assert.deepEqual(await passed(message, cuts), whole)
      assert.deepEqual(await passed(message, cuts, 1 << 20, true), whole)
      assert.equal(whole.header + whole.body, message.toString())
    }),
    { numRuns: 2000 },
  )
})
