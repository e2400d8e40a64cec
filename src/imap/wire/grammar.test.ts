import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { Arguments } from './grammar.ts'
import { star } from './sequence-set.ts'
import { ResponseWriter } from './writer.ts'

const args = (text: string): Arguments => new Arguments(Buffer.from(text, 'latin1'))
const refused = (read: () => unknown): void => assert.throws(read, SyntaxFault)

function written(write: (out: ResponseWriter) => void): Buffer {
  const chunks: Uint8Array[] = []
  const out = new ResponseWriter({ unsent: 1, write: (...more) => void chunks.push(...more) })
  write(out)
  void out.end()
  return Buffer.concat(chunks)
}

test('atoms, strings and literals', () => {
  assert.equal(args('FETCH 1').word(), 'FETCH')
  assert.equal(args('a]b c').astring().toString(), 'a]b')
  refused(() => args(']').atom())
  assert.equal(args('"a \\"b\\\\"').string().toString(), 'a "b\\')
  assert.equal(args('""').string().length, 0)
  assert.equal(args('{3}\r\na"b').astring().toString(), 'a"b')
  assert.equal(args('{3+}\r\n\r\n)').astring().toString(), '\r\n)')
  assert.equal(args('nIl').nstring(), undefined)
  for (const text of [
    '"',
    '"a',
    '"\\x"',
    '"a\nb"',
    '"\0"',
    '{4}\r\nabc',
    '{1}\r\n\0',
    '{1}x',
    '{-1}\r\n',
    '(',
    '',
    '%',
  ]) {
    refused(() => args(text).astring())
  }
  assert.equal(args('INB*X').listMailbox().toString(), 'INB*X')
})

test('numbers and sets', () => {
  assert.equal(args('4294967295').number32(), 4294967295)
  refused(() => args('4294967296').number32())
  refused(() => args('99999999999999999999').number())
  refused(() => args('0').nzNumber())
  assert.deepEqual(args('2,4:7,*:9,$').sequenceSet(), { ranges: [2, 2, 4, 7, star, 9], saved: true })
  for (const text of ['', '0', '1:', ':1', '1,', '1:2:', '$:1', '-1']) {
    refused(() => {
      const cursor = args(text)
      cursor.sequenceSet()
      cursor.done()
    })
  }
})

test('dates and times', () => {
  assert.equal(args('1-Feb-1994').date(), Date.UTC(1994, 1, 1))
  assert.equal(args('"29-feb-2000"').date(), Date.UTC(2000, 1, 29))
  assert.equal(args('"17-Jul-1996 02:44:25 -0700"').dateTime(), Date.UTC(1996, 6, 17, 9, 44, 25))
  assert.equal(args('" 7-Feb-1994 21:52:25 +0130"').dateTime(), Date.UTC(1994, 1, 7, 20, 22, 25))
  assert.equal(new Date(args('1-Jan-0050').date()).getUTCFullYear(), 50)
  for (const text of ['31-Feb-2000', '0-Jan-2000', '1-Foo-2000', '1-Jan-20', '"1-Jan-2000'])
    refused(() => args(text).date())
  for (const text of [
    '"17-Jul-1996 24:00:00 +0000"',
    '"17-Jul-1996 02:44 +0000"',
    '"17-Jul-1996 02:44:25 0000"',
    '17-Jul-1996 02:44:25 +0000',
    '" 17-Jul-1996 02:44:25 +0000"',
    '"17-Jul-1996 02:44:25 +0061"',
  ]) {
    refused(() => args(text).dateTime())
  }
})

test('what the writer writes, the grammar reads', () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b.map((c) => c || 1)))
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), fc.boolean(), (strings, utf8) => {
      const wire = written((out) => {
        for (const string of strings) out.string(string, utf8).sp()
      })
      const cursor = new Arguments(wire)
      for (const string of strings) {
        assert.deepEqual(Buffer.from(cursor.string()), string)
        cursor.sp()
      }
      cursor.done()
    }),
  )
  fc.assert(
    fc.property(fc.maxSafeNat(), (number) => {
      const wire = written((out) => out.uint(number))
      assert.equal(wire.toString(), String(number))
      assert.equal(new Arguments(wire).number(), number)
    }),
  )
})

test('the writer hands over large chunks and never touches them again', async () => {
  const chunks: Uint8Array[] = []
  const copies: Buffer[] = []
  const out = new ResponseWriter({
    unsent: 1,
    write: (...more) => {
      chunks.push(...more)
      copies.push(...more.map((chunk) => Buffer.from(chunk)))
    },
  })
  let expected = ''
  for (let i = 0; i < 20_000; i++) {
    const line = `* ${i} FETCH (FLAGS (\\Seen) TEXT "${'x'.repeat(i % 50)}")\r\n`
    out.ascii('* ').uint(i).ascii(' FETCH (FLAGS ').bytes(Buffer.from('(\\Seen)')).ascii(' TEXT ')
    out.string(Buffer.from('x'.repeat(i % 50)), false).ascii(')\r\n')
    expected += line
    await out.room()
  }
  await out.large(Buffer.from('large'))
  await out.end()
  assert.ok(Buffer.concat(chunks).equals(Buffer.from(`${expected}large`)))
  for (const [i, chunk] of chunks.entries()) assert.ok(copies[i]!.equals(chunk))
  assert.ok(chunks.length < expected.length / 30_000, `${chunks.length} chunks`)
})
