/**
 * Flag sets: the different combinations of keywords and `\Deleted` that an account's entries have, each kept
 * once with the bytes that IMAP sends for it, so that a column holds one small number per entry and FETCH
 * FLAGS copies bytes.
 */

export interface FlagSet {
  /** As stored; without `\Deleted`, which is no keyword. */
  readonly keywords: readonly string[]
  readonly seen: boolean
  readonly answered: boolean
  readonly flagged: boolean
  readonly deleted: boolean
  readonly draft: boolean
  /** The flag list of RFC 9051 §7.5.2, for example `(\Seen $Forwarded)`. */
  readonly wire: Uint8Array
}

/** How keywords that are IMAP system flags are called there. */
const systemFlags: ReadonlyMap<string, string> = new Map([
  ['$answered', '\\Answered'],
  ['$flagged', '\\Flagged'],
  ['$draft', '\\Draft'],
  ['$seen', '\\Seen'],
])

/** The spelling of the IANA registry for what is stored in lower case. */
const spellings: ReadonlyMap<string, string> = new Map([
  ['$forwarded', '$Forwarded'],
  ['$mdnsent', '$MDNSent'],
  ['$junk', '$Junk'],
  ['$notjunk', '$NotJunk'],
  ['$phishing', '$Phishing'],
  ['$important', '$Important'],
  ['$submitted', '$Submitted'],
  ['$submitpending', '$SubmitPending'],
  // The colours of a flag. Clients know them only spelled so.
  ['$mailflagbit0', '$MailFlagBit0'],
  ['$mailflagbit1', '$MailFlagBit1'],
  ['$mailflagbit2', '$MailFlagBit2'],
  ['junk', 'Junk'],
  ['nonjunk', 'NonJunk'],
])

/** The IMAP flag for a keyword: a system flag or the keyword itself. */
export const imapFlag = (keyword: string): string =>
  systemFlags.get(keyword) ?? spellings.get(keyword) ?? keyword

/** The keyword for an IMAP flag in any case; undefined for `\Deleted` and for system flags that are none. */
export function keywordOfFlag(flag: string): string | undefined {
  const lower = flag.toLowerCase()
  if (!lower.startsWith('\\')) return lower
  const keyword = `$${lower.slice(1)}`
  return systemFlags.has(keyword) ? keyword : undefined
}

export function flagSetOf(keywords: readonly string[], deleted: boolean): FlagSet {
  const flags: string[] = []
  for (const [keyword, flag] of systemFlags) if (keywords.includes(keyword)) flags.push(flag)
  if (deleted) flags.push('\\Deleted')
  for (const keyword of keywords) if (!systemFlags.has(keyword)) flags.push(imapFlag(keyword))
  return {
    keywords,
    seen: keywords.includes('$seen'),
    answered: keywords.includes('$answered'),
    flagged: keywords.includes('$flagged'),
    deleted,
    draft: keywords.includes('$draft'),
    wire: Buffer.from(`(${flags.join(' ')})`, 'latin1'),
  }
}

/** Sets by their number. Only ever grows, so that whoever holds a number and the table can use both for ever. */
export class FlagSets {
  readonly #sets: FlagSet[] = []
  readonly #numbers = new Map<string, number>()

  get size(): number {
    return this.#sets.length
  }

  at(number: number): FlagSet {
    return this.#sets[number]!
  }

  /** The number of a set. Keywords must be as they are stored. */
  numberOf(keywords: readonly string[], deleted: boolean): number {
    const name = keywords.length === 0 ? '' : keywords.join(' ')
    const key = deleted ? `${name} \\` : name
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#sets.push(flagSetOf(keywords, deleted)) - 1
    this.#numbers.set(key, number)
    return number
  }
}
