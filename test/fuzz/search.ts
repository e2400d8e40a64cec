/** Fuzz targets of `src/search`: words of any text, and what is attached. */
import assert from 'node:assert/strict'
import { zipSync } from 'fflate'
import { SyntaxFault } from '#base/fault.ts'
import { foldText } from '#message/fold-text.ts'
import { officeText } from '#search/office-text.ts'
import { rtfText } from '#search/rtf-text.ts'
import { readDocuments, readHead } from '#search/segment-format.ts'
import { eachWord, needlePieces } from '#search/words.ts'
import { xmlText } from '#search/xml-text.ts'

const limit = 1 << 20

/** What contains a needle has words with all its pieces: the second half of the bytes is cut out of the first. */
function words(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8')
  const folded = foldText(text)
  const found: string[] = []
  eachWord(text, (word) => found.push(word))
  const start = folded.length >> 1
  const needle = folded.slice(start, start + ((bytes[0] ?? 0) % 80)).replaceAll(/[\ud800-\udfff]/g, '')
  if (!folded.includes(needle)) return
  for (const { text: piece, kind } of needlePieces(needle)) {
    const has = (word: string): boolean =>
      kind === 'term'
        ? word === piece
        : kind === 'prefix'
          ? word.startsWith(piece)
          : kind === 'suffix'
            ? word.endsWith(piece)
            : word.includes(piece)
    assert.ok(found.some(has), `${kind} ${JSON.stringify(piece)}`)
  }
}

function office(bytes: Uint8Array): void {
  officeText(Buffer.concat([Buffer.from('504b0304', 'hex'), bytes]), limit)
  const archive = zipSync({ 'word/document.xml': bytes })
  for (let i = 0; i < Math.min(bytes.length, 8); i++) archive[bytes[i]! % archive.length]! ^= 1 << i
  officeText(archive, limit)
}

function documents(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1')
  rtfText(`{\\rtf1${text}`)
  xmlText(`<w:p>${text}`)
}

function segment(bytes: Uint8Array): void {
  for (const read of [readHead, readDocuments]) {
    try {
      read(bytes)
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
    }
  }
}

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [
  { name: 'search words', parser: 'words', run: words },
  { name: 'search office', parser: 'office documents', run: office },
  { name: 'search documents', parser: 'rich text and XML', run: documents },
  { name: 'search segment', parser: 'index segments', run: segment },
]
