/**
 * References to standards: every `RFC n` and `RFC n §s` in a comment must be a row of docs/rfcs.tsv, so that
 * claims of support are in one place. What must hold: a standard marked "no" or "planned" is not cited as done
 * without a gap note, which has the form `RFC n §s (not done: why)`.
 * Run alone it prints findings; `--write` makes docs/reference/standards.md; `--texts FOLDER` also looks each
 * section up in the texts rfcN.txt of that folder.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { separate } from './source-text.ts'
import { type Finding, lineAt, readSources, reportFindings, root, type SourceFile } from './tree.ts'

const supports = ['yes', 'partial', 'no', 'planned'] as const

export interface Standard {
  readonly number: number
  readonly title: string
  readonly support: (typeof supports)[number]
  readonly note: string
}

export interface Reference {
  readonly number: number
  /** Such as '6.4.5' or 'A.1'; empty for the document as a whole. */
  readonly section: string
  /** Why it is not done; undefined where it is. */
  readonly gap: string | undefined
  readonly path: string
  readonly line: number
}

const table = 'docs/rfcs.tsv'

/** Reads the table; what is wrong with it comes back as findings. */
export function readStandards(text: string): {
  readonly standards: readonly Standard[]
  readonly findings: readonly Finding[]
} {
  const standards: Standard[] = []
  const findings: Finding[] = []
  const complain = (line: number, message: string) =>
    findings.push({ path: table, line, message, level: 'error' })
  for (const [index, row] of text.split('\n').entries()) {
    if (index === 0 || row === '') continue
    const [number, title, support, note = ''] = row.split('\t')
    const known = supports.find((one) => one === support)
    if (title === undefined || known === undefined || !/^\d+$/.test(number ?? '')) {
      complain(index + 1, `wanted: number, title, ${supports.join('|')}, note; separated by tabs`)
      continue
    }
    const previous = standards.at(-1)?.number ?? 0
    if (Number(number) <= previous) complain(index + 1, `RFC ${number} is out of order or there twice`)
    standards.push({ number: Number(number), title, support: known, note })
  }
  return { standards, findings }
}

/** All references in the comments of these files. `RFC 9051 §6.4.5, §7.1` is two. */
export function referencesOf(files: readonly SourceFile[]): readonly Reference[] {
  return files.flatMap((file) => {
    const comments = separate(file.text).comments
    const form =
      /\bRFC ?(\d+)((?:(?:,| and)?[ \n*/]*§+ ?[A-Z]?[\d.]*\d[a-z]?)*)(?:[ \n*/]*\(not done: ([^)]*)\))?/g
    return [...comments.matchAll(form)].flatMap((match) => {
      const sections = [...(match[2] ?? '').matchAll(/[A-Z]?[\d.]*\d/g)].map(([section]) => section)
      return (sections.length === 0 ? [''] : sections).map((section) => ({
        number: Number(match[1]),
        section,
        gap: match[3]?.replace(/\s*\n[\s*/]*/g, ' '),
        path: file.path,
        line: lineAt(comments, match.index),
      }))
    })
  })
}

export function checkRfcs(files: readonly SourceFile[], tableText: string): readonly Finding[] {
  const { standards, findings } = readStandards(tableText)
  const known = new Map(standards.map((standard) => [standard.number, standard]))
  const problems = referencesOf(files).flatMap((reference): Finding[] => {
    const standard = known.get(reference.number)
    const message =
      standard === undefined
        ? `RFC ${reference.number} is not in ${table}`
        : standard.support === 'planned' && reference.gap === undefined && isProduct(reference.path)
          ? `RFC ${reference.number} is cited, but ${table} says it is only planned`
          : undefined
    if (message === undefined) return []
    return [{ path: reference.path, line: reference.line, message, level: standard ? 'warning' : 'error' }]
  })
  return [...findings, ...problems]
}

function isProduct(file: string): boolean {
  return file.startsWith('src/') && !file.endsWith('.test.ts')
}

/** Sections that the documents in `folder` do not have. Documents that are not there are not looked at. */
export function checkSections(references: readonly Reference[], folder: string): readonly Finding[] {
  const texts = new Map<number, string>()
  const textOf = (number: number) => {
    const file = path.join(folder, `rfc${number}.txt`)
    if (!texts.has(number)) texts.set(number, existsSync(file) ? readFileSync(file, 'utf8') : '')
    return texts.get(number) as string
  }
  return references.flatMap(({ number, section, path: file, line }): Finding[] => {
    const text = section === '' ? '' : textOf(number)
    const heading = new RegExp(`^ *(?:Appendix )?${section.replaceAll('.', '\\.')}[.:]? +\\S`, 'm')
    if (text === '' || heading.test(text)) return []
    return [{ path: file, line, message: `RFC ${number} has no §${section}`, level: 'error' }]
  })
}

/** The page docs/reference/standards.md. */
export function standardsPage(standards: readonly Standard[], references: readonly Reference[]): string {
  const rows = standards.map(({ number, title, support, note }) => {
    const own = references.filter((reference) => reference.number === number && isProduct(reference.path))
    const where = [...new Set(own.map((reference) => reference.path))].toSorted()
    const gaps = own.filter(({ gap }) => gap !== undefined).map(({ section, gap }) => `§${section}: ${gap}`)
    const notes = [note, ...new Set(gaps)].filter((text) => text !== '').join('; ')
    return `| ${number} | ${title} | ${support} | ${notes} | ${where.map((file) => `\`${file}\``).join(' ')} |`
  })
  return [
    '# Standards',
    '',
    'Made by `node tools/rfcs.ts --write` from `docs/rfcs.tsv` and the comments of the code.',
    '',
    '| RFC | Title | Support | Notes and gaps | Where |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function main(): void {
  const files = readSources()
  const tableText = readFileSync(path.join(root, table), 'utf8')
  const references = referencesOf(files)
  if (process.argv.includes('--write')) {
    mkdirSync(path.join(root, 'docs/reference'), { recursive: true })
    const page = standardsPage(readStandards(tableText).standards, references)
    writeFileSync(path.join(root, 'docs/reference/standards.md'), page)
  }
  const texts = process.argv.indexOf('--texts')
  const folder = texts === -1 ? undefined : process.argv[texts + 1]
  reportFindings([
    ...checkRfcs(files, tableText),
    ...(folder === undefined ? [] : checkSections(references, folder)),
  ])
}

if (import.meta.main) main()
