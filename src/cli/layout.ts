/**
 * How text is laid out for people: tables, names with what is said about them, wrapped lines. Where the width
 * is unknown, as in a pipe, nothing is cut or wrapped, so that programs see whole values.
 */
import { printable } from './terminal.ts'

/** Of help, where the width of the screen is not known. */
export const usualColumns = 80
/** Narrower than this nothing can be read, so what is wider runs over. */
const leastWidth = 20

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const unseen = /[\p{Mn}\p{Me}\p{Cf}]/u
const plain = /^[\x20-\x7e]*$/

/** How many cells of a terminal a text takes. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length
  let width = 0
  for (const character of text) width += unseen.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))

/** What fits, with an ellipsis where something did not. */
function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 1
  for (const character of text) {
    used += widthOf(character)
    if (used > width) break
    kept += character
  }
  return `${kept}…`
}

/** Columns of text, each as wide as its widest cell; the last is cut where the terminal ends. Without rows, nothing. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  columns?: number,
): string {
  if (rows.length === 0) return ''
  const lines = [heads, ...rows].map((row) => row.map(printable))
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ''))))
  if (columns !== undefined) narrow(widths, columns)
  return lines.map((line) => `${tableLine(line, widths)}\n`).join('')
}

const tableLine = (line: readonly string[], widths: readonly number[]): string =>
  widths
    .map((width, column) => padded(cut(line[column] ?? '', width), width))
    .join('  ')
    .trimEnd()

/** What things are called by stands first and is cut last. */
const leastFirst = 40
const leastCell = 6

/** Takes from the last column, then from the widest ones, from each alike, until all fit. */
function narrow(widths: number[], columns: number): void {
  const least = widths.map((width, i) => Math.min(width, i === 0 ? leastFirst : leastCell))
  const gaps = 2 * (widths.length - 1)
  let over = widths.reduce((sum, width) => sum + width, gaps) - columns
  const last = widths.length - 1
  const spare = Math.min(Math.max(over, 0), widths[last]! - least[last]!)
  widths[last]! -= spare
  over -= spare
  while (over > 0) {
    const free = [...widths.keys()].filter((i) => widths[i]! > least[i]!)
    if (free.length === 0) return
    const most = Math.max(...free.map((i) => widths[i]!))
    const widest = free.filter((i) => widths[i] === most)
    // Down to the next narrower one, or to the least of these.
    const next = Math.max(
      ...free.map((i) => widths[i]!).filter((width) => width < most),
      ...widest.map((i) => least[i]!),
    )
    const taken = Math.min(most - next, Math.ceil(over / widest.length))
    for (const i of widest) widths[i]! -= taken
    over -= taken * widest.length
  }
}

/** Lines of at most so many columns, broken at spaces; each begins with the indent. */
export function wrap(text: string, columns: number | undefined, indent = ''): string {
  if (columns === undefined) return `${indent}${printable(text)}\n`
  const room = Math.max(leastWidth, columns - widthOf(indent))
  const lines: string[] = []
  let line = ''
  for (const word of printable(text).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line === '' || widthOf(longer) <= room) line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  lines.push(line)
  return lines.map((one) => `${indent}${one}`.trimEnd() + '\n').join('')
}

/** A name and what is said about it, which goes on below itself where the line is full. */
export function described(
  entries: readonly (readonly [name: string, about: string])[],
  columns: number | undefined,
): string {
  const width = Math.max(...entries.map(([name]) => widthOf(name)), 0)
  const indent = ' '.repeat(width + 2)
  return entries
    .map(([name, about]) => padded(printable(name), width) + wrap(about, columns, indent).slice(width))
    .join('')
}

/** `name:  value`, the values below each other; a value of several lines continues under the first. */
export function pairs(
  entries: readonly (readonly [name: string, lines: readonly string[]])[],
  indent = '',
): string {
  const width = Math.max(...entries.map(([name]) => widthOf(name) + 1), 0)
  return entries
    .map(([name, lines]) =>
      (lines.length === 0 ? [''] : lines)
        .map(
          (line, i) =>
            `${indent}${padded(i === 0 ? `${printable(name)}:` : '', width)}  ${printable(line)}`.trimEnd() +
            '\n',
        )
        .join(''),
    )
    .join('')
}

/** A page of help: paragraphs are wrapped, lines that are indented stay as they are. */
export function page(text: string, columns: number): string {
  const blocks: string[] = []
  for (const line of text.split('\n')) {
    const before = blocks.at(-1)
    const continues =
      before !== undefined && before !== '' && !before.startsWith(' ') && !before.endsWith(':')
    if (continues && line !== '' && !line.startsWith(' ')) blocks[blocks.length - 1] = `${before} ${line}`
    else blocks.push(line)
  }
  return blocks.map((block) => (block.startsWith(' ') ? block : wrap(block, columns).trimEnd())).join('\n')
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`
