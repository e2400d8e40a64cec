import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Fault, SyntaxFault } from '#base/fault.ts'
import { connectionPair } from '../../../test/harness/pipe.ts'
import { CommandReader, literalMark, ProtocolEnd } from './reader.ts'

const limits = { lineBytes: 200, commandBytes: 400, unaskedBytes: Infinity, skipBytes: 1000 }

/** What a reader makes of bytes that come in these pieces. */
async function readAll(pieces: readonly Buffer[]): Promise<string[]> {
  const { server, client } = connectionPair({ lingerMs: 0 })
  client.on('error', () => {})
  client.resume()
  const sending = (async () => {
    for (const piece of pieces) {
      client.write(piece)
      await new Promise(setImmediate)
    }
    client.end()
  })()
  const reader = new CommandReader(server, limits)
  const seen: string[] = []
  try {
    for (;;) {
      try {
        if (!(await reader.next())) break
        const args = await reader.arguments()
        seen.push(`${reader.tag}|${reader.name}|${Buffer.from(args.bytes).toString('latin1', args.at)}`)
      } catch (error) {
        if (error instanceof SyntaxFault || (error instanceof Fault && error.code === 'tooLarge')) {
          seen.push(`${reader.tag}: ${error.message}`)
          await reader.skip()
        } else throw error
      }
    }
  } catch (error) {
    if (error instanceof ProtocolEnd) seen.push(`end: ${error.message}`)
    else if (error instanceof Fault && error.code === 'unavailable') seen.push('end: cut off')
    else throw error
  }
  await sending
  server.destroy()
  return seen
}

test('commands with and without literals', async () => {
  const text =
    'a1 NOOP\r\na2 LOGIN {4+}\r\nfred {0+}\r\n\r\na3 uid  fetch 1\r\n' +
    'a4 Uid Fetch 1:* (FLAGS)\r\n\r\nhello\r\n+ x\r\na5 X "{3}"\na6 Y {2}\r\nab z\r\n'
  assert.deepEqual(await readAll([Buffer.from(text)]), [
    'a1|NOOP|',
    'a2|LOGIN| {4+}\r\nfred {0+}\r\n',
    'a3: expected an atom',
    'a4|UID FETCH| 1:* (FLAGS)',
    ': expected a tag',
    'hello: expected a space',
    ': expected a tag',
    'a5|X| "{3}"',
    'a6|Y| {2}\r\nab z',
  ])
})

test('limits: a literal too large is skipped or ends the session, a line too long ends it', async () => {
  assert.deepEqual(
    await readAll([Buffer.from(`a X {500+}\r\n${'x'.repeat(500)} {3+}\r\nabc\r\nb NOOP\r\n`)]),
    ['a: Command too large', 'b|NOOP|'],
  )
  assert.deepEqual(await readAll([Buffer.from('a X {5000+}\r\n')]), [
    'a: Command too large',
    'end: Literal too large',
  ])
  assert.deepEqual(await readAll([Buffer.from(`a X {99999999999999999999+}\r\n`)]), [
    'a: Command too large',
    'end: Literal too large',
  ])
  assert.deepEqual(await readAll([Buffer.from(`a X ${'('.repeat(1_000_000)}\r\nb NOOP\r\n`)]), [
    'end: Line too long',
  ])
  assert.deepEqual(await readAll([Buffer.from(`a X ${'{0+}\r\n'.repeat(1000)}\r\nb NOOP\r\n`)]), [
    'a: Command too large',
    'b|NOOP|',
  ])
  assert.deepEqual(await readAll([Buffer.from('a X {10+}\r\nabc')]), ['end: cut off'])
})

test('marks of literals', () => {
  const mark = (line: string) => literalMark(Buffer.from(line))
  assert.deepEqual(mark('a {12}'), { sizeBytes: 12, synchronising: true, binary: false, start: 2 })
  assert.deepEqual(mark('a ~{12+}'), { sizeBytes: 12, synchronising: false, binary: true, start: 2 })
  assert.equal(mark('{9999999999999999999}')?.sizeBytes, Number.MAX_SAFE_INTEGER)
  for (const line of ['', '}', '{}', '{+}', '{1', '1}', '{a}', '{1}x', '{1++}', '{-1}'])
    assert.equal(mark(line), undefined, line)
})

test('however the bytes are cut, the commands are the same', async () => {
  const piece = fc.constantFrom(
    'a1 NOOP',
    '\r\n',
    '\n',
    '\r',
    ' ',
    '{3}',
    '{2+}',
    '{0+}',
    '~{1+}',
    '"',
    '(',
    'x',
    'UID ',
    'FETCH',
    'ab',
    '\0',
    '\u00ff',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 30 }),
      fc.array(fc.nat(60), { maxLength: 6 }),
      async (pieces, cuts) => {
        const whole = Buffer.from(pieces.join(''), 'latin1')
        const places = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length]
        const parts = places.slice(1).map((end, i) => whole.subarray(places[i], end))
        assert.deepEqual(await readAll(parts), await readAll([whole]))
      },
    ),
    { numRuns: 150 },
  )
})
