import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { checkRfcs, checkSections, readStandards, referencesOf, standardsPage } from './rfcs.ts'

const table = [
  'number\ttitle\tsupport\tnote',
  '3501\tIMAP4rev1\tyes\t',
  '5256\tSORT and THREAD\tplanned\t',
  '9051\tIMAP4rev2\tpartial\tno BINARY',
  '',
].join('\n')

const file = (text: string) => [{ path: 'src/imap/a.ts', text }]
const references = (text: string) =>
  referencesOf(file(text)).map(({ number, section, line, gap }) => [number, section, line, gap])

test('references are read from comments only, with several sections', () => {
  const text = `// RFC 9051 §6.4.5, §7.1 and RFC 3501
const help = 'RFC 1 §1'
/* RFC 3501 §A.1
 * RFC 9051
 * §2.3 (not done: no client
 * asks) */
`
  assert.deepEqual(references(text), [
    [9051, '6.4.5', 1, undefined],
    [9051, '7.1', 1, undefined],
    [3501, '', 1, undefined],
    [3501, 'A.1', 3, undefined],
    [9051, '2.3', 4, 'no client asks'],
  ])
})

test('a document that the table lacks is an error, a planned one a warning', () => {
  const found = checkRfcs(file('// RFC 9051 §1\n// RFC 9999\n// RFC 5256 §2\n'), table)
  assert.deepEqual(
    found.map(({ line, level }) => [line, level]),
    [
      [2, 'error'],
      [3, 'warning'],
    ],
  )
})

test('bad rows of the table are found', () => {
  const rows =
    'number\ttitle\tsupport\tnote\n9051\tIMAP4rev2\tperhaps\t\nx\ty\n5\tFive\tyes\t\n4\tFour\tno\t\n'
  const { standards, findings } = readStandards(rows)
  assert.deepEqual(
    standards.map(({ number }) => number),
    [5, 4],
  )
  assert.deepEqual(
    findings.map(({ line }) => line),
    [2, 3, 5],
  )
})

test('sections are looked up in the texts', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'postern rfcs-'))
  try {
    writeFileSync(
      path.join(folder, 'rfc9051.txt'),
      '   6.4.5. FETCH\n6.4.5.  FETCH Command\nAppendix A.  Old\n',
    )
    const found = checkSections(
      referencesOf(file('// RFC 9051 §6.4.5\n// RFC 9051 §6.4.55\n// RFC 9051 §A\n// RFC 3501 §9\n')),
      folder,
    )
    assert.deepEqual(
      found.map(({ message }) => message),
      ['RFC 9051 has no §6.4.55'],
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the page has a row for each document, with its gaps', () => {
  const { standards } = readStandards(table)
  const page = standardsPage(standards, referencesOf(file('// RFC 9051 §7 (not done: rare)\n')))
  assert.match(page, /\| 9051 \| IMAP4rev2 \| partial \| no BINARY; §7: rare \| `src\/imap\/a.ts` \|/)
})
