/**
 * The text in the XML of office documents, which programs write and nobody validates: what stands between tags,
 * where the end of a paragraph or a cell is a line end. Time is linear, whatever the bytes are.
 */

/** Local names of elements after which text does not go on. */
const breaks: ReadonlySet<string> = new Set([
  'p',
  'h',
  'br',
  'tab',
  'si',
  'row',
  'tr',
  'tc',
  'c',
  's',
  'list-item',
])
/** What is in these is not shown. */
const hidden: ReadonlySet<string> = new Set(['instrText', 'delText', 'f', 'style', 'script'])
const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

export function xmlText(xml: string): string {
  const pieces: string[] = []
  let skipTo: string | undefined
  for (let at = 0; at < xml.length;) {
    const open = xml.indexOf('<', at)
    const end = open < 0 ? xml.length : open
    if (end > at && skipTo === undefined) pieces.push(decoded(xml.slice(at, end)))
    if (open < 0) break
    const close = xml.indexOf('>', open)
    if (close < 0) break
    const name = localName(xml, open + 1, close)
    const isEnd = xml[open + 1] === '/'
    const isEmpty = xml[close - 1] === '/'
    if (skipTo === undefined && hidden.has(name) && !isEnd && !isEmpty) skipTo = name
    else if (skipTo === name && isEnd) skipTo = undefined
    if ((isEnd || isEmpty) && breaks.has(name)) pieces.push('\n')
    at = close + 1
  }
  return pieces.join('')
}

/** `w:p` and `/w:p` are both `p`. */
function localName(xml: string, from: number, to: number): string {
  let start = xml[from] === '/' ? from + 1 : from
  let end = start
  for (; end < to && !/[\s/]/.test(xml[end]!); end++) if (xml[end] === ':') start = end + 1
  return xml.slice(start, end)
}

const decoded = (text: string): string =>
  text.includes('&')
    ? text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{1,8}));/gi, (whole, hex, decimal, name) =>
        hex === undefined && decimal === undefined
          ? (entities.get(name as string) ?? whole)
          : character(hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16)),
      )
    : text

const character = (code: number): string => (code <= 0x10ffff ? String.fromCodePoint(code) : '')
