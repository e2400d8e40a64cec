/**
 * SEARCH and UID SEARCH, with the results that the client asks for: the numbers themselves, the lowest, the
 * highest, how many, or a memory of them for `$` (RFC 9051 §6.4.4).
 */
import { type AnyCommand, command, type Completion, whole } from '../session/command.ts'
import { writeEsearch } from '../search/esearch-response.ts'
import type { Arguments } from '../wire/grammar.ts'
import { completeLimited } from '../session/message-limit.ts'
import { writeNumbers } from '../search/numbers-response.ts'
import {
  type ReturnOptions,
  returnedOf,
  returnsAll,
  takeReturnOptions,
  wantedOf,
} from '../search/return-options.ts'
import { assertTagFree, followResult, refuseUpdates } from '../search/search-context.ts'
import { readProgram, type SearchProgram } from '../search/search-program.ts'
import { highestModseq, orForgetSaved, searchSelected, relevancyOfFound } from '../search/search-selected.ts'
import { pairUp } from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'

interface SearchArguments {
  /** Undefined where RETURN was not given. */
  readonly returns: ReturnOptions | undefined
  readonly program: SearchProgram
}

export const search = searching('SEARCH', 'RFC 9051 §6.4.4')
export const uidSearch = searching('UID SEARCH', 'RFC 9051 §6.4.9')

function searching(name: string, standard: string): AnyCommand {
  const byUid = name.startsWith('UID')
  return command<SearchArguments>({
    name,
    states: ['selected'],
    standard,
    // RFC 7162 §3.2.10.2: message numbers in a UID SEARCH must keep their meaning too.
    ...(!byUid && { usesNumbers: true as const }),
    hidesExpunges: byUid ? ({ program }) => program.hasNumbers : true,
    parse: whole((args: Arguments, session) => {
      args.sp()
      return {
        returns: takeReturnOptions(args),
        program: readProgram(args, session),
      }
    }),
    run: (session, args) => orForgetSaved(session, args.returns, () => runSearch(session, args, byUid)),
  })
}

async function runSearch(
  session: ImapSession,
  { returns, program }: SearchArguments,
  byUid: boolean,
): Promise<Completion> {
  const { out, selectedView: view, reader } = session
  if (returns?.words.has('UPDATE') === true) assertTagFree(session)
  const isRanked = returns?.words.has('RELEVANCY') === true
  const result = await searchSelected(session, program, {
    isLimited: true,
    isRanked,
    wanted: returns && wantedOf(returns),
  })
  const found = result.positions
  const returned = returnedOf(found, returns ?? returnsAll)
  if (returns?.words.has('SAVE') === true) view.save(pairUp(returned.toSorted((a, b) => a - b)))
  const modseq = highestModseq(returned, result, view)
  const number = (position: number): number => (byUid ? view.uidAt(position) : position + 1)
  if (returns !== undefined || session.isRev2) {
    const options = returns ?? returnsAll
    const relevancy = isRanked ? await relevancyOfFound(session, result) : undefined
    writeEsearch(session, { tag: reader.tag }, options, { found, number, byUid, modseq, relevancy })
    if (result.limited === undefined)
      followResult(session, options, result, { correlator: { tag: reader.tag }, byUid })
    else if (options.words.has('UPDATE')) refuseUpdates(session)
  } else await writeNumbers(out, 'SEARCH', { found, number, modseq })
  const full = out.room()
  if (full !== undefined) await full
  return completeLimited(session, result.limited ?? {}, {})
}
