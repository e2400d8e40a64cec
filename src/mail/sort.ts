/**
 * SORT (RFC 5256 §3, RFC 5957): messages of a mailbox in the order of criteria, and where all of those are the same,
 * in that of the mailbox. Of each message only what the criteria ask for is read.
 */
import type { Address } from '#message/address.ts'
import { firstAddress } from '#message/envelope.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { headerKey, subjectKey } from './collation.ts'
import { sentDates } from './sent-dates.ts'
import { sortInTurns } from './in-turns.ts'
import { eachStructure, type Selection } from './stored-structures.ts'

export type SortKey =
  | 'arrival'
  | 'cc'
  | 'date'
  | 'displayfrom'
  | 'displayto'
  | 'from'
  | 'size'
  | 'subject'
  | 'to'

export interface SortCriterion {
  readonly key: SortKey
  readonly isReversed: boolean
}

/** Places among the indexes, in the order of the criteria. */
export async function sortMessages(
  selection: Selection,
  criteria: readonly SortCriterion[],
): Promise<Uint32Array> {
  const { indexes, signal } = selection
  const columns = criteria.map(({ key }) => columnOf(key, selection))
  const reads = columns.flatMap(({ read }) => read ?? [])
  if (reads.length > 0) {
    await eachStructure(selection, (structure, place) => {
      for (const read of reads) read(structure, place)
    })
  }
  const compares = columns.map(({ compare }, i) =>
    criteria[i]!.isReversed ? (a: number, b: number) => compare(b, a) : compare,
  )
  return sortInTurns(indexes.length, inTurn(compares), signal)
}

type Compare = (a: number, b: number) => number

function inTurn(compares: readonly Compare[]): Compare {
  if (compares.length === 1) return compares[0]!
  return (a, b) => {
    for (const compare of compares) {
      const order = compare(a, b)
      if (order !== 0) return order
    }
    return 0
  }
}

/** What one criterion compares of each place. */
interface SortColumn {
  /** Fills the column, where that takes more than the view. */
  readonly read?: (structure: StoredStructure, place: number) => void
  readonly compare: Compare
}

function columnOf(key: SortKey, selection: Selection): SortColumn {
  const { view, indexes } = selection
  switch (key) {
    case 'arrival':
      return numbers(indexes, (index) => view.receivedAt.at(index))
    case 'size':
      return numbers(indexes, (index) => view.sizes.at(index))
    case 'date':
      return sentDates(selection)
    case 'subject':
      return texts(indexes.length, subjectKey)
    case 'cc':
    case 'from':
    case 'to':
      return texts(indexes.length, (structure) => {
        const mailbox = firstAddress(structure.memberWire(key))?.mailbox
        return mailbox === undefined ? '' : headerKey(mailbox)
      })
    case 'displayfrom':
      return texts(indexes.length, (structure) => displayKey(structure, 'from'))
    case 'displayto':
      return texts(indexes.length, (structure) => displayKey(structure, 'to'))
  }
}

function numbers(indexes: readonly number[], ofView: (index: number) => number): SortColumn {
  const column = Float64Array.from(indexes, ofView)
  return { compare: (a, b) => column[a]! - column[b]! }
}

/** Of messages that say nothing, and of those that are gone, the empty text, which comes first. */
function texts(count: number, keyOf: (structure: StoredStructure) => string): SortColumn {
  const column = Array.from({ length: count }, () => '')
  return {
    read: (structure, place) => {
      column[place] = keyOf(structure)
    },
    compare: (a, b) => (column[a]! < column[b]! ? -1 : column[a]! > column[b]! ? 1 : 0),
  }
}

/** RFC 5957 §3 and §4. */
function displayKey(structure: StoredStructure, member: 'from' | 'to'): string {
  const address = firstAddress(structure.memberWire(member))
  if (address === undefined) return ''
  const name = address.name === undefined ? '' : headerKey(address.name)
  return name === '' ? headerKey(addressOf(address)) : name
}

const addressOf = ({ mailbox = '', host }: Address): string =>
  host === undefined || mailbox === '' ? mailbox : `${mailbox}@${host}`
