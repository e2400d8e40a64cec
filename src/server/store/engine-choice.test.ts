/**
 * Mail must never vanish behind an empty store. Faults that turn these red, each planted by hand and seen: an engine
 * that is not known is taken for LMDB; a directory with rows and without STORE is taken for a new one.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, it } from 'node:test'
import { Advice } from '../terminal/advice.ts'
import { chooseEngine } from './engine-choice.ts'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'postern-choice-'))))
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function refused(text: RegExp): void {
  assert.throws(
    () => chooseEngine(directory, 'lmdb'),
    (error) => error instanceof Advice && text.test(error.message),
  )
}

it('keeps the engine that a directory was made with, whatever is wanted later', () => {
  assert.equal(chooseEngine(directory, 'sqlite'), 'sqlite')
  assert.equal(chooseEngine(directory, 'lmdb'), 'sqlite')
})

it('refuses what it cannot read, and leaves it as it is', () => {
  const file = join(directory, 'STORE')
  for (const [text, says] of [
    ['{"engine":"lmdb","format":2}', /was written by a newer Postern \(format 2, this one reads 1\)/],
    ['{"engine":"fdb","format":1}', /is kept with "fdb", which this Postern does not know/],
    ...['', '{}', 'null', '{"engine":"lmdb"}', '{"format":1}', '{"engine":'].map(
      (damaged) => [damaged, /STORE is damaged: copy it from a backup/] as const,
    ),
  ] as const) {
    writeFileSync(file, text)
    refused(says)
    assert.equal(readFileSync(file, 'utf8'), text)
  }
})

it('takes no directory with rows for a new one', () => {
  mkdirSync(join(directory, 'rows'))
  writeFileSync(join(directory, 'rows', 'rows.lmdb'), 'x')
  refused(/holds mail, but its file STORE is missing/)
})
