/**
 * A client that keeps a server's mailboxes and local folders alike is shown random changes of both, and after
 * each of its runs both must hold what the model says: the same folders, messages, bytes and flags.
 */
import assert from 'node:assert/strict'
import type { Random } from '../harness/random.ts'
import { largeSample, sample } from './samples.ts'

/** One of the two. Messages are named by their Message-ID, flags by letters of Maildir, in order. */
export interface Side {
  /** Letters that it can set. A message that it moves keeps these and no others. */
  readonly letters: string
  makeFolder(folder: string): Promise<void>
  add(folder: string, message: Buffer, flags: string): Promise<void>
  toggleFlags(folder: string, id: string, letters: string): Promise<void>
  move(folder: string, id: string, to: string): Promise<void>
  remove(folder: string, id: string): Promise<void>
  /** All that there is; what was found is what the changes above are made to. */
  read(): Promise<Folders>
}

export interface Kept {
  readonly flags: string
  readonly bytes: Buffer
}

/** By name, then by Message-ID. */
export type Folders = ReadonlyMap<string, ReadonlyMap<string, Kept>>

type Model = Map<string, Map<string, Kept>>

export const messageId = (bytes: Buffer): string =>
  /^Message-ID: (\S+)\r?$/m.exec(bytes.toString('latin1', 0, 4000))?.[1] ?? 'none'

/** Names that a client has to encode for IMAP, or for the file system. */
const names = ['Entwürfe', '日本語', 'R & D', 'Ärger 100 €', 'a.b', "it's", 'Grüße 🎉', '~x', 'Σ', 'UPPER']

export interface TwoWayOptions {
  readonly random: Random
  readonly near: Side
  readonly far: Side
  readonly changesPerRound: number
  /** The client takes both sides' flags where both changed a message's, also what one side took away. */
  readonly unitesFlags?: true
  /** Runs the client; when it is busy, the server's side changes meanwhile. */
  sync(o: { readonly isBusy: boolean }): Promise<void>
}

export class TwoWay {
  readonly #o: TwoWayOptions
  readonly #model: Model = new Map()
  #nextNumber = 1

  constructor(o: TwoWayOptions, folders: readonly string[]) {
    this.#o = o
    for (const folder of folders) this.#model.set(folder, new Map())
  }

  /** Changes both sides, lets the client run, and looks. */
  async round(): Promise<void> {
    const round = new Round(this.#o, this.#model)
    await this.#change(round, [this.#o.near, this.#o.far])
    await this.#o.sync({ isBusy: false })
    await this.#look(round)
  }

  /** The server's side goes on changing while the client runs; what it missed it must find the next time. */
  async busyRound(): Promise<void> {
    const { near, far } = this.#o
    const round = new Round(this.#o, this.#model, { isBusy: true })
    await this.#change(round, [near])
    await Promise.all([this.#o.sync({ isBusy: true }), this.#change(round, [far])])
    await this.#o.sync({ isBusy: false })
    await this.#look(round)
  }

  async #change(round: Round, sides: readonly Side[]): Promise<void> {
    for (let i = 0; i < this.#o.changesPerRound; i++)
      await round.change(this.#o.random.pick(sides), this.#nextNumber++)
  }

  async #look({ told }: Round): Promise<void> {
    const { random, near, far } = this.#o
    try {
      assertSame(await near.read(), this.#model, 'near')
      assertSame(await far.read(), this.#model, 'far')
    } catch (error) {
      throw new Error(`seed ${random.seed}, after:\n${told.join('\n')}`, { cause: error })
    }
  }
}

/**
 * The changes between two runs. A message that was moved or removed is not touched again, and what one side has
 * only since then does not exist for the other. Flags may change on both sides, of one message too, where the
 * letters differ: what both sides changed must then be there.
 */
class Round {
  /** What was changed. */
  readonly told: string[] = []
  readonly #o: TwoWayOptions
  readonly #model: Model
  /**
   * The client runs meanwhile, and may look at local files at any time. Folders are not made then: OfflineIMAP
   * stops when there is one more than it has heard of.
   */
  readonly #isBusy: boolean
  /** Of before the round, and those that a side made. */
  readonly #folders: ReadonlyMap<Side, string[]>
  /** Of before the round, with the letters that were changed. */
  readonly #messages: { folder: string; id: string; letters: string; by?: Side }[]

  constructor(o: TwoWayOptions, model: Model, { isBusy = false } = {}) {
    this.#o = o
    this.#isBusy = isBusy
    this.#model = model
    this.#folders = new Map([o.near, o.far].map((side) => [side, [...model.keys()]]))
    this.#messages = [...model].flatMap(([folder, messages]) =>
      [...messages.keys()].map((id) => ({ folder, id, letters: '' })),
    )
  }

  async change(side: Side, number: number): Promise<void> {
    const { random, near } = this.#o
    const kind = random.below(20)
    const isUntouched = this.#messages.some(({ letters }) => letters === '')
    const told =
      kind === 0 && !this.#isBusy
        ? this.#makeFolder(side)
        : kind < 8 || !isUntouched
          ? this.#add(side, number)
          : kind < 13
            ? this.#toggleFlags(side)
            : kind < 17
              ? this.#move(side)
              : this.#remove(side)
    this.told.push(`${side === near ? 'near' : 'far'}: ${await told}`)
  }

  async #makeFolder(side: Side): Promise<string> {
    const { random } = this.#o
    const mine = this.#folders.get(side)!
    const parents = mine.filter((name) => name !== 'INBOX' && name.split('/').length < 3)
    const name = random.pick(names)
    const folder = random.chance(0.5) ? `${random.pick(parents)}/${name}` : name
    if (this.#model.has(folder)) return `${folder} is there`
    await side.makeFolder(folder)
    this.#model.set(folder, new Map())
    mine.push(folder)
    return `made ${folder}`
  }

  async #add(side: Side, number: number): Promise<string> {
    const { random } = this.#o
    const folder = random.pick(this.#folders.get(side)!)
    const bytes = randomMessage(random, number)
    const flags = toggled('', random.some([...side.letters], random.below(4)).join(''))
    await side.add(folder, bytes, flags)
    this.#model.get(folder)!.set(messageId(bytes), { bytes, flags })
    return `${messageId(bytes)} of ${bytes.length} octets added to ${folder} with ${flags}`
  }

  async #toggleFlags(side: Side): Promise<string> {
    const { random, unitesFlags } = this.#o
    const mine = this.#messages.filter(({ by }) => !unitesFlags || by === undefined || by === side)
    if (mine.length === 0) return 'no flags'
    const one = random.pick(mine)
    one.by = side
    const free = [...side.letters].filter((letter) => !one.letters.includes(letter))
    const letters = random.some(free, 2).join('')
    one.letters += letters
    await side.toggleFlags(one.folder, one.id, letters)
    const messages = this.#model.get(one.folder)!
    const { bytes, flags } = messages.get(one.id)!
    messages.set(one.id, { bytes, flags: toggled(flags, letters) })
    return `${one.id} in ${one.folder}: ${letters} toggled`
  }

  async #move(side: Side): Promise<string> {
    const { random } = this.#o
    const one = this.#take()
    const to = random.pick(this.#folders.get(side)!.filter((folder) => folder !== one.folder))
    await side.move(one.folder, one.id, to)
    const { bytes, flags } = this.#forget(one)
    this.#model.get(to)!.set(one.id, { bytes, flags: only(side.letters, flags) })
    return `${one.id} moved from ${one.folder} to ${to}`
  }

  async #remove(side: Side): Promise<string> {
    const { random, near, far } = this.#o
    const one = this.#take()
    const sides = !this.#isBusy && random.chance(0.2) ? [near, far] : [side]
    for (const each of sides) await each.remove(one.folder, one.id)
    this.#forget(one)
    return `${one.id} removed from ${one.folder}, on ${sides.length} sides`
  }

  /** One that nobody has touched; nobody touches it any more. */
  #take(): { folder: string; id: string } {
    const untouched = this.#messages.findIndex(({ letters }) => letters === '')
    return this.#messages.splice(untouched, 1)[0]!
  }

  #forget({ folder, id }: { folder: string; id: string }): Kept {
    const messages = this.#model.get(folder)!
    const kept = messages.get(id)!
    messages.delete(id)
    return kept
  }
}

/** With each of the letters where it was not, and without where it was. */
export const toggled = (flags: string, letters: string): string =>
  [...new Set(flags + letters)]
    .filter((letter) => !(flags.includes(letter) && letters.includes(letter)))
    .toSorted()
    .join('')

export const only = (letters: string, flags: string): string =>
  [...flags].filter((flag) => letters.includes(flag)).join('')

/** Small, large, in UTF-8, in octets that are no UTF-8, with lines that clients could trip over. */
function randomMessage(random: Random, number: number): Buffer {
  if (random.chance(0.05)) return largeSample(1 << 20, { number })
  const body = random.pick([
    'Kurz.\r\n',
    'Grüße aus Köln, 日本語 🎉\r\n'.repeat(1 + random.below(50)),
    'From the beginning\r\n.\r\n>From here\r\n\r\n\r\n',
    `${'x'.repeat(900)}\r\n`.repeat(1 + random.below(20)),
    '',
  ])
  const message = sample({ number, subject: random.pick(['Größe', 'plain', '']), body })
  return random.chance(0.2) ? Buffer.concat([message, octets]) : message
}

/** Latin-1. */
const octets = Buffer.from('Gr\xfc\xdfe\r\n', 'latin1')

function assertSame(found: Folders, wanted: Folders, side: string): void {
  assert.deepEqual([...found.keys()].toSorted(), [...wanted.keys()].toSorted(), `folders ${side}`)
  for (const [folder, messages] of wanted) {
    const there = found.get(folder)!
    assert.deepEqual(flagsById(there), flagsById(messages), `flags in ${folder}, ${side}`)
    for (const [id, { bytes }] of messages)
      assert.ok(there.get(id)!.bytes.equals(bytes), `${id} in ${folder}, ${side}: other bytes`)
  }
}

const flagsById = (messages: ReadonlyMap<string, Kept>): readonly string[] =>
  [...messages].map(([id, { flags }]) => `${id} ${flags}`).toSorted()
