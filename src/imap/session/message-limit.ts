/**
 * How many messages one command may have to do with (RFC 9738): of more, the last ones are done, and the client is
 * told how far that went, so that it can go on with those before.
 */
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { SearchCriteria, UidRange } from '#mail/search/criteria.ts'
import type { Completion } from './command.ts'
import { Refusal } from '../errors.ts'
import { partOfPositions } from '../wire/partial-range.ts'
import { countPositions, eachPosition, intersect, merge, type Positions } from '../wire/sequence-set.ts'
import type { ImapSession } from './session.ts'
import { noLimit } from '../settings.ts'

/** What of a command is done. */
export interface Limited<T> {
  readonly messages: T
  /** Where that is not all. */
  readonly limit?: { readonly most: number; readonly lowestUid: number }
}

const codeOf = (most: number, lowestUid: number): string => `MESSAGELIMIT ${most} ${lowestUid}`

/** The last of the messages at these positions. */
export function limitPositions(session: ImapSession, positions: Positions): Limited<Positions> {
  const most = session.settings.maxMessagesPerCommand
  if (countPositions(positions) <= most) return { messages: positions }
  const messages = partOfPositions(positions, { first: 1, last: most, isFromEnd: true })
  return { messages, limit: { most, lowestUid: session.selectedView.uidAt(messages[0]!) } }
}

/** The last of the messages with these UIDs, which ascend. */
export function limitUids<T extends number>(session: ImapSession, uids: readonly T[]): Limited<readonly T[]> {
  const most = session.settings.maxMessagesPerCommand
  if (uids.length <= most) return { messages: uids }
  const messages = uids.slice(-most)
  return { messages, limit: { most, lowestUid: messages[0]! } }
}

/** What the tagged line says, or where it has to say something else an untagged one (RFC 9738 §3.1). */
export function completeLimited(
  session: ImapSession,
  { limit }: Pick<Limited<unknown>, 'limit'>,
  completion: Completion,
): Completion {
  if (limit === undefined) return completion
  const code = codeOf(limit.most, limit.lowestUid)
  const text = `Done for the last ${limit.most} messages`
  if (completion.code === undefined) return { ...completion, code, text }
  session.untagged(`NO [${code}] ${text}`)
  return completion.code === 'EXPUNGEISSUED' ? { ...completion, status: 'OK' } : completion
}

/**
 * The last of the messages that a search has to look at: those whose numbers are named where all must meet that
 * (RFC 9738 §3.1, not those that it finds). As positions in `now`; undefined where they are not too many.
 */
export function limitSearched(
  { settings, selectedView: view }: ImapSession,
  now: MailboxView,
  criteria: SearchCriteria,
): Required<Limited<readonly number[]>> | undefined {
  const most = settings.maxMessagesPerCommand
  if (view.count <= most) return undefined
  // What came meanwhile is not found either.
  let named: Positions = [0, now.firstNotBefore(view.uidAt(view.count - 1) + 1) - 1]
  for (const ranges of rangesForAll(criteria)) named = intersect(named, positionsOfRanges(ranges, now))
  if (countPositions(named) <= most) return undefined
  const last = partOfPositions(named, { first: 1, last: most, isFromEnd: true })
  return { messages: [...eachPosition(last)], limit: { most, lowestUid: now.uids.at(last[0]!) } }
}

function* rangesForAll(criteria: SearchCriteria): Generator<readonly UidRange[]> {
  if (criteria.kind === 'uids') yield criteria.ranges
  else if (criteria.kind === 'and') for (const one of criteria.of) yield* rangesForAll(one)
}

function positionsOfRanges(ranges: readonly UidRange[], now: MailboxView): Positions {
  const found: number[] = []
  for (const [from, to] of ranges) {
    const [first, end] = [now.firstNotBefore(from), now.firstNotBefore(to + 1)]
    if (first < end) found.push(first, end - 1)
  }
  return merge(found)
}

/** What is done with all messages or none, and refused where they are a part that the client has measured out. */
export function assertWithinLimit(session: ImapSession, count: number): void {
  const most = session.settings.maxMessagesPerCommand
  if (count > most) throw tooMany(`MESSAGELIMIT ${most}`)
}

/** How many messages COPY and APPEND may bring, since that is one commit. */
export function saveLimit({ maxMessagesPerCommand, maxMessagesPerSave }: ImapSession['settings']): number {
  return Math.min(maxMessagesPerSave, maxMessagesPerCommand)
}

/** `uids` ascend. */
export function assertSaveable({ settings }: ImapSession, uids: readonly number[]): void {
  const most = saveLimit(settings)
  if (uids.length > most) throw tooMany(codeOf(most, uids.at(-most)!))
}

export const tooMany = (code: string): Refusal =>
  new Refusal('Too many messages for one command, try fewer', code)

/** RFC 9738 §3 */
export function limitCapabilities(settings: ImapSession['settings']): readonly string[] {
  const { maxMessagesPerCommand: most } = settings
  const saved = saveLimit(settings)
  return [
    ...(most === noLimit ? [] : [`MESSAGELIMIT=${most}`]),
    ...(saved === most ? [] : [`SAVELIMIT=${saved}`]),
  ]
}
