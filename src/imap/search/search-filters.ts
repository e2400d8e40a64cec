/**
 * Searches that users gave a name (RFC 5466): annotations of the server, private ones before those that all share.
 * In a command, FILTER stands for the keys in one of them, all of which must be met, as if in parentheses.
 *
 * What must always hold: however filters name each other, the work is that of one search of allowed size.
 */
import { SyntaxFault } from '#base/fault.ts'
import { readAnnotations } from '#mail/annotation.ts'
import { annotated } from '../mailbox/annotations.ts'
import { Refusal, uidRequired } from '../errors.ts'
import { Arguments } from '../wire/grammar.ts'
import { maxKeys, type SearchKey, SearchKeyReader } from './search-keys.ts'
import type { SearchProgram } from './search-program.ts'
import type { ImapSession } from '../session/session.ts'

const entriesOf = (name: string): readonly string[] =>
  ['/private', '/shared'].map((scope) => `${scope}/filters/values/${name.toLowerCase()}`)

export const isFilterEntry = (entry: string): boolean => /^\/(private|shared)\/filters\/values\//.test(entry)

/** Filters inside each other. RFC 5466 §3.1 wants three; beyond these, and in a circle, there is no filter. */
const maxPasses = 8

/** The program with keys in place of filters. Throws a Refusal. */
export async function replaceFilters(session: ImapSession, program: SearchProgram): Promise<SearchProgram> {
  if (!program.hasFilter) {
    if (program.hasNumbers && session.isUidOnly) throw uidRequired()
    return program
  }
  const replacing = new Replacing(session)
  const key = await replacing.replace(program.key, [])
  if (session.isUidOnly && hasNumbers(key)) throw uidRequired()
  const hasModseq = program.hasModseq || replacing.hasModseq
  const hasFuzzy = program.hasFuzzy || replacing.hasFuzzy
  return { ...program, key, hasModseq, hasFuzzy, hasFilter: false }
}

/** What is stored as a filter (RFC 5466 §3.2). Throws a SyntaxFault. */
export function readFilter(
  value: Uint8Array,
  isFuzzy = false,
): { readonly key: SearchKey; readonly reader: SearchKeyReader } {
  const args = new Arguments(value)
  const reader = new SearchKeyReader(args, isFuzzy)
  const key = reader.readAll()
  args.done()
  if (reader.hasBadText) args.fail('text that is not UTF-8')
  return { key, reader }
}

/** What is in a filter was written for any client. */
function hasNumbers(key: SearchKey): boolean {
  if (key.kind === 'set') return !key.byUid && key.set.ranges.length > 0
  if (key.kind === 'not') return hasNumbers(key.of)
  return (key.kind === 'and' || key.kind === 'or') && key.of.some(hasNumbers)
}

class Replacing {
  readonly #session: ImapSession
  readonly #values = new Map<string, Uint8Array | undefined>()
  #keys = 0
  hasModseq = false
  hasFuzzy = false

  constructor(session: ImapSession) {
    this.#session = session
  }

  /** `within`: the names of the filters that the key is part of. */
  async replace(key: SearchKey, within: readonly string[]): Promise<SearchKey> {
    switch (key.kind) {
      case 'filter':
        return this.#filter(key, within)
      case 'not':
        return { kind: 'not', of: await this.replace(key.of, within) }
      case 'and':
      case 'or': {
        const of: SearchKey[] = []
        for (const one of key.of) of.push(await this.replace(one, within))
        return { kind: key.kind, of }
      }
      default:
        return key
    }
  }

  async #filter(
    { name: written, isFuzzy }: Extract<SearchKey, { kind: 'filter' }>,
    within: readonly string[],
  ): Promise<SearchKey> {
    const name = written.toLowerCase()
    const value = within.includes(name) || within.length === maxPasses ? undefined : await this.#value(name)
    if (value === undefined) throw new Refusal('There is no such filter', `UNDEFINED-FILTER ${written}`)
    try {
      const { key, reader } = readFilter(value, isFuzzy)
      this.#keys += reader.keys
      if (this.#keys > maxKeys) throw new Refusal('Filters too complex', 'LIMIT')
      this.hasModseq ||= reader.hasModseq
      this.hasFuzzy ||= reader.hasFuzzy
      return await this.replace(key, [...within, name])
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      throw new Refusal(`The filter ${written} is no search: ${error.message}`, 'CANNOT')
    }
  }

  async #value(name: string): Promise<Uint8Array | undefined> {
    if (this.#values.has(name)) return this.#values.get(name)
    const entries = entriesOf(name)
    const at = annotated(this.#session, undefined)
    const found = await this.#session.services.db.read((tx) => readAnnotations(tx, at, entries, 0))
    const value = found.get(entries[0]!) ?? found.get(entries[1]!)
    this.#values.set(name, value)
    return value
  }
}
