/**
 * Separates TypeScript into code, comments and strings without a compiler: good enough for checks by regular
 * expression. What must hold: the result has the same length and the same line ends as the input, so offsets
 * stay valid. A regular expression literal counts as a string; where it starts is guessed from what precedes.
 */

export interface Separated {
  /** Comments replaced by spaces; strings kept. */
  readonly withoutComments: string
  /** Comments and the contents of strings replaced by spaces. */
  readonly code: string
  /** Everything but comments replaced by spaces. */
  readonly comments: string
}

interface Piece {
  readonly kind: 'code' | 'comment' | 'string'
  readonly end: number
}

export function separate(text: string): Separated {
  const comments: string[] = []
  const withoutComments: string[] = []
  const code: string[] = []
  const templates: number[] = [] // open braces inside each ${ } that we are in
  let at = 0
  let before = '' // the last token of code, to tell a division from a regular expression
  while (at < text.length) {
    const { kind, end } = pieceAt(text, at, before, templates)
    const raw = text.slice(at, end)
    const blank = raw.replace(/[^\n]/g, ' ')
    comments.push(kind === 'comment' ? raw : blank)
    withoutComments.push(kind === 'comment' ? blank : raw)
    code.push(kind === 'code' ? raw : blank)
    if (kind === 'string') before = '"'
    else if (kind === 'code' && raw.trim() !== '') before = raw
    at = end
  }
  return { withoutComments: withoutComments.join(''), code: code.join(''), comments: comments.join('') }
}

function pieceAt(text: string, at: number, before: string, templates: number[]): Piece {
  const char = text[at] as string
  if (char === '#' && at === 0 && text.startsWith('#!')) return { kind: 'comment', end: lineEnd(text, at) }
  if (text.startsWith('//', at)) return { kind: 'comment', end: lineEnd(text, at) }
  if (text.startsWith('/*', at)) {
    const end = text.indexOf('*/', at + 2)
    return { kind: 'comment', end: end === -1 ? text.length : end + 2 }
  }
  if (char === "'" || char === '"') return { kind: 'string', end: quoteEnd(text, at, char) }
  if (char === '`') return { kind: 'string', end: templateEnd(text, at + 1, templates) }
  if (char === '/' && startsRegex(before)) return { kind: 'string', end: regexEnd(text, at) }
  const open = templates.length - 1
  if (open >= 0 && char === '{') templates[open]! += 1
  if (open >= 0 && char === '}') {
    if (templates[open] === 0) {
      templates.pop()
      return { kind: 'string', end: templateEnd(text, at + 1, templates) }
    }
    templates[open]! -= 1
  }
  const word = /[\w$]/.test(char) ? /[\w$]+/y : undefined
  if (word !== undefined) {
    word.lastIndex = at
    return { kind: 'code', end: at + (word.exec(text)?.[0].length ?? 1) }
  }
  return { kind: 'code', end: at + 1 }
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end === -1 ? text.length : end
}

function quoteEnd(text: string, at: number, quote: string): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === quote || text[i] === '\n') return i + 1
  }
  return text.length
}

// Ends after the closing backtick, or after `${`, in which case code follows until its closing brace.
function templateEnd(text: string, at: number, templates: number[]): number {
  for (let i = at; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '`') return i + 1
    else if (text.startsWith('${', i)) {
      templates.push(0)
      return i + 2
    }
  }
  return text.length
}

function startsRegex(before: string): boolean {
  if (before === '') return true
  if (/^(return|typeof|case|in|of|do|else|void|delete|throw|await|yield)$/.test(before)) return true
  return !/^["\w$)\]}]/.test(before)
}

function regexEnd(text: string, at: number): number {
  let inClass = false
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i]
    if (char === '\n') return at + 1 // a division after all
    if (char === '\\') i++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return i + 1
  }
  return at + 1
}
