import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPaths, checkLinks, checkLockfile, checkWords } from './documents.ts'

test('dead relative links are found, others and code are left alone', () => {
  const text = `See [a](map.md), [b](../README.md#x), [c](gone.md) and [d](https://example.org/x.md).
\`[e](gone.md)\` [f](#here)

\`\`\`
[g](gone.md)
\`\`\`
[h]: gone-too.md
`
  const there = new Set(['docs/map.md', 'README.md'])
  const found = checkLinks([{ path: 'docs/a.md', text }], (file) => there.has(file))
  assert.deepEqual(
    found.map(({ line, message }) => [line, message]),
    [
      [1, 'dead link gone.md'],
      [7, 'dead link gone-too.md'],
    ],
  )
})

test('a lockfile with registry addresses is refused', () => {
  assert.equal(checkLockfile('{\n"resolved": "https://example.org/a.tgz" }').length, 1)
  assert.equal(checkLockfile('{ "integrity": "sha512-x" }').length, 0)
})

test('words of one machine are refused, mail in the corpus is not looked at', () => {
  const text = ['ok', `see /${'work'}/main`, `https://registry.${'npmjs'}.org`, `/${'home'}/me/x`].join('\n')
  const lines = checkWords([{ path: 'README.md', text }]).map(({ line }) => line)
  assert.deepEqual(
    lines.toSorted((a, b) => a - b),
    [2, 3, 4],
  )
  assert.deepEqual(checkWords([{ path: 'test/corpus/message/a.md', text }]), [])
})

test('a URL taken for a path is refused', () => {
  const text = `const file = new URL('x.pem', import.meta.url).${'pathname'}\n`
  assert.equal(checkWords([{ path: 'test/a.ts', text }]).length, 1)
  assert.deepEqual(
    checkWords([{ path: 'test/a.ts', text: "fileURLToPath(new URL('x', import.meta.url))" }]),
    [],
  )
})

test('files that documents name are there', () => {
  const exists = (name: string): boolean => ['src/mail/edit.ts', 'src/mail'].includes(name)
  const check = (path: string, text: string) =>
    checkPaths([{ path, text }], exists).map(({ message }) => message)
  assert.deepEqual(check('docs/map.md', '`src/mail/edit.ts`, `src/mail`, `src/<folder>/x.ts`, `edit.ts`'), [])
  assert.deepEqual(check('docs/map.md', '`src/mail/gone.ts`'), ['there is no src/mail/gone.ts'])
  assert.deepEqual(check('docs/design.md', '`src/mail/planned.ts`'), [])
})
