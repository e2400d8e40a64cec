/** FETCH and UID FETCH: what the client wants to have of which messages; `../selected/fetching.ts` has the rest. */
import { type AnyCommand, command, whole } from '../session/command.ts'
import { Fetching, hasColumn, withFirst } from '../selected/fetching.ts'
import { readFetchItems } from '../fetch/fetch-items.ts'
import { readFetchModifiers } from '../fetch/fetch-modifiers.ts'
import type { Arguments } from '../wire/grammar.ts'
import { assertWithinLimit } from '../session/message-limit.ts'
import { partOfPositions } from '../wire/partial-range.ts'
import { countPositions, positionsOfNumbers, positionsOfUids } from '../wire/sequence-set.ts'

export const fetch = fetching('FETCH', 'RFC 9051 §6.4.5, RFC 7162 §3.1.4')
export const uidFetch = fetching('UID FETCH', 'RFC 9051 §6.4.9')

function fetching(name: string, standard: string): AnyCommand {
  const byUid = name.startsWith('UID')
  return command({
    name,
    states: ['selected'],
    standard,
    // RFC 9051 §7.5.1; the UID form could.
    ...(!byUid && { hidesExpunges: true as const, usesNumbers: true as const }),
    parse: whole((args: Arguments, session) => {
      args.sp()
      const set = args.sequenceSet()
      args.sp()
      const items = readFetchItems(args)
      const modifiers = readFetchModifiers(args, byUid && session.isQresync)
      // RFC 9051 §6.4.9, RFC 7162 §3.1.4.1
      const first = [
        byUid && !session.isUidOnly && 'UID',
        modifiers.changedSince !== undefined && 'MODSEQ',
      ] as const
      return { set, items: withFirst(first, items), modifiers }
    }),
    async run(session, { set, items, modifiers }) {
      if (hasColumn(items, 'MODSEQ')) session.enableCondstore()
      const view = session.selectedView
      const positions = (byUid ? positionsOfUids : positionsOfNumbers)(set, view, view.saved)
      const { partial } = modifiers
      const part = partial === undefined ? positions : partOfPositions(positions, partial)
      if (partial !== undefined) assertWithinLimit(session, countPositions(part))
      return new Fetching(session, items).run(part, { set, byUid, ...modifiers })
    },
  })
}
