import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Maybe } from '#base/maybe.ts'
import { type BodyValue, readBodyValue, truncate } from './body-value.ts'

interface Given {
  readonly encoding?: string
  readonly charset?: string
  readonly isHtml?: boolean
  readonly max?: number
}

const read = (content: string | Uint8Array, o: Given = {}): Maybe<BodyValue> => {
  const bytes = Buffer.from(content)
  const body = {
    encoding: o.encoding ?? '7bit',
    charset: o.charset ?? 'utf-8',
    isHtml: o.isHtml ?? false,
    sizeBytes: bytes.length,
    read: (count: number) => bytes.subarray(0, count),
  }
  return readBodyValue(body, o.max ?? 0)
}

test('RFC 8621 §4.1.4: a value without transfer encoding and charset, lines end with LF', async () => {
  const plain = { isEncodingProblem: false, isTruncated: false }
  assert.deepEqual(await read('a\r\nb\nc\rd'), { value: 'a\nb\nc\rd', ...plain })
  assert.deepEqual(await read('caf=C3=A9=\r\n!', { encoding: 'quoted-printable' }), {
    value: 'café!',
    ...plain,
  })
  assert.deepEqual(await read('Y2Fm6Q==', { encoding: 'base64', charset: 'iso-8859-1' }), {
    value: 'café',
    ...plain,
  })
  assert.deepEqual(await read(Buffer.from('fffe6100', 'hex'), { charset: 'utf-16' }), {
    value: 'a',
    ...plain,
  })
  assert.deepEqual(await read('\x1b$B$3\x1b(B', { charset: 'iso-2022-jp' }), { value: 'こ', ...plain })
})

test('RFC 8621 §4.1.4: isEncodingProblem', async () => {
  const isStrange = async (content: string | Uint8Array, o: Given = {}): Promise<boolean> =>
    (await read(content, o)).isEncodingProblem
  assert.ok(await isStrange(Buffer.from([0x61, 0xff])))
  assert.ok(await isStrange('é', { charset: 'us-ascii' }))
  assert.ok(await isStrange('a', { charset: 'no-such-charset' }))
  assert.ok(await isStrange('a', { encoding: 'x-unknown' }))
  assert.ok(!(await isStrange('\ufffd')))
  assert.ok(!(await isStrange('a', { charset: 'us-ascii' })))
  assert.equal((await read(Buffer.from([0x61, 0xff, 0x62]))).value, 'a\ufffdb')
})

test('RFC 8621 §4.2: a value is cut between characters, and only where it must be', async () => {
  for (const [max, value] of [
    [1, ''],
    [2, 'é'],
    [3, 'é'],
    [4, 'éé'],
  ] as const) {
    const got = await read('ééé', { max })
    assert.deepEqual(got, { value, isEncodingProblem: false, isTruncated: true })
  }
  assert.deepEqual(await read('ééé', { max: 6 }), {
    value: 'ééé',
    isEncodingProblem: false,
    isTruncated: false,
  })
  assert.equal((await read('a😀', { max: 4 })).value, 'a')
  assert.equal((await read('a\r\n'.repeat(100_000), { max: 70_000 })).value.length, 70_000)
  const encoded = Buffer.from('é'.repeat(200_000)).toString('base64')
  const cut = await read(encoded, { encoding: 'base64', max: 100_001 })
  assert.deepEqual([Buffer.byteLength(cut.value), cut.isEncodingProblem], [100_000, false])
})

test('RFC 8621 §4.2: HTML is not cut inside a tag', () => {
  const html = '<p>a <b title="x > y" alt=z>bold</b> 1 < 2</p>'
  for (let max = 0; max <= html.length; max++) {
    const cut = truncate(html, max, true)
    assert.ok(html.startsWith(cut))
    assert.ok(!/<[a-z/][^>]*$/.test(cut), cut)
    assert.ok(!cut.endsWith('"x >'), cut)
  }
  assert.equal(truncate(html, 44, true), '<p>a <b title="x > y" alt=z>bold</b> 1 < 2')
  assert.equal(truncate('<p>1 < 2 and more', 10, true), '<p>1 < 2 a')
  assert.equal(truncate('<a'.repeat(100_000), 150_000, true), '')
  assert.equal(truncate('<a href="', 5, false), '<a hr')
})

test('a cut text is a beginning of the text, within its limit, and well formed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(40), fc.boolean(), (input, max, isHtml) => {
      const text = input.toWellFormed()
      const cut = truncate(text, max, isHtml)
      assert.ok(text.startsWith(cut) && cut.isWellFormed() && Buffer.byteLength(cut) <= max)
    }),
  )
})
