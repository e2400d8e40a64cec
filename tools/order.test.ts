import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { checkOrder, groups } from './order.ts'
import { root } from './tree.ts'

const problems = (file: string, text: string) =>
  checkOrder([{ path: file, text }]).map(({ line, message }) => `${line} ${message}`)

test('earlier folders, own files, node and listed packages pass', () => {
  const text = `
import fs from 'node:fs'
import { type Cursor,
  cursor } from '#base/cursor.ts'
import { open } from 'lmdb'
import { x } from '../backend.ts'
import { y } from '#kv/db.ts'
const z = Array.from('#imap/view.ts') // import { a } from '#imap/view.ts'
`
  assert.deepEqual(problems('src/kv/engines/lmdb.ts', text), [])
})

test('a later folder is refused, by value, by type, by re-export and by dynamic import', () => {
  const text = `import type { View } from '#mail/view.ts'
import {
  a,
} from '#mail/view.ts'
export * from '#mail/view.ts'
const b = await import('#mail/view.ts')
import '#mail/view.ts'
`
  assert.deepEqual(problems('src/kv/db.ts', text), [
    '1 #mail/view.ts: mail/ comes after kv/',
    '4 #mail/view.ts: mail/ comes after kv/',
    '5 #mail/view.ts: mail/ comes after kv/',
    '7 #mail/view.ts: mail/ comes after kv/',
    '6 #mail/view.ts: dynamic imports are for engines, exporters, what only rare work needs and src/server/main.ts',
  ])
})

test('protocols do not import each other', () => {
  const found = problems('src/jmap/api.ts', "import { a } from '#imap/utf7.ts'\n")
  assert.deepEqual(found, ['1 #imap/utf7.ts: protocols do not import each other'])
})

test('relative imports stay inside the folder', () => {
  const found = problems('src/kv/engines/lmdb.ts', "import { a } from '../../base/cursor.ts'\n")
  assert.deepEqual(found, ['1 ../../base/cursor.ts: other folders are imported as #folder/file.ts'])
})

test('a part of a folder imports its own and earlier ones, and what stands beside the parts', () => {
  const text = `import { a } from './view.ts'
import { b } from '../wire/reader.ts'
import { c } from '../errors.ts'
import type { d } from '../search/search-keys.ts'
`
  assert.deepEqual(problems('src/imap/session/session.ts', text), [
    '4 ../search/search-keys.ts: search/ comes after session/',
  ])
  assert.deepEqual(problems('src/imap/loop.ts', "import { a } from './search/search-keys.ts'\n"), [])
  assert.equal(problems('src/imap/stuff/a.ts', "import { c } from '../errors.ts'\n").length, 1)
})

test('a package is refused outside its place, and one that nobody listed', () => {
  const found = problems('src/kv/db.ts', "import { open } from 'lmdb'\nimport x from '@left/pad/x'\n")
  assert.deepEqual(found, [
    '1 lmdb: only kv/engines/lmdb.ts may import this package',
    '2 @left/pad/x: this package is not in the list of tools/order.ts',
  ])
})

test('pure folders have no clock, timers, randomness or I/O', () => {
  const text = `import fs from 'node:fs'
import { createHash } from 'node:crypto'
const now = Date.now() + new Date().getTime() // Math.random()
setTimeout(() => Math.random(), new Date(0).getTime())
const text = 'fetch(Date.now())'
`
  assert.deepEqual(problems('src/message/date.ts', text), [
    '1 node:fs: message/ is pure',
    '3 Date.now: the clock is a parameter, message/ is pure',
    '3 new Date(): the clock is a parameter, message/ is pure',
    '4 Math.random: randomness is a parameter, message/ is pure',
    '4 setTimeout: no timers, message/ is pure',
  ])
  assert.deepEqual(problems('src/kv/db.ts', text), [])
})

test('a test may import later folders and packages', () => {
  const text =
    "import fc from 'fast-check'\nimport { s } from '#server/boot.ts'\nimport { t } from '../../test/harness/server.ts'\n"
  assert.deepEqual(problems('src/message/date.test.ts', text), [])
  assert.equal(problems('src/message/date.test.ts', "import { a } from '../kv/db.ts'\n").length, 1)
})

test('an unknown folder is refused', () => {
  assert.deepEqual(problems('src/stuff/a.ts', ''), ['0 folder stuff is not in the list of tools/order.ts'])
})

test('the list is the one that docs/design.md prints', () => {
  const file = path.join(root, 'docs/design.md')
  assert.ok(existsSync(file))
  const tree = readFileSync(file, 'utf8').split('\nsrc/\n')[1]?.split('```')[0] ?? ''
  const printed = tree.split(/^# \d .*$/m).slice(1)
  const folders = printed.map((group) => [...group.matchAll(/^([a-z0-9]+)\//gm)].map((match) => match[1]))
  assert.deepEqual(folders, groups)
})
