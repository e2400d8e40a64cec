/**
 * SORT and UID SORT (RFC 5256 §3): SEARCH with its result in an order that the client asks for, and the same
 * choice of what is returned (ESORT, RFC 5267 §3).
 */
import type { AccountId } from '#base/id.ts'
import { sortMessages, type SortCriterion } from '#mail/arrange/sort.ts'
import { type AnyCommand, command, type Completion, whole } from '../session/command.ts'
import { writeEsearch } from '../search/esearch-response.ts'
import type { Arguments } from '../wire/grammar.ts'
import { writeNumbers } from '../search/numbers-response.ts'
import { type ReturnOptions, returnedOf, takeReturnOptions } from '../search/return-options.ts'
import { assertTagFree, followResult, refuseUpdates } from '../search/search-context.ts'
import { readCharsetAndKeys, type SearchProgram } from '../search/search-program.ts'
import { highestModseq, orForgetSaved, relevancyOfFound, searchSelected } from '../search/search-selected.ts'
import { pairUp } from '../wire/sequence-set.ts'
import type { Sort } from '../session/sorted-result.ts'
import type { ImapSession } from '../session/session.ts'

interface SortArguments {
  /** Undefined where RETURN was not given: then SORT is answered, under IMAP4rev2 too. */
  readonly returns: ReturnOptions | undefined
  readonly criteria: readonly SortCriterion[]
  readonly program: SearchProgram
}

export const sort = sorting('SORT')
export const uidSort = sorting('UID SORT')

function sorting(name: string): AnyCommand {
  const byUid = name.startsWith('UID')
  return command<SortArguments>({
    name,
    states: ['selected'],
    standard: 'RFC 5256 §3',
    ...(!byUid && { usesNumbers: true as const }),
    hidesExpunges: byUid ? ({ program }) => program.hasNumbers : true,
    parse: whole((args: Arguments, session) => {
      args.sp()
      const returns = takeReturnOptions(args)
      const criteria = readCriteria(args)
      args.sp()
      return { returns, criteria, program: readCharsetAndKeys(args, session) }
    }),
    run: (session, args) => orForgetSaved(session, args.returns, () => runSort(session, args, byUid)),
  })
}

const keys: ReadonlyMap<string, SortCriterion['key']> = new Map([
  ['ARRIVAL', 'arrival'],
  ['CC', 'cc'],
  ['DATE', 'date'],
  ['DISPLAYFROM', 'displayfrom'],
  ['DISPLAYTO', 'displayto'],
  ['FROM', 'from'],
  ['RELEVANCY', 'relevancy'],
  ['SIZE', 'size'],
  ['SUBJECT', 'subject'],
  ['TO', 'to'],
])

/** `"(" sort-criterion *(SP sort-criterion) ")"`; a key that is there twice decides nothing the second time. */
function readCriteria(args: Arguments): readonly SortCriterion[] {
  const criteria = new Map<SortCriterion['key'], SortCriterion>()
  args.open()
  do {
    const isReversed = args.takeWord('reverse ')
    const key = keys.get(args.word())
    if (key === undefined) args.fail('unknown sort criterion')
    if (!criteria.has(key)) criteria.set(key, { key, isReversed })
  } while (args.take(0x20))
  args.close()
  return [...criteria.values()]
}

/** On its own, since it may outlive the command. */
const sorter =
  (
    { services: { db }, connection: { signal } }: ImapSession,
    account: AccountId,
    criteria: readonly SortCriterion[],
    relevancy?: readonly number[],
  ): Sort =>
  (view, indexes) =>
    sortMessages({ db, account, view, indexes, signal }, criteria, relevancy)

async function runSort(
  session: ImapSession,
  { returns, criteria, program }: SortArguments,
  byUid: boolean,
): Promise<Completion> {
  const { out, selectedView: view, reader } = session
  if (returns?.words.has('UPDATE') === true) assertTagFree(session)
  const isByRelevancy = criteria.some(({ key }) => key === 'relevancy')
  const isRanked = isByRelevancy || returns?.words.has('RELEVANCY') === true
  const result = await searchSelected(session, program, { isRanked })
  const { positions, now, held } = result
  const scores = isRanked ? await relevancyOfFound(session, result) : undefined
  const sortBy = sorter(session, held.account, criteria, isByRelevancy ? scores : undefined)
  const order = await sortBy(now, positions.map(view.locator(now)))
  const found = Array.from(order, (place) => positions[place]!)
  const returned = returns === undefined ? found : returnedOf(found, returns)
  if (returns?.words.has('SAVE') === true) view.save(pairUp(returned.toSorted((a, b) => a - b)))
  // RFC 7162 §3.1.9 and §3.1.10
  const modseq = highestModseq(returned, result, view)
  const number = (position: number): number => (byUid ? view.uidAt(position) : position + 1)
  if (returns !== undefined) {
    const correlator = { tag: reader.tag }
    const relevancy =
      scores && returns.words.has('RELEVANCY') ? Array.from(order, (place) => scores[place]!) : undefined
    writeEsearch(session, correlator, returns, { found, number, byUid, modseq, relevancy })
    // How relevant a message is depends on what else is found, so that such an order does not last.
    if (!isByRelevancy)
      followResult(session, returns, result, { correlator, byUid, order: { positions: found, sort: sortBy } })
    else if (returns.words.has('UPDATE')) refuseUpdates(session)
  } else await writeNumbers(out, 'SORT', { found, number, modseq })
  const full = out.room()
  if (full !== undefined) await full
  return {}
}
