import assert from 'node:assert/strict'
import { test } from 'node:test'
import { separate } from './source-text.ts'

test('comments, strings and code are told apart, offsets stay', () => {
  const text = [
    "const a = 'x // no' // yes",
    'const b = `one ${f({ c: "/*" })} two` /* three',
    'four */ + 1',
    'const c = a / b / 2 + /[/\'"]/.test(d)',
    '#'.repeat(3),
  ].join('\n')
  const { code, comments, withoutComments } = separate(text)
  for (const part of [code, comments, withoutComments]) {
    assert.equal(part.length, text.length)
    assert.equal(part.split('\n').length, 5)
  }
  assert.deepEqual(
    comments.split('\n').map((line) => line.trim()),
    ['// yes', '/* three', 'four */', '', ''],
  )
  assert.match(code, /const b = +f\(\{ c: +\}\) +\n/)
  assert.match(code, /a \/ b \/ 2 \+ +\.test\(d\)/)
  assert.match(withoutComments, /'x \/\/ no' +\n/)
})

test('unfinished comments, strings and templates end with the text', () => {
  for (const text of ['/* a', "'a", '`a', '`a ${', '`a ${b', '/a', '"\\', '`\\']) {
    assert.equal(separate(text).code.length, text.length, text)
  }
})
