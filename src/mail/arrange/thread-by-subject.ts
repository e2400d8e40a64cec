/**
 * THREAD=ORDEREDSUBJECT (RFC 5256 §3): messages with one base subject are a thread, whose first message has all others
 * as its children.
 */
import { subjectKey } from './collation.ts'
import { sentDates } from './sent-dates.ts'
import { sortInTurns } from '../in-turns.ts'
import { eachStructure, type Selection } from './stored-structures.ts'
import { keptTree, threadTree } from './thread-tree.ts'
import type { ThreadTree } from './arrangements.ts'

export const threadBySubject = (selection: Selection): Promise<ThreadTree> =>
  keptTree(selection, 'ORDEREDSUBJECT', () => arrange(selection))

async function arrange(selection: Selection): Promise<ThreadTree> {
  const sent = sentDates(selection)
  const subjects = Array.from(selection.indexes, () => '')
  await eachStructure(selection, (structure, place) => {
    sent.read(structure, place)
    subjects[place] = subjectKey(structure)
  })
  const order = await sortInTurns(subjects.length, sent.compare, selection.signal)
  const firsts = new Map<string, number>()
  // In this order the first message of a thread is met first, and threads are met in the order of their firsts.
  const parentOf = (place: number): number => {
    const subject = subjects[place]!
    const first = firsts.get(subject)
    if (first === undefined) firsts.set(subject, place)
    return first ?? -1
  }
  return threadTree(order, 0, parentOf, selection.signal)
}
