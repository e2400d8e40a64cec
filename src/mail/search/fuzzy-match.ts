/**
 * How well a message meets words that are looked for as people mean them (`search/fuzzy.ts`), told by reading it:
 * for what no index has. What is attached is not looked into here.
 */
import type { BlobStore } from '#blob/store.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import type { Field } from '#search/field.ts'
import { type FuzzyWord, quality, type Stemmer } from '#search/fuzzy.ts'
import type { Languages } from '#search/languages.ts'
import { fieldsOf, type FuzzyRegion, weightOf } from '#search/ranking.ts'
import { eachWord } from '#search/words.ts'
import { namesOfFiles } from './index-document.ts'
import type { StoredBytes } from '../message-bytes.ts'
import { messageText } from './part-text.ts'

/** Words of one message that are looked at. */
const mostWords = 200_000

interface Read {
  readonly row: StoredBytes
  readonly structure: StoredStructure
}

/** Up to 1, 0 where a word is missing. */
export async function scoreMessage(
  blobs: BlobStore,
  { row, structure }: Read,
  region: FuzzyRegion,
  words: readonly FuzzyWord[],
  { ofText }: Languages,
): Promise<number> {
  const best = words.map(() => 0)
  const stems = new Map<string, string>()
  let looked = 0
  const look = (field: Field, text: string, stemmer: Stemmer | undefined): void => {
    const weight = weightOf(field)
    eachWord(text, (term) => {
      if (looked++ > mostWords) return
      let stem = stems.get(term)
      if (stemmer !== undefined && stem === undefined) stems.set(term, (stem = stemmer.stem(term)))
      for (const [i, word] of words.entries())
        best[i] = Math.max(best[i]!, weight * quality(word, term, stem))
    })
  }
  const fields = fieldsOf[region]
  const texts: string[] = []
  if (fields.includes('body')) {
    for await (const { text } of messageText(blobs, row, structure.parts(), 'body')) texts.push(text)
  }
  const stemmer = ofText(`${structure.memberText('subject')}\n${structure.preview}`)
  for (const text of texts) look('body', text, stemmer)
  for (const field of fields) {
    if (field === 'name') for (const name of namesOfFiles(structure.parts())) look(field, name, stemmer)
    else if (field !== 'body' && field !== 'attachment') look(field, structure.memberText(field), stemmer)
  }
  return best.includes(0) ? 0 : best.reduce((sum, one) => sum + one, 0) / best.length
}
