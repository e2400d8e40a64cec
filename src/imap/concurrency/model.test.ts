/**
 * Two mailboxes of an account as they were after each change, told by what commands meant and the numbers that
 * their commits got. Knows nothing of the rows: a command's outcome is worked out anew and must be the server's.
 */
import assert from 'node:assert/strict'
import type { Ingested } from '#mail/ingest.ts'
import type { FlagsStored } from '#mail/flags.ts'
import type { Copied } from '#mail/copy.ts'

/** A command as the client meant it when it was sent; messages by UID. */
export interface Order {
  readonly tag: string
  readonly line: string
  readonly kind: string
  /** The selected mailbox, or for what needs none that which is written to. */
  readonly box: number
  readonly to?: number
  /** Undefined for all that the mailbox has. */
  readonly uids?: readonly number[]
  readonly how?: 'add' | 'remove' | 'replace'
  readonly flags?: readonly string[]
  readonly since?: number
  readonly messages?: readonly { readonly token: string; readonly flags: readonly string[] }[]
  /** No EXPUNGE may come while it runs. */
  readonly hidesExpunges?: boolean
  readonly byUid?: boolean
  readonly isSilent?: boolean
  /** What a SEARCH asks for. */
  readonly wants?: (state: State, uid: number) => boolean
  /** Changes up to this one had been acknowledged, to whomever, when it was sent. */
  readonly floor: number
  /** No later change was under way when it was answered. */
  ceiling?: number
  status?: string
  code?: string
  /** UIDs that the answer named as MODIFIED. */
  modified?: readonly number[]
}

/** What a commit did, as the server itself has it. */
export interface Write {
  readonly order: Order
  readonly modseq: number
  readonly value: unknown
}

interface Message {
  readonly token: string
  keywords: ReadonlySet<string>
  readonly entries: Entry[]
}

export interface State {
  readonly modseq: number
  /** Sorted. */
  readonly flags: readonly string[]
}

export interface Entry {
  readonly box: number
  readonly uid: number
  readonly message: Message
  deleted: boolean
  readonly states: State[]
  goneAt: number
}

interface Box {
  readonly entries: Map<number, Entry>
  uidNext: number
  highestModseq: number
}

const deletedFlag = '\\deleted'
export const sorted = (flags: Iterable<string>): string[] => [...flags].map((f) => f.toLowerCase()).sort()
const same = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join()
const ascending = (uids: Iterable<number>): number[] => [...uids].sort((a, b) => a - b)

export class Model {
  readonly boxes: readonly Box[] = [0, 1].map(() => ({ entries: new Map(), uidNext: 1, highestModseq: 0 }))
  readonly #start: number
  #modseq: number

  constructor(start: number) {
    this.#start = start
    this.#modseq = start
  }

  /** All writes of a run; each number but those of nothing must be of one that changed something. */
  replay(writes: readonly Write[], last: number): void {
    const byNumber = Map.groupBy(writes, ({ modseq }) => modseq)
    for (let modseq = this.#start + 1; modseq <= last + 1; modseq++) {
      let changed: Write | undefined
      const found = byNumber.get(modseq) ?? []
      assert.ok(found.length > 0 || modseq > last, `number ${modseq} is of no write`)
      // Those that found nothing to do looked before the one that has the number.
      const those = [...found.filter((one) => !takesNumber(one)), ...found.filter(takesNumber)]
      for (const write of those) {
        const { order } = write
        const why = `${modseq}: ${order.line} -> ${JSON.stringify(write.value)}`
        assert.ok(modseq > order.floor, `decided by what was known before it was sent: ${why}`)
        this.#modseq = modseq
        if (this.#apply(write, why)) {
          assert.equal(changed, undefined, `two writes have one number: ${why}`)
          changed = write
        }
      }
    }
  }

  at(entry: Entry, modseq: number): State | undefined {
    return entry.goneAt <= modseq ? undefined : entry.states.findLast((state) => state.modseq <= modseq)
  }

  /** Entries as of a change. */
  alive(box: number, modseq: number): Entry[] {
    return [...this.boxes[box]!.entries.values()].filter((entry) => this.at(entry, modseq) !== undefined)
  }

  entry(box: number, uid: number): Entry | undefined {
    return this.boxes[box]!.entries.get(uid)
  }

  /** All the time from one change to another. */
  always(entry: Entry, from: number, to: number, is: (state: State) => boolean): boolean {
    const first = this.at(entry, from)
    if (first === undefined || entry.goneAt <= to || !is(first)) return false
    return entry.states.every((state) => state.modseq <= from || state.modseq > to || is(state))
  }

  #now(box: number, uid: number): Entry | undefined {
    const entry = this.entry(box, uid)
    return entry === undefined || entry.goneAt !== Infinity ? undefined : entry
  }

  /** True where anything changed. */
  #apply({ order, value }: Write, why: string): boolean {
    switch (order.kind) {
      case 'append':
        return this.#append(order.box, order.messages!, value as readonly Ingested[], why)
      case 'replace': {
        const old = this.#now(order.box, order.uids![0]!)
        assert.ok(old !== undefined, `what is gone was replaced: ${why}`)
        this.#append(order.to!, order.messages!, [value as Ingested], why)
        this.#remove(old)
        return true
      }
      case 'store':
        return this.#store(order, value as FlagsStored, why)
      case 'fetch':
        return this.#markSeen(order, value as FlagsStored, why)
      case 'copy':
      case 'move':
        return this.#transfer(order, value as Copied, why)
      case 'expunge':
        return this.#expunge(order, value as readonly number[], why)
      case 'trim':
        return true
      default:
        return assert.fail(`nothing was to be written by ${why}`)
    }
  }

  #add(box: number, message: Message, deleted: boolean): number {
    const to = this.boxes[box]!
    const uid = to.uidNext++
    const entry: Entry = { box, uid, message, deleted, states: [], goneAt: Infinity }
    to.entries.set(uid, entry)
    message.entries.push(entry)
    this.#changed(entry)
    return uid
  }

  #changed(entry: Entry): void {
    const { states, message, deleted } = entry
    const flags = sorted([...message.keywords, ...(deleted ? [deletedFlag] : [])])
    if (states.at(-1)?.modseq === this.#modseq) states.pop()
    states.push({ modseq: this.#modseq, flags })
    this.boxes[entry.box]!.highestModseq = this.#modseq
  }

  #remove(entry: Entry): void {
    entry.goneAt = this.#modseq
    entry.message.entries.splice(entry.message.entries.indexOf(entry), 1)
    this.boxes[entry.box]!.highestModseq = this.#modseq
  }

  #append(box: number, messages: Order['messages'] & {}, value: readonly Ingested[], why: string): boolean {
    const uids = messages.map(({ token, flags }) => {
      const keywords = new Set(sorted(flags).filter((flag) => flag !== deletedFlag))
      return this.#add(box, { token, keywords, entries: [] }, sorted(flags).includes(deletedFlag))
    })
    assert.deepEqual(
      value.map(({ uid }) => uid),
      uids,
      why,
    )
    return true
  }

  #store(order: Order, { changed, modified }: FlagsStored, why: string): boolean {
    const there = order.uids!.map((uid) => this.#now(order.box, uid)).filter((one) => one !== undefined)
    const kept = there.filter((entry) => !this.#mayStore(entry, order, modified))
    assert.deepEqual(
      modified,
      kept.map(({ uid }) => uid),
      `what UNCHANGEDSINCE keeps: ${why}`,
    )
    assert.deepEqual(changed, this.#change(there, kept, order), `what STORE changes: ${why}`)
    return changed.length > 0
  }

  #change(there: readonly Entry[], kept: readonly Entry[], { how, flags }: Order): number[] {
    const given = sorted(flags!)
    const words = given.filter((flag) => flag !== deletedFlag)
    const touched = new Set<Message>()
    const changed: number[] = []
    for (const entry of there) {
      if (kept.includes(entry)) continue
      const { message } = entry
      const before = message.keywords
      const after = new Set(how === 'replace' ? words : before)
      for (const word of words) {
        if (how === 'add') after.add(word)
        if (how === 'remove') after.delete(word)
      }
      const marks = given.includes(deletedFlag)
      const deleted = how === 'replace' ? marks : marks ? how === 'add' : entry.deleted
      const isOtherWords = !same(sorted(before), sorted(after))
      if (isOtherWords || deleted !== entry.deleted) {
        touched.add(message)
        message.keywords = after
        entry.deleted = deleted
        for (const one of isOtherWords ? message.entries : [entry]) this.#changed(one)
      }
      if (touched.has(message)) changed.push(entry.uid)
    }
    return changed
  }

  /** RFC 7162 §3.1.3, §3.1.12: where only flags changed that are not named, the server may go on. */
  #mayStore(entry: Entry, { since, how, flags }: Order, modified: readonly number[]): boolean {
    const now = entry.states.at(-1)!
    if (since === undefined || now.modseq <= since) return true
    if (modified.includes(entry.uid) || how === 'replace') return false
    return entry.states.some(
      (state) =>
        state.modseq <= since &&
        sorted(flags!).every((flag) => state.flags.includes(flag) === now.flags.includes(flag)),
    )
  }

  /** What FETCH marks is what it found unseen; some may have been seen, or have gone, since. */
  #markSeen(order: Order, { changed }: FlagsStored, why: string): boolean {
    const isUnseen = (state: State): boolean => !state.flags.includes('\\seen')
    for (const uid of order.uids!) {
      const entry = this.entry(order.box, uid)
      if (entry !== undefined && this.always(entry, order.floor, this.#modseq - 1, isUnseen))
        assert.ok(changed.includes(uid as never), `${uid} should be marked: ${why}`)
    }
    const there = changed.map((uid) => this.#now(order.box, uid)!)
    for (const [i, uid] of changed.entries())
      assert.ok(there[i] !== undefined && order.uids!.includes(uid), `${uid} was not to be marked: ${why}`)
    const marking = { ...order, how: 'add', flags: ['\\seen'] } as const
    assert.deepEqual(changed, this.#change(there, [], marking), `what is marked: ${why}`)
    return changed.length > 0
  }

  #transfer(order: Order, { pairs }: Copied, why: string): boolean {
    const there = order.uids!.map((uid) => this.#now(order.box, uid)).filter((one) => one !== undefined)
    const expected = there.map((entry) => {
      const uid = this.#add(order.to!, entry.message, entry.deleted)
      if (order.kind === 'move') this.#remove(entry)
      return [entry.uid, uid]
    })
    assert.deepEqual(pairs, expected, why)
    return pairs.length > 0
  }

  /** What is expunged was marked when the command looked, and is when it writes. */
  #expunge(order: Order, gone: readonly number[], why: string): boolean {
    const { surely, possibly } = this.expunged(order, this.#modseq - 1)
    for (const uid of surely) assert.ok(gone.includes(uid), `${uid} should be gone: ${why}`)
    for (const uid of gone) assert.ok(possibly.includes(uid), `${uid} should be left: ${why}`)
    for (const uid of gone) this.#remove(this.#now(order.box, uid)!)
    return gone.length > 0
  }

  expunged({ box, uids, floor }: Order, upTo: number): { surely: number[]; possibly: number[] } {
    const isMarked = (state: State | undefined): boolean => state?.flags.includes(deletedFlag) === true
    const asked = [...this.boxes[box]!.entries.values()].filter(({ uid }) => uids?.includes(uid) ?? true)
    return {
      surely: asked.filter((entry) => this.always(entry, floor, upTo, isMarked)).map(({ uid }) => uid),
      possibly: ascending(asked.filter((entry) => isMarked(this.at(entry, upTo))).map(({ uid }) => uid)),
    }
  }
}

/** Whether a write took the number that it saw: those without effect leave it to the next. */
export function takesNumber({ order, value }: Write): boolean {
  if (order.kind === 'trim') return true
  if (Array.isArray(value)) return value.length > 0
  if ('changed' in (value as object)) return (value as FlagsStored).changed.length > 0
  if ('pairs' in (value as object)) return (value as Copied).pairs.length > 0
  return true
}
