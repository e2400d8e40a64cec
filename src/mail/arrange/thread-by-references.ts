/**
 * THREAD=REFERENCES (RFC 5256 §3): messages under those that they answer, then threads with one base subject
 * together. Nothing here calls itself, and all but sorting is linear, however deep the threads are.
 */
import { readSubject } from '#message/base-subject.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { subjectKey } from './collation.ts'
import { ReplyLinks } from './reply-links.ts'
import { none } from './rooted-forest.ts'
import { sentDates } from './sent-dates.ts'
import { eachInTurns, sortInTurns } from '../in-turns.ts'
import { eachStructure, type Selection } from './stored-structures.ts'
import { keptTree, threadTree } from './thread-tree.ts'
import type { ThreadTree } from './arrangements.ts'

/** Throws Fault('tooLarge') for more messages and identifiers than the limit. */
export const threadByReferences = (selection: Selection, limit: number): Promise<ThreadTree> =>
  keptTree(selection, `REFERENCES ${limit}`, () => arrange(selection, limit))

async function arrange(selection: Selection, limit: number): Promise<ThreadTree> {
  const { indexes, signal } = selection
  const count = indexes.length
  const sent = sentDates(selection)
  const subjects = Array.from({ length: count }, () => '')
  const areReplies = new Uint8Array(count)
  const links = new ReplyLinks(limit)
  await eachStructure(selection, (structure, place) => {
    subjects[place] = subjectKey(structure)
    if (isReply(structure)) areReplies[place] = 1
    sent.read(structure, place)
    links.add(structure, place)
  })
  const order = await sortInTurns(count, sent.compare, signal)
  const parents = await prune(links, count, signal)
  // Step 4: the order in which threads are looked at.
  const parentOf = (place: number): number => parents.of[place]!
  const { roots, firstChildren } = await threadTree(order, parents.dummies, parentOf, signal)
  const threads = roots.map((root): Thread => {
    const first = root < count ? root : firstChildren[root]!
    return { root, isDummy: root >= count, isReply: areReplies[first] === 1, subject: subjects[first]! }
  })
  const merged = await mergeSubjects(threads, count + parents.dummies, signal)
  // Step 6.
  const mergedOf = (place: number): number => {
    const parent = merged.parents.get(place) ?? parents.of[place]!
    return parent < count ? parent : (merged.parents.get(parent) ?? parent)
  }
  return threadTree(order, merged.nodes - count, mergedOf, signal)
}

/** A subject in which nothing was left out is no reply; most are told apart from replies by that. */
function isReply(structure: StoredStructure): boolean {
  const wire = structure.memberWire('subject')
  if (wire.toString('latin1', 1, wire.length - 1) === structure.baseSubject) return false
  return readSubject(structure.memberText('subject')).isReply
}

interface Pruned {
  /** The parent of each place: a place or a dummy, counted from `count`; -1 for none. */
  readonly of: Int32Array
  readonly dummies: number
}

/** Steps 2 and 3: dummies stay only at the top, where they hold several messages together. */
async function prune(
  { parents, places }: ReplyLinks,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Pruned> {
  /** Of dummies, once asked: the nearest message above, or the topmost dummy. */
  const above = new Int32Array(parents.length).fill(none)
  const climb = (dummy: number): number => {
    const path: number[] = []
    let at = dummy
    while (places[at] === none && above[at] === none && parents[at] !== none) {
      path.push(at)
      at = parents[at]!
    }
    const found = above[at] === none ? at : above[at]!
    for (const passed of path) above[passed] = found
    return found
  }
  const of = new Int32Array(count).fill(none)
  const held = new Map<number, number[]>()
  const look = (node: number): void => {
    const place = places[node]!
    const parent = parents[node]!
    if (place === none || parent === none) return
    const found = climb(parent)
    if (places[found] !== none) of[place] = places[found]!
    else {
      const children = held.get(found)
      if (children === undefined) held.set(found, [place])
      else children.push(place)
    }
  }
  await eachInTurns(parents.length, look, signal)
  let dummies = 0
  for (const children of held.values()) {
    if (children.length === 1) continue
    for (const place of children) of[place] = count + dummies
    dummies++
  }
  return { of, dummies }
}

/** A child of the root in step 5. */
interface Thread {
  readonly root: number
  readonly isDummy: boolean
  /** Of the root itself, where that is no dummy. */
  readonly isReply: boolean
  readonly subject: string
}

interface Merged {
  /** Of roots that are none any more; for a dummy, the dummy that has its children now. */
  readonly parents: ReadonlyMap<number, number>
  readonly nodes: number
}

/** Step 5. New dummies are counted from `count`. */
async function mergeSubjects(
  threads: readonly Thread[],
  count: number,
  signal: AbortSignal | undefined,
): Promise<Merged> {
  const table = await subjectTable(threads, signal)
  let nodes = count
  const parents = new Map<number, number>()
  const merge = (thread: Thread): void => {
    const { root, subject } = thread
    const named = table.get(subject)
    if (named === undefined || named.root === root || parents.has(root)) return
    if (named.isDummy) parents.set(root, named.root)
    else if (thread.isReply && !named.isReply) parents.set(root, named.root)
    else {
      const dummy = { root: nodes++, isDummy: true, isReply: false, subject }
      parents.set(root, dummy.root)
      parents.set(named.root, dummy.root)
      table.set(subject, dummy)
    }
  }
  await eachInTurns(threads.length, (i) => merge(threads[i]!), signal)
  return { parents, nodes }
}

/** Step 5.B: of the threads with one subject the one that others are merged with. */
async function subjectTable(
  threads: readonly Thread[],
  signal: AbortSignal | undefined,
): Promise<Map<string, Thread>> {
  const table = new Map<string, Thread>()
  const enter = (thread: Thread): void => {
    if (thread.subject === '') return
    const named = table.get(thread.subject)
    const isBetter =
      named === undefined || (!named.isDummy && (thread.isDummy || (named.isReply && !thread.isReply)))
    if (isBetter) table.set(thread.subject, thread)
  }
  await eachInTurns(threads.length, (i) => enter(threads[i]!), signal)
  return table
}
