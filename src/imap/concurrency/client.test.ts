/**
 * A client that believes every untagged response and nothing else: its picture of the selected mailbox is made
 * of them alone. What it was told is checked at once where the standard forbids it, and kept as facts where only
 * the whole history shows whether it was true.
 */
import assert from 'node:assert/strict'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { type Order, sorted } from './model.test.ts'

export const kinds = ['rev1', 'rev2', 'condstore', 'qresync', 'qresync2'] as const
export type Kind = (typeof kinds)[number]
export const boxNames = ['INBOX', 'Archive'] as const

/** A message in the client's picture, by its place. */
export interface Slot {
  uid?: number
  flags?: readonly string[]
  modseq?: number
}

/** A picture that the client could come back with: complete up to a MODSEQ. */
export interface Picture {
  readonly box: number
  readonly highest: number
  readonly slots: readonly Slot[]
  /** No change that was not under way when the picture was taken can be in it. */
  readonly ceiling: number
}

/** What has to be true in the mailbox's history. */
export type Fact =
  | { readonly what: 'flags'; readonly order: Order | undefined; readonly box: number; readonly slot: Slot }
  | { readonly what: 'text'; readonly box: number; readonly uid: number; readonly token: string }
  | { readonly what: 'picture'; readonly picture: Picture }
  | { readonly what: 'opened'; readonly order: Order; readonly highest: number }
  | {
      readonly what: 'found'
      readonly order: Order
      readonly uids: readonly number[]
      readonly among: readonly number[]
      readonly highest: number | undefined
    }
  | Resynced

/** How a client was brought up to date. */
export interface Resynced {
  readonly what: 'resynced'
  readonly order: Order
  readonly since: number
  /** Up to where; undefined for what was current at any moment while the command ran. */
  readonly highest: number | undefined
  readonly asked: readonly number[] | undefined
  /**
   * UIDs up to this one that the client does not know are none of its business: it said which numbers it knows for
   * higher ones (RFC 7162 §3.2.5.2). 0 where it did not.
   */
  readonly matched: number
  /** What the client knew when it came back; undefined where that does not matter. */
  readonly known?: ReadonlySet<number>
  /** Those still counted. */
  readonly counted: ReadonlySet<number>
  readonly vanished: readonly number[] | undefined
  readonly told: ReadonlyMap<number, number | undefined>
  /** The log no longer reaches back to `since`. */
  readonly isCut: boolean
}

/** The server's side of the story. */
export interface Witness {
  fact(fact: Fact): void
  say(line: string): void
  /** See Order. */
  readonly floor: number
  readonly ceiling: number
  readonly cut: number
}

/** A picture with which a client comes back, and what of it the client says. */
export interface KnownPicture extends Picture, Pick<Resynced, 'asked' | 'matched'> {}

interface Selecting {
  readonly box: number
  readonly from: KnownPicture | undefined
  exists: number
  highest: number
  readonly vanished: number[]
  readonly told: Map<number, Slot>
}

/** What came while a command ran. */
interface Outstanding {
  readonly order: Order
  readonly settle: () => void
  readonly changedSince?: number
  /** The picture when it began. */
  before: readonly Slot[]
  readonly selecting?: Selecting
  readonly told: Map<Slot, Slot>
  readonly vanished: number[]
}

export class Client {
  readonly kind: Kind
  readonly #witness: Witness
  readonly #name: string
  #conversation: Conversation | undefined
  readonly outstanding: Outstanding[] = []
  slots: Slot[] = []
  /** Index of the selected mailbox. */
  box: number | undefined
  uidValidity = new Map<number, number>()
  pictures: Picture[] = []
  #highest = 0
  /** Told since the last tagged answer. */
  #saidHighest: number | undefined
  #highestFetched = 0
  isCondstore = false
  isIdling = false
  #wake: () => void = () => {}
  #destroy: () => void = () => {}
  failure: Error | undefined

  constructor(name: string, kind: Kind, witness: Witness) {
    this.#name = name
    this.kind = kind
    this.#witness = witness
  }

  get isQresync(): boolean {
    return this.kind.startsWith('qresync')
  }

  get isConnected(): boolean {
    return this.#conversation !== undefined
  }

  get highest(): number {
    return this.#highest
  }

  /** Takes over a connection that has signed in. */
  async begin(conversation: Conversation, destroy: () => void): Promise<void> {
    this.#conversation = conversation
    this.#destroy = destroy
    this.isCondstore = this.kind === 'condstore' || this.isQresync
    const enabled = { rev1: '', rev2: 'IMAP4rev2', condstore: 'CONDSTORE', qresync: 'QRESYNC' }
    const words = this.kind === 'qresync2' ? 'QRESYNC IMAP4rev2' : enabled[this.kind]
    if (words !== '') {
      conversation.send(`en ENABLE ${words}`)
      await conversation.until('en OK')
    }
    void this.#listen(conversation)
  }

  /** Whatever is under way is lost to the client. */
  cut(): void {
    this.#witness.say(`${this.#name} -- cut off`)
    this.#destroy()
    this.#conversation = undefined
    for (const { settle } of this.outstanding.splice(0)) settle()
    this.leave()
  }

  /** The order is answered, or lost, when this resolves. */
  send(order: Order, o: { selecting?: Selecting; changedSince?: number } = {}): Promise<void> {
    this.#witness.say(`${this.#name} C: ${order.line}`)
    return new Promise((settle) => {
      const before = this.#copied()
      this.outstanding.push({ order, settle, before, told: new Map(), vanished: [], ...o })
      this.#conversation!.sendRaw(order.line)
    })
  }

  async idle(order: Order, until: Promise<unknown>): Promise<void> {
    const done = this.send(order)
    const begun = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    await Promise.race([begun, done])
    this.isIdling = true
    await Promise.race([until, done])
    if (!this.isConnected) return
    this.#witness.say(`${this.#name} C: DONE`)
    this.#conversation!.send('DONE')
    await done
  }

  /** Whether the sequence numbers that the client has now will hold when the server reads the next command (RFC 9051 §5.5). */
  get mayUseNumbers(): boolean {
    return this.outstanding.every(({ order }) => order.hidesExpunges === true && order.byUid !== true)
  }

  selecting(box: number, from: Selecting['from']): Selecting {
    return { box, from, exists: 0, highest: 0, vanished: [], told: new Map() }
  }

  /** UIDs that the client knows. */
  get uids(): number[] {
    return this.slots.map(({ uid }) => uid).filter((uid) => uid !== undefined)
  }

  async #listen(conversation: Conversation): Promise<void> {
    try {
      for (;;) {
        const line = await readResponse(conversation)
        if (this.#conversation !== conversation) return
        this.#witness.say(`${this.#name} S: ${line}`)
        this.#take(line)
      }
    } catch (error) {
      if (this.#conversation !== conversation) return
      this.failure ??= error as Error
      this.cut()
    }
  }

  #take(line: string): void {
    if (line.startsWith('+')) return this.#wake()
    if (!line.startsWith('* ')) return this.#tagged(line)
    const number = /^\* (\d+) (EXISTS|EXPUNGE|FETCH|RECENT)/.exec(line)
    if (number !== null) this.#numbered(Number(number[1]), number[2]!, line)
    else if (line.startsWith('* VANISHED ')) this.#vanished(line)
    else if (/^\* E?SEARCH/.test(line)) this.#found(line)
    else if (line.startsWith('* OK [CLOSED]')) this.leave()
    else if (line.startsWith('* OK [')) this.#code(line)
    else assert.ok(/^\* (FLAGS|LIST|BYE|OK)/.test(line), `unexpected: ${line}`)
  }

  #code(line: string): void {
    const [, code, value] = /\[(\w+)(?: ([^\]]*))?\]/.exec(line)!
    const selecting = this.outstanding[0]?.selecting
    if (code === 'HIGHESTMODSEQ') {
      if (selecting !== undefined) selecting.highest = Number(value)
      else this.#sayHighest(Number(value))
    } else if (code === 'UIDVALIDITY') this.uidValidity.set(selecting!.box, Number(value))
  }

  #sayHighest(value: number): void {
    assert.ok(value >= (this.#saidHighest ?? 0), 'HIGHESTMODSEQ fell')
    this.#saidHighest = value
  }

  #numbered(number: number, what: string, line: string): void {
    const selecting = this.outstanding[0]?.selecting
    if (what === 'EXISTS') {
      if (selecting !== undefined && this.box === undefined) selecting.exists = number
      else {
        assert.ok(number >= this.slots.length, 'EXISTS fell')
        while (this.slots.length < number) this.slots.push({})
      }
    } else if (what === 'EXPUNGE') {
      this.#mayShift()
      assert.ok(!this.isQresync, 'EXPUNGE for a client that is told VANISHED')
      assert.ok(number >= 1 && number <= this.slots.length, 'EXPUNGE of what there is not')
      this.slots.splice(number - 1, 1)
    } else if (what === 'FETCH') {
      if (selecting !== undefined && this.box === undefined) selecting.told.set(number, readFetch(line))
      else this.#fetched(number, line)
    }
  }

  #mayShift(): void {
    const order = this.outstanding[0]?.order
    assert.ok(order !== undefined, 'a number shifts while no command runs')
    assert.ok(order.hidesExpunges !== true, `a number shifts within ${order.line}`)
  }

  #vanished(line: string): void {
    const isEarlier = line.startsWith('* VANISHED (EARLIER) ')
    const uids = readSet(line.slice(line.lastIndexOf(' ') + 1))
    assert.ok(this.isQresync, 'VANISHED for a client that did not ask for it')
    const current = this.outstanding[0]
    if (isEarlier) {
      assert.ok(current !== undefined, 'VANISHED (EARLIER) unasked')
      ;(current.selecting?.vanished ?? current.vanished).push(...uids)
      return
    }
    this.#mayShift()
    for (const uid of uids) {
      const at = this.slots.findIndex((slot) => slot.uid === uid)
      // One of those that came and are not known by UID.
      const unknown = at === -1 ? this.slots.findLastIndex((slot, i) => this.#couldBe(uid, slot, i)) : at
      assert.ok(unknown !== -1, `VANISHED ${uid}, which is not known`)
      this.slots.splice(unknown, 1)
    }
  }

  #couldBe(uid: number, slot: Slot, at: number): boolean {
    const before = this.slots.slice(0, at).findLast((one) => one.uid !== undefined)?.uid ?? 0
    const behind = this.slots.slice(at).find((one) => one.uid !== undefined)?.uid ?? Infinity
    return slot.uid === undefined && before < uid && uid < behind
  }

  #fetched(number: number, line: string): void {
    const slot = this.slots[number - 1]
    assert.ok(slot !== undefined, `FETCH of what there is not: ${line}`)
    const current = this.outstanding[0]
    const told = readFetch(line)
    if (told.uid !== undefined) {
      assert.ok(slot.uid === undefined || slot.uid === told.uid, `another UID at a number: ${line}`)
      slot.uid = told.uid
      this.#assertAscending()
    }
    if (told.modseq !== undefined) {
      const since = current?.changedSince
      assert.ok(told.modseq >= (slot.modseq ?? 0), `an older state: ${line}`)
      if (since !== undefined && told.modseq <= since)
        assert.notEqual(slot.modseq, told.modseq, `not changed since ${since}: ${line}`)
      slot.modseq = told.modseq
      this.#highestFetched = Math.max(this.#highestFetched, told.modseq)
    }
    if (told.flags !== undefined) slot.flags = told.flags
    const known = current?.told.get(slot)
    current?.told.set(slot, { ...known, ...told })
    if (slot.uid === undefined) return
    if (told.flags !== undefined) {
      const fact = { uid: slot.uid, flags: told.flags, modseq: told.modseq }
      this.#witness.fact({ what: 'flags', order: current?.order, box: this.box!, slot: fact as Slot })
    }
    const token = /BODY\[TEXT\] (?:\{\d+\}\n|")(\w+)/.exec(line)?.[1]
    if (token !== undefined) this.#witness.fact({ what: 'text', box: this.box!, uid: slot.uid, token })
  }

  #assertAscending(): void {
    let last = 0
    for (const { uid } of this.slots) {
      if (uid === undefined) continue
      assert.ok(uid > last, `UIDs do not ascend: ${this.slots.map((slot) => slot.uid).join(' ')}`)
      last = uid
    }
  }

  #found(line: string): void {
    const { order } = this.outstanding[0]!
    assert.equal(order.kind, 'search', line)
    const modseq = /MODSEQ (\d+)/.exec(line)?.[1]
    const set = / ALL (\S+)/.exec(line)?.[1]
    const numbers = line.startsWith('* ESEARCH')
      ? readSet(set ?? '')
      : line
          .replace(/\(.*\)/, '')
          .split(' ')
          .slice(2)
          .filter((word) => word !== '')
          .map(Number)
    const uids = order.byUid ? numbers : numbers.map((number) => this.slots[number - 1]?.uid ?? 0)
    const among = this.uids
    this.#witness.fact({
      what: 'found',
      order: Object.assign(order, { ceiling: this.#witness.ceiling }),
      uids: uids.filter((uid) => among.includes(uid)),
      among,
      highest: modseq === undefined || uids.some((uid) => !among.includes(uid)) ? undefined : Number(modseq),
    })
  }

  #tagged(line: string): void {
    const current = this.outstanding[0]
    assert.ok(current !== undefined && line.startsWith(`${current.order.tag} `), `not awaited: ${line}`)
    const { order, selecting } = current
    const [, status, code, value] = /^\S+ (\S+)(?: \[(\S+)(?: ([^\]]*))?\])?/.exec(line)!
    assert.notEqual(status, 'BAD', `${order.line} -> ${line}`)
    Object.assign(order, { status, code, ceiling: this.#witness.ceiling })
    if (code === 'HIGHESTMODSEQ') this.#sayHighest(Number(value))
    if (code === 'MODIFIED') {
      const named = readSet(value!)
      const uids = order.byUid ? named : named.map((number) => this.slots[number - 1]!.uid!)
      Object.assign(order, { modified: uids })
    }
    if (selecting !== undefined && status === 'OK') this.#selected(current, selecting)
    if (order.isSilent && status !== 'BAD') this.#expectFlags(current)
    this.#resynced(current)
    this.#upTo()
    this.isIdling = false
    this.outstanding.shift()
    if (this.outstanding[0] !== undefined) this.outstanding[0].before = this.#copied()
    current.settle()
  }

  #copied(): Slot[] {
    return this.slots.map((slot) => ({ ...slot }))
  }

  /** RFC 7162 §6: how far the client's picture reaches now. */
  #upTo(): void {
    const before = this.#highest
    this.#highest = this.#saidHighest ?? Math.max(this.#highest, this.#highestFetched)
    this.#saidHighest = undefined
    this.#highestFetched = 0
    if (this.box === undefined || !this.isCondstore) return
    assert.ok(this.#highest >= before, `HIGHESTMODSEQ fell from ${before} to ${this.#highest}`)
    const { ceiling } = this.#witness
    const slots = this.#copied()
    const picture = { box: this.box, highest: this.#highest, slots, ceiling }
    this.#witness.fact({ what: 'picture', picture })
    const known = slots.findIndex(({ uid, flags, modseq }) => (uid && flags && modseq) === undefined)
    const whole = known === -1 ? slots : slots.slice(0, known)
    if (whole.length > 0 && slots.slice(whole.length).every(({ uid }) => uid === undefined))
      this.pictures.push({ ...picture, slots: whole })
  }

  /** RFC 9051 §6.4.6: what SILENT does not tell, the client works out. */
  #expectFlags({ order, told, before }: Outstanding): void {
    const given = sorted(order.flags!)
    for (const slot of this.slots) {
      const known = before.find(({ uid }) => uid === slot.uid)
      const isMeant = slot.uid !== undefined && order.uids!.includes(slot.uid)
      if (!isMeant || order.modified?.includes(slot.uid!) || told.get(slot)?.flags !== undefined) continue
      if (known?.flags === undefined || slot.flags === undefined) continue
      const flags = new Set(order.how === 'replace' ? [] : slot.flags)
      for (const flag of given) {
        if (order.how === 'remove') flags.delete(flag)
        else flags.add(flag)
      }
      slot.flags = sorted(flags)
    }
  }

  #resynced({ order, changedSince, told, vanished, before }: Outstanding): void {
    if (changedSince === undefined || order.status !== 'OK') return
    const set = / UID FETCH (\S+)/.exec(order.line)?.[1]
    const withUid = [...told.values()].filter(({ uid }) => uid !== undefined)
    this.#witness.fact({
      what: 'resynced',
      order,
      since: changedSince,
      highest: undefined,
      asked: set === undefined || set === '1:*' ? order.uids : readSet(set),
      matched: 0,
      counted: new Set(before.flatMap(({ uid }) => uid ?? [])),
      vanished: order.line.includes('VANISHED') ? vanished : undefined,
      told: new Map(withUid.map(({ uid, modseq }) => [uid!, modseq])),
      isCut: changedSince < this.#witness.cut,
    })
  }

  /** The picture that a client has right after SELECT. */
  #selected({ order }: Outstanding, { box, from, exists, highest, vanished, told }: Selecting): void {
    this.box = box
    this.#highest = 0
    this.#saidHighest = highest
    const known = from?.slots.filter(({ uid }) => !vanished.includes(uid!)) ?? []
    assert.ok(known.length <= exists, `${known.length} are left, ${exists} are there`)
    this.slots = Array.from({ length: exists }, (_, i) => ({ ...known[i] }))
    for (const [number, slot] of told) {
      const place = this.slots[number - 1]
      assert.ok(place !== undefined && (place.uid ?? slot.uid) === slot.uid, 'FETCH of another message')
      Object.assign(place, slot)
    }
    this.#assertAscending()
    this.#witness.fact({ what: 'opened', order, highest })
    if (from === undefined) return
    this.#witness.fact({
      what: 'resynced',
      order,
      since: from.highest,
      highest,
      asked: from.asked,
      matched: from.matched,
      known: new Set(from.slots.map(({ uid }) => uid!)),
      counted: new Set(),
      vanished,
      told: new Map([...told.values()].map(({ uid, modseq }) => [uid!, modseq])),
      isCut: from.highest < this.#witness.cut,
    })
  }

  leave(): void {
    this.box = undefined
    this.slots = []
    this.#highest = 0
    this.#saidHighest = undefined
    this.#highestFetched = 0
  }
}

/** A response with its literals. */
async function readResponse(conversation: Conversation): Promise<string> {
  let text = await conversation.line()
  for (;;) {
    const size = /\{(\d+)\}$/.exec(text)?.[1]
    if (size === undefined) return text
    text += `\n${(await conversation.bytes(Number(size))).toString('latin1')}`
    text += await conversation.line()
  }
}

function readFetch(line: string): Slot {
  const uid = /\bUID (\d+)/.exec(line)?.[1]
  const modseq = /\bMODSEQ \((\d+)\)/.exec(line)?.[1]
  const flags = /\bFLAGS \(([^)]*)\)/.exec(line)?.[1]
  return {
    ...(uid !== undefined && { uid: Number(uid) }),
    ...(modseq !== undefined && { modseq: Number(modseq) }),
    ...(flags !== undefined && { flags: sorted(flags.split(' ').filter((flag) => flag !== '')) }),
  }
}

function readSet(text: string): number[] {
  const numbers: number[] = []
  for (const part of text.split(',').filter((one) => one !== '')) {
    const [first, last = first] = part.split(':').map(Number)
    for (let n = first!; n <= last!; n++) numbers.push(n)
  }
  return numbers
}
