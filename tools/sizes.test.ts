import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { checkSizes, longFunctions } from './sizes.ts'

const levels = (file: string, lines: number, start = '') =>
  checkSizes([{ path: file, text: start + 'a\n'.repeat(lines) }]).map(({ level }) => level)

test('a file is warned about above 400 lines and refused above 600', () => {
  assert.deepEqual(levels('src/imap/view.ts', 400), [])
  assert.deepEqual(levels('src/imap/view.ts', 401), ['warning'])
  assert.deepEqual(levels('src/imap/view.ts', 601), ['error'])
})

test('tests may be longer, tables of data are exempt', () => {
  assert.deepEqual(levels('src/imap/view.test.ts', 1000), [])
  assert.deepEqual(levels('src/imap/view.test.ts', 1001), ['error'])
  assert.deepEqual(levels('src/dns/suffixes.ts', 5000, '// oxlint-disable max-lines -- data table\n'), [])
})

test('names that say nothing are refused, for files, tests and folders', () => {
  for (const file of ['src/imap/utils.ts', 'src/common/a.ts', 'src/kv/index.ts', 'test/helpers.test.ts']) {
    assert.deepEqual(levels(file, 1), ['error'], file)
  }
  assert.deepEqual(levels('src/search/index-rows.ts', 1), [])
})

test('a function above 60 lines is a warning', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'postern sizes-'))
  try {
    const body = '  f()\n'.repeat(65)
    writeFileSync(path.join(folder, 'long.ts'), `export function f(): void {\n${body}}\n`)
    writeFileSync(path.join(folder, 'short.ts'), 'export function g(): void {}\n')
    const found = longFunctions(folder)
    assert.equal(found.length, 1)
    assert.match(found[0]?.message ?? '', /`f` has too many lines/)
    assert.equal(found[0]?.level, 'warning')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
