import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import { expandMacros, type MacroReader } from './macro.ts'

const known: Record<string, string> = {
  'env:USER': 'alice',
  'env:LOOP': '%{env:LOOP}%',
  'file:/k.pem': 'KEY\nEND\n',
  'env:EMPTY': '',
}
const read: MacroReader = (kind, name) => known[`${kind}:${name}`]

test('macros are replaced wherever they stand, once', () => {
  assert.equal(expandMacros('%{env:USER}%@%{env:USER}%.example', read), 'alice@alice.example')
  assert.equal(expandMacros('%{file:/k.pem}%', read), 'KEY\nEND')
  assert.equal(expandMacros('<%{env:EMPTY}%>', read), '<>')
  assert.equal(expandMacros('%{env:LOOP}%', read), '%{env:LOOP}%')
})

test('what is no macro stays', () => {
  for (const text of ['', '100%', '%{', '%{env:USER}', '{env:USER}%', '%{count}%', '%{}%', '%{ a b:c }%'])
    assert.equal(expandMacros(text, read), text)
})

test('a macro that gives nothing and an unknown kind are faults', () => {
  const fails = (text: string, reason: RegExp): void =>
    assert.throws(
      () => expandMacros(text, read),
      (e) => isFault(e, 'invalid') && reason.test(e.publicText),
    )
  fails('%{env:NOBODY}%', /environment variable NOBODY, which is not set/)
  fails('%{file:/none}%', /file \/none, which cannot be read/)
  fails('%{evn:USER}%', /unknown macro %\{evn:\.\.\.\}%/)
})

test('text around macros is kept whatever it is', () => {
  const plain = fc.string({ unit: 'binary' }).filter((t) => !t.includes('%'))
  fc.assert(
    fc.property(
      plain,
      plain,
      plain,
      (a, value, b) => expandMacros(`${a}%{env:X}%${b}`, () => value) === a + value + b,
    ),
  )
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('%', '{', '}', ':', 'env', 'X', '%{env:X}%') }), (text) => {
      const parts = text.split('%{env:X}%')
      if (parts.every((part) => !part.includes('%{') && !part.endsWith('%')))
        assert.equal(
          expandMacros(text, () => '.'),
          parts.join('.'),
        )
    }),
  )
})
