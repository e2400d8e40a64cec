/**
 * ESEARCH: searches mailboxes that need not be selected, and says of each in which something was found what it was.
 * Results are UIDs; the selected mailbox is searched as the client knows it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasAll, rightsOf } from '#mail/rights.ts'
import { command, type Completion, whole } from '../session/command.ts'
import { Refusal } from '../errors.ts'
import { writeEsearch } from '../search/esearch-response.ts'
import type { Correlator } from '../session/search-contexts.ts'
import type { Arguments } from '../wire/grammar.ts'
import {
  filteredMailboxes,
  filterKinds,
  type MailboxFilter,
  readMailboxFilter,
} from '../mailbox/mailbox-filter.ts'
import type { MailboxRef } from '../namespace/mailbox-ref.ts'
import { objectIdPrefix } from '#mail/object-id.ts'
import {
  type ReturnOptions,
  returnedOf,
  returnsAll,
  takeReturnOptions,
  wantedOf,
} from '../search/return-options.ts'
import { assertTagFree, followResult, refuseUpdates } from '../search/search-context.ts'
import { replaceFilters } from '../search/search-filters.ts'
import { resolveKeys } from '../search/search-keys.ts'
import { assertCharset, assertFuzzy, readProgram, type SearchProgram } from '../search/search-program.ts'
import {
  highestModseq,
  orForgetSaved,
  placeOf,
  relevancyOf,
  relevancyOfFound,
  searchIn,
  searchSelected,
} from '../search/search-selected.ts'
import { pairUp } from '../wire/sequence-set.ts'
import { signedIn } from '../session/session-state.ts'
import type { ImapSession } from '../session/session.ts'

interface EsearchArguments {
  readonly sources: readonly MailboxFilter[]
  readonly returns: ReturnOptions
  readonly program: SearchProgram
}

const sourceKinds = [...filterKinds, 'selected', 'subtree-one']
const readable = rightsOf('r')

export const esearch = command<EsearchArguments>({
  name: 'ESEARCH',
  states: signedIn,
  standard: 'RFC 7377 §2',
  hidesExpunges: ({ program }) => program.hasNumbers,
  parse: whole((args: Arguments, session) => {
    args.sp()
    const sources = args.takeWord('in (') ? readSources(args) : [{ kind: 'selected', names: [] }]
    const returns = takeReturnOptions(args) ?? returnsAll
    return { sources, returns, program: readProgram(args, session) }
  }),
  run(session, args) {
    assertFitting(session, args)
    return orForgetSaved(session, args.returns, () => searchSources(session, args))
  },
})

/** To the space behind the parentheses. No scope options are defined. */
function readSources(args: Arguments): readonly MailboxFilter[] {
  const sources: MailboxFilter[] = []
  do sources.push(readMailboxFilter(args, sourceKinds))
  while (args.take(0x20))
  args.close()
  args.sp()
  return sources
}

/** RFC 7377 §2.2: what cannot be asked for in this state, or of these mailboxes. */
function assertFitting(session: ImapSession, { sources, returns: { words } }: EsearchArguments): void {
  const needsSelected = words.has('UPDATE') || sources.some(({ kind }) => kind === 'selected')
  if (needsSelected && session.selected === undefined)
    throw new Refusal('Select a mailbox first', undefined, 'BAD')
  if (words.has('SAVE') && sources.some(({ kind }) => kind !== 'selected'))
    throw new Refusal('Only results of the selected mailbox can be saved', undefined, 'BAD')
  if (words.has('UPDATE')) assertTagFree(session)
}

async function searchSources(session: ImapSession, args: EsearchArguments): Promise<Completion> {
  const { returns, sources } = args
  assertCharset(args.program)
  const program = await replaceFilters(session, args.program)
  if (returns.words.has('RELEVANCY')) assertFuzzy(program)
  if (program.hasModseq) session.enableCondstore()
  const refs = await filteredMailboxes(session, sources)
  if (refs.length > session.settings.maxSearchMailboxes)
    throw new Refusal('Too many mailboxes to be searched at once', 'LIMIT')
  let isSelectedAmong = false
  for (const ref of refs) {
    // A mailbox with nothing to read would leave no room for others.
    await nextTurn()
    session.connection.signal.throwIfAborted()
    const isSelected = isSelectedMailbox(session, ref)
    isSelectedAmong ||= isSelected
    await (isSelected ? fromSelected : fromOther)(session, ref, returns, program)
    const full = session.out.room()
    if (full !== undefined) await full
  }
  if (returns.words.has('UPDATE') && !isSelectedAmong) refuseUpdates(session)
  return {}
}

const isSelectedMailbox = ({ selected }: ImapSession, { account, mailbox }: MailboxRef): boolean =>
  selected?.account === account && selected.mailbox === mailbox.id

const correlatorOf = ({ reader }: ImapSession, { path, mailbox }: MailboxRef): Correlator => ({
  tag: reader.tag,
  mailbox: { path, uidValidity: mailbox.uidValidity },
})

async function fromSelected(
  session: ImapSession,
  ref: MailboxRef,
  returns: ReturnOptions,
  program: SearchProgram,
): Promise<void> {
  const { selectedView: view } = session
  const found = await searchSelected(session, program, { wanted: wantedOf(returns) })
  const { positions } = found
  const returned = returnedOf(positions, returns)
  if (returns.words.has('SAVE')) view.save(pairUp(returned.toSorted((a, b) => a - b)))
  const correlator = correlatorOf(session, ref)
  const modseq = highestModseq(returned, found, view)
  const relevancy = returns.words.has('RELEVANCY') ? await relevancyOfFound(session, found) : undefined
  const number = (position: number): number => view.uidAt(position)
  if (positions.length > 0)
    writeEsearch(session, correlator, returns, { found: positions, number, byUid: true, modseq, relevancy })
  followResult(session, returns, found, { correlator, byUid: true })
}

/** Of a mailbox that is not selected, where it may still be read. */
async function fromOther(
  session: ImapSession,
  ref: MailboxRef,
  returns: ReturnOptions,
  program: SearchProgram,
): Promise<void> {
  const { mailboxes } = session
  const now = await mailboxes.load(ref.account, ref.mailbox.id)
  const held = now && (await mailboxes.held(ref.account, now.mailbox))
  if (now === undefined || held === undefined || !hasAll(held.rights, readable)) return
  const number = (index: number): number => now.uids.at(index)
  const numbered = { count: now.count, lowerBound: (uid: number) => now.firstNotBefore(uid), uidAt: number }
  // What `$` stands for is in the selected mailbox.
  const place = placeOf(numbered, () => [], objectIdPrefix(held))
  const criteria = resolveKeys(program.key, place)
  const wanted = wantedOf(returns)
  const found = await searchIn(session, held, now, criteria, {
    ...(wanted !== undefined && { wanted }),
  })
  if (found.length === 0) return
  let modseq = 0
  if (program.hasModseq)
    for (const index of returnedOf(found, returns)) modseq = Math.max(modseq, now.modseqs.at(index))
  const relevancy = returns.words.has('RELEVANCY')
    ? await relevancyOf(session, { now, held, criteria }, found)
    : undefined
  writeEsearch(session, correlatorOf(session, ref), returns, {
    found,
    number,
    byUid: true,
    modseq,
    relevancy,
  })
}
