/**
 * How well the documents of a segment meet words (`fuzzy.ts`), word by word.
 *
 * A word counts for more in a subject or with a person than in a long text, and for less in what is attached.
 */
import { type Field, type FieldSet, fieldSet } from './field.ts'
import { candidatePieces, type FuzzyWord, quality, stemQuality } from './fuzzy.ts'
import type { OpenDictionary, Segment } from './segment.ts'

/** Where people look for something. */
export type FuzzyRegion = 'from' | 'to' | 'cc' | 'bcc' | 'subject' | 'body' | 'text'

/** The fields of a region, and what a word in them counts. */
export const fieldsOf: Readonly<Record<FuzzyRegion, readonly Field[]>> = {
  from: ['from'],
  to: ['to'],
  cc: ['cc'],
  bcc: ['bcc'],
  subject: ['subject'],
  body: ['body', 'attachment'],
  text: ['from', 'to', 'cc', 'bcc', 'subject', 'body', 'name', 'attachment'],
}

export const weightOf = (field: Field): number =>
  field === 'body' ? 0.8 : field === 'name' || field === 'attachment' ? 0.6 : 1

/** The quality of the best occurrence of a word in each document. */
export async function rankWord(
  segment: Segment,
  region: FuzzyRegion,
  word: FuzzyWord,
): Promise<Float32Array> {
  const best = new Float32Array(segment.ids.length)
  const terms = await termsFor(segment, word)
  for (const weight of [1, 0.8, 0.6]) {
    const wanted = fieldSet(...fieldsOf[region].filter((field) => weightOf(field) === weight))
    if (wanted !== 0) for (const group of terms) raise(best, group, wanted, weight)
  }
  return best
}

/** Terms of one dictionary that meet the word equally well. */
interface Group {
  readonly dictionary: OpenDictionary
  readonly quality: number
  readonly terms: readonly number[]
}

async function termsFor(segment: Segment, word: FuzzyWord): Promise<readonly Group[]> {
  const words = await segment.dictionary('words')
  const stems = await segment.dictionary('stems')
  const groups = new Map<string, { dictionary: OpenDictionary; quality: number; terms: number[] }>()
  const add = (dictionary: OpenDictionary, met: number, term: number): void => {
    const key = `${dictionary === stems ? 's' : 'w'}${met}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { dictionary, quality: met, terms: [term] })
    else group.terms.push(term)
  }
  for (const { text, kind } of candidatePieces(word)) {
    for (const term of words.terms.numbersOf(text, kind)) {
      const met = quality(word, words.terms.textOf(term))
      if (met > 0) add(words, met, term)
    }
  }
  for (const form of word.forms) {
    for (const term of stems.terms.numbersOf(form, 'term')) add(stems, stemQuality, term)
    // A word that is its own stem.
    for (const term of words.terms.numbersOf(form, 'term')) add(words, stemQuality, term)
  }
  return [...groups.values()]
}

function raise(
  best: Float32Array,
  { dictionary, quality: met, terms }: Group,
  wanted: FieldSet,
  weight: number,
): void {
  const having = new Uint8Array(best.length)
  for (const term of terms) dictionary.postings.mark(term, wanted, having)
  const value = met * weight
  for (let i = 0; i < best.length; i++) if (having[i] === 1 && best[i]! < value) best[i] = value
}
