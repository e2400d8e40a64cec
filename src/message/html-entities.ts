/**
 * The character references of HTML that mail uses, to text. Not the full table of the HTML standard: what
 * is not known stays as it is written, which is right for previews and search.
 */
const named: ReadonlyMap<string, string> = new Map(
  Object.entries({
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    nbsp: '\u00a0',
    iexcl: '¡',
    cent: '¢',
    pound: '£',
    yen: '¥',
    sect: '§',
    copy: '©',
    laquo: '«',
    raquo: '»',
    reg: '®',
    deg: '°',
    plusmn: '±',
    micro: 'µ',
    para: '¶',
    middot: '·',
    iquest: '¿',
    times: '×',
    divide: '÷',
    ndash: '–',
    mdash: '—',
    lsquo: '‘',
    rsquo: '’',
    sbquo: '‚',
    ldquo: '“',
    rdquo: '”',
    bdquo: '„',
    bull: '•',
    hellip: '…',
    euro: '€',
    trade: '™',
    lsaquo: '‹',
    rsaquo: '›',
    larr: '←',
    rarr: '→',
    shy: '\u00ad',
    zwnj: '\u200c',
    zwj: '\u200d',
    ensp: '\u2002',
    emsp: '\u2003',
    thinsp: '\u2009',
    szlig: 'ß',
    aelig: 'æ',
    AElig: 'Æ',
    oelig: 'œ',
    OElig: 'Œ',
    oslash: 'ø',
    Oslash: 'Ø',
    ccedil: 'ç',
    Ccedil: 'Ç',
    thorn: 'þ',
    eth: 'ð',
  }),
)

/** Letters with an accent are named by letter and accent: "eacute", "Ouml". */
const accents: ReadonlyMap<string, string> = new Map([
  ['acute', '\u0301'],
  ['grave', '\u0300'],
  ['circ', '\u0302'],
  ['uml', '\u0308'],
  ['tilde', '\u0303'],
  ['ring', '\u030a'],
  ['caron', '\u030c'],
])

/** The windows-1252 characters that HTML means by the numbers 128 to 159. */
const windows1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'

/** The text of a reference, given without "&" and ";"; undefined where it is none. */
export function characterReference(name: string): string | undefined {
  if (name.charCodeAt(0) === 0x23) return numeric(name)
  const known = named.get(name)
  if (known !== undefined) return known
  const mark = accents.get(name.slice(1))
  return mark === undefined || !/^[A-Za-z]/.test(name) ? undefined : (name[0]! + mark).normalize('NFC')
}

function numeric(name: string): string | undefined {
  const match = /^#(?:x([0-9a-f]{1,8})|(\d{1,8}))$/i.exec(name)
  if (match === null) return undefined
  const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16)
  if (code >= 0x80 && code <= 0x9f) return windows1252[code - 0x80]
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd'
  return String.fromCodePoint(code)
}
