import assert from 'node:assert/strict'
import test from 'node:test'
import type { BlobHash } from '#base/id.ts'
import { foldText } from '#message/fold-text.ts'
import { absent, AccountIndex, present, type Region, unknown } from './account-index.ts'
import { fuzzyWords } from './fuzzy.ts'
import { Segment } from './segment.ts'
import { mergeSegments } from './segment-merge.ts'
import { SegmentWriter } from './segment-writer.ts'

const open = (pieces: readonly Uint8Array[]): Promise<Segment> => {
  const bytes = Buffer.concat(pieces)
  return Segment.open({ readRange: (_, start, end) => bytes.subarray(start, end) }, '' as BlobHash)
}

/** A segment of documents whose bodies are these texts; ids from `first`. */
async function segmentOf(bodies: readonly string[], first = 1): Promise<Segment> {
  const writer = new SegmentWriter()
  for (const [i, body] of bodies.entries()) {
    writer.begin(first + i)
    writer.add('body', body)
  }
  return open(writer.done())
}

async function answers(segments: readonly Segment[], region: Region, needle: string): Promise<number[]> {
  return [...(await new AccountIndex(segments).contains(region, foldText(needle)))]
}

test('a part of a word is sure, and what is not there too', async () => {
  const segment = await segmentOf(['say hello', 'shell', 'help', ''])
  assert.deepEqual(await answers([segment], 'body', 'ell'), [present, present, absent, absent])
  assert.deepEqual(await answers([segment], 'body', 'hel'), [present, present, present, absent])
  assert.deepEqual(await answers([segment], 'subject', 'ell'), [absent, absent, absent, absent])
})

test('signs between words, or nothing but signs, must be looked for in the text', async () => {
  const segment = await segmentOf(['a-b', 'a b', 'b a', 'ab'])
  assert.deepEqual(await answers([segment], 'body', 'a-b'), [unknown, unknown, absent, absent])
  assert.deepEqual(await answers([segment], 'body', '-'), [unknown, unknown, unknown, unknown])
})

test('a phrase goes on over the pieces of a text, and not into the next text', async () => {
  const writer = new SegmentWriter()
  writer.begin(1)
  writer.add('body', 'one two', false)
  writer.add('body', 'three', false)
  writer.add('body', '')
  writer.add('body', 'four')
  const segment = await open(writer.done())
  assert.deepEqual(await answers([segment], 'body', 'one two three'), [unknown])
  assert.deepEqual(await answers([segment], 'body', 'three four'), [absent])
})

test('a phrase is found wherever one of the words that its last piece may be stands', async () => {
  const segment = await segmentOf(['one hello two help', 'one help two hello', 'one two hello help'])
  assert.deepEqual(await answers([segment], 'body', 'one hel'), [unknown, unknown, absent])
  assert.deepEqual(await answers([segment], 'body', 'two hel'), [unknown, unknown, unknown])
})

test('who looks for several words finds what has all of them', async () => {
  const index = new AccountIndex([
    await segmentOf(['alpha beta', 'alpha', 'beta']),
    await segmentOf(['beta alpha'], 9),
  ])
  const scores = await index.rank('body', fuzzyWords('alpha beta', []))
  assert.deepEqual(
    [...scores].map((score) => score > 0),
    [true, false, false, true],
  )
})

test('headers are searched with their names, and a text is header or body', async () => {
  const writer = new SegmentWriter()
  writer.begin(1)
  writer.add('from', 'bob@example.org')
  writer.add('body', 'needle')
  writer.addHeader('X-Spam: haystack')
  writer.addHeader('X-Other: straw')
  const segment = await open(writer.done())
  assert.deepEqual(await answers([segment], 'text', 'needle'), [present])
  assert.deepEqual(await answers([segment], 'text', 'spam'), [present])
  assert.deepEqual(await answers([segment], 'header', 'x-spam: hay'), [unknown])
  assert.deepEqual(await answers([segment], 'text', 'haystack x'), [absent])
  assert.deepEqual(await answers([segment], 'header', 'haystack x'), [absent])
  assert.deepEqual(await answers([segment], 'body', 'spam'), [absent])
  // What stands in a header is in it as the header says.
  assert.deepEqual(await answers([segment], 'text', 'bob'), [absent])
  assert.deepEqual(await answers([segment], 'from', 'bob'), [present])
})

test('a document that is not all there may have anything', async () => {
  const writer = new SegmentWriter()
  writer.begin(1)
  writer.add('body', 'found')
  writer.markIncomplete()
  writer.markIncomplete()
  const segment = await open(writer.done())
  assert.deepEqual(segment.incomplete, [0])
  assert.deepEqual(await answers([segment], 'body', 'found'), [present])
  assert.deepEqual(await answers([segment], 'body', 'absent'), [unknown])
})

test('documents are numbered through all segments; others have no number', async () => {
  const index = new AccountIndex([await segmentOf(['a', 'b'], 3), await segmentOf(['c', 'd'], 10)])
  const numbers = (...ids: number[]): number[] => ids.map((id) => index.numberOf(id))
  assert.deepEqual(numbers(3, 4, 10, 11), [0, 1, 2, 3])
  assert.deepEqual(numbers(11, 3, 10, 4), [3, 0, 2, 1])
  assert.deepEqual(numbers(11, 10, 4, 3), [3, 2, 1, 0])
  assert.deepEqual(numbers(1, 3, 5, 9, 10, 12, 4, 4), [-1, 0, -1, -1, 2, -1, 1, 1])
  assert.equal(new AccountIndex([]).numberOf(1), -1)
})

test('merged segments answer as the segments did, without what is gone', async () => {
  const words = ['alpha', 'beta', 'gamma', 'delta', 'alphabet', 'zeta']
  const body = (i: number): string =>
    Array.from({ length: 5 }, (_, k) => words[(i * 7 + k * i) % 6]).join(' ')
  const bodies = (from: number): string[] => Array.from({ length: 100 }, (_, i) => body(from + i))
  const segments = await Promise.all([0, 100, 200].map((from) => segmentOf(bodies(from), from + 1)))
  const isGone = (id: number): boolean => id % 3 === 0
  const merged = await open(await mergeSegments(segments, isGone))
  assert.equal(merged.ids.length, 200)
  for (const needle of ['alpha', 'eta', 'beta gamma', 'zzz', 'alpha b']) {
    const before = await answers(segments, 'body', needle)
    const after = await answers([merged], 'body', needle)
    assert.deepEqual(
      after,
      before.filter((_, i) => !isGone(i + 1)),
      needle,
    )
  }
  const writer = new SegmentWriter()
  for (const [id, field] of [
    [1, 'subject'],
    [2, 'body'],
  ] as const) {
    writer.begin(id)
    writer.add(field, 'alpha')
  }
  const without = await open(await mergeSegments([await open(writer.done())], (id) => id === 1))
  assert.deepEqual(await answers([without], 'subject', 'alpha'), [absent])
  assert.deepEqual(await answers([without], 'body', 'alpha'), [present])
  const everythingGone = await open(await mergeSegments(segments, () => true))
  assert.deepEqual(await answers([everythingGone], 'body', 'alpha'), [])
})
