import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineEndCheck } from '#message/line-ends.ts'
import { DataStream } from './data-stream.ts'

interface Read {
  readonly content: string
  readonly rest: string
  readonly bare: boolean
  readonly ended: boolean
}

/** Feeds the input in pieces cut at these places. */
function readIn(input: string, cuts: readonly number[]): Read {
  const stream = new DataStream()
  const bytes = Buffer.from(input, 'latin1')
  const places = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  )
  const content: Buffer[] = []
  let from = 0
  for (const to of places) {
    stream.feed(bytes.subarray(from, to))
    for (;;) {
      const step = stream.next()
      if (step === 'more') break
      if (step === 'end') {
        const rest = bytes.toString('latin1', from + stream.position)
        return {
          content: Buffer.concat(content).toString('latin1'),
          rest,
          bare: stream.hasBareLineEnd,
          ended: true,
        }
      }
      assert.ok(stream.piece.length > 0)
      content.push(Buffer.from(stream.piece))
    }
    from = to
  }
  return {
    content: Buffer.concat(content).toString('latin1'),
    rest: '',
    bare: stream.hasBareLineEnd,
    ended: false,
  }
}

/** The same in the obvious way. */
function model(input: string): Read {
  const text = `\r\n${input}`
  const end = text.indexOf('\r\n.\r\n')
  const ended = end >= 0
  // A dot or dot and CR at the very end may still become the end of the data.
  const body = ended ? text.slice(0, end + 2) : text.replace(/\r\n\.\r?$/, '\r\n')
  const content = body.replaceAll('\r\n.', '\r\n').slice(2)
  const plain = (ended ? text.slice(0, end + 2) : body).replaceAll('\r\n', '')
  const bare = plain.includes('\n') || (plain.includes('\r') && (ended || plain.slice(0, -1).includes('\r')))
  return { content, rest: ended ? text.slice(end + 5) : '', bare, ended }
}

const mailData = fc
  .array(fc.constantFrom('\r\n', '\r\n.', '\r\n.\r\n', '\r', '\n', '.', 'a', 'bc', '\0', '\xff'), {
    maxLength: 24,
  })
  .map((parts) => parts.join(''))

test('what comes out does not depend on how the bytes are split, and is what the RFC says', () => {
  fc.assert(
    fc.property(mailData, fc.array(fc.nat(64), { maxLength: 12 }), (input, cuts) => {
      const whole = readIn(input, [])
      assert.deepEqual(readIn(input, cuts), whole)
      const expected = model(input)
      assert.equal(whole.ended, expected.ended)
      assert.equal(whole.rest, expected.rest)
      assert.equal(whole.content, expected.content)
      if (whole.ended) assert.equal(whole.bare, expected.bare)
    }),
    { numRuns: 3000 },
  )
})

test('every single split of a hard case gives the same', () => {
  const input = '.\r..\r\n..x\r\n.\r\r\n.\n\r\n\r\n..\r\nlast\r\n.\r\nNEXT\r\n'
  const whole = readIn(input, [])
  assert.equal(whole.ended, true)
  assert.equal(whole.rest, 'NEXT\r\n')
  for (let cut = 0; cut <= input.length; cut++) assert.deepEqual(readIn(input, [cut]), whole)
  assert.deepEqual(
    readIn(
      input,
      [...input].map((_, i) => i),
    ),
    whole,
  )
})

test('only CRLF.CRLF ends the data', () => {
  for (const not of [
    '\n.\n',
    '\r\n.\n',
    '\n.\r\n',
    '\r.\r',
    '\r\n.\r',
    '\r.\r\n',
    '\n.\r',
    '\r\n.\r\r\n',
    '\r\n\0.\r\n',
    '\r\n. \r\n',
  ]) {
    const read = readIn(`a${not}b`, [])
    assert.equal(read.ended, false, JSON.stringify(not))
    assert.equal(readIn(`a${not}b\r\n.\r\n`, []).ended, true)
    if (!not.includes('\0') && !not.includes(' ')) assert.equal(read.bare, true, JSON.stringify(not))
  }
})

test('no data at all', () => {
  assert.deepEqual(readIn('.\r\nQUIT\r\n', []), { content: '', rest: 'QUIT\r\n', bare: false, ended: true })
})

test('a chunk without transparency dots is passed on as it is', () => {
  const stream = new DataStream()
  const chunk = Buffer.from('one\r\ntwo. three\r\nfour')
  stream.feed(chunk)
  assert.equal(stream.next(), 'piece')
  assert.equal(stream.piece, chunk)
  assert.equal(stream.next(), 'more')
})

test('line ends of counted data are checked across chunks', () => {
  fc.assert(
    fc.property(mailData, fc.array(fc.nat(64), { maxLength: 8 }), (input, cuts) => {
      const bytes = Buffer.from(input, 'latin1')
      const check = new LineEndCheck()
      let from = 0
      for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
        check.push(bytes.subarray(from, to))
        from = Math.max(from, to)
      }
      assert.equal(check.hasBareLineEnd, /[\r\n]/.test(input.replaceAll('\r\n', '')))
    }),
    { numRuns: 2000 },
  )
})
