import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { mostMarks, normalized } from './normalize.ts'

const forms = ['NFC', 'NFKC', 'NFKD'] as const

test('text is normalized as Unicode has it', () => {
  const text = 'e\u0301 \u1e9b\u0323 \ufb01 \uac01 \uff76\uff9e q\u0307\u0323 \u{1d15f}'.repeat(40)
  for (const form of forms) assert.equal(normalized(text, form), text.normalize(form))
  const many = `a${'\u0301\u0323'.repeat(mostMarks / 2 - 1)}`
  for (const form of forms) assert.equal(normalized(many, form), many.normalize(form))
})

test('UAX 15 §13: of a long run of marks only so many are put in order at once', () => {
  // Red where the text is normalized as a whole.
  // oxlint-disable-next-line typescript/unbound-method -- called with a text as `this` below
  const { normalize } = String.prototype
  const runs: number[] = []
  mock.method(String.prototype, 'normalize', function (this: string, form: string) {
    const found = normalize.call(this, form)
    for (const [run] of normalize.call(this, 'NFKD').matchAll(/\p{M}+/gu)) runs.push(run.length)
    return found
  })
  try {
    for (const form of forms)
      for (const marks of ['\u0301\u0323', '\u0344', '\u0301\uff9e', '\u{1d165}\u0301'])
        assert.ok(normalized(`${'x'.repeat(100)}${marks.repeat(5000)}`, form).length >= 5000)
  } finally {
    mock.restoreAll()
  }
  assert.ok(Math.max(...runs) <= 3 * mostMarks, String(Math.max(...runs)))
})
