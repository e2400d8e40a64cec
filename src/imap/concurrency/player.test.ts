/** What a client does next: random commands, some at once, never numbers where they could have shifted. */
import type { Random } from '../../../test/harness/random.ts'
import { boxNames, type Client, type KnownPicture, type Picture } from './client.test.ts'
import type { Order, State } from './model.test.ts'

const flagNames = ['\\Seen', '\\Flagged', '\\Deleted', '\\Answered', 'work'] as const
const modes = { add: '+', remove: '-', replace: '' } as const

const has =
  (flag: string) =>
  ({ flags }: State): boolean =>
    flags.includes(flag)
const searches: readonly (readonly [string, (state: State) => boolean])[] = [
  ['ALL', () => true],
  ['SEEN', has('\\seen')],
  ['UNSEEN', (state) => !has('\\seen')(state)],
  ['DELETED', has('\\deleted')],
  ['OR FLAGGED KEYWORD work', (state) => has('\\flagged')(state) || has('work')(state)],
  ['UNDELETED ANSWERED', (state) => has('\\answered')(state) && !has('\\deleted')(state)],
]

/** What all players of a run share. */
interface Table {
  readonly isOver: boolean
  /** Rises whenever any client has done something. */
  readonly steps: number
  /** To be called for each of them. */
  stepped(): void
  /** A text that no other message has. */
  token(): string
  /** What a client is about to do. */
  give(order: Order): void
  connect(client: Client, worker: number): Promise<void>
  /** The number of the last commit that all know of. */
  readonly floor: number
}

interface PlayerOptions {
  readonly run: Table
  readonly client: Client
  readonly worker: number
  readonly random: Random
  readonly number: number
}

/** Messages that a command is about, and how it names them. */
interface Some {
  readonly uids: readonly number[]
  readonly set: string
  readonly byUid: boolean
}

export class Player {
  readonly client: Client
  readonly #o: PlayerOptions
  readonly #random: Random
  #tag = 0

  constructor(o: PlayerOptions) {
    this.#o = o
    this.client = o.client
    this.#random = o.random
  }

  async play(steps: number): Promise<void> {
    for (let i = 0; i < steps && !this.#o.run.isOver; i++) {
      if (!this.client.isConnected) await this.#o.run.connect(this.client, this.#o.worker)
      await this.#step()
      this.#o.run.stepped()
      if (this.client.failure !== undefined) throw this.client.failure
    }
  }

  /** All that there is to know is asked for. */
  async comeToRest(): Promise<void> {
    if (!this.client.isConnected) await this.#o.run.connect(this.client, this.#o.worker)
    if (this.client.box === undefined) await this.#select(false)
    await this.#send({ kind: 'other' }, 'NOOP')
    await this.#learn()
    await this.#send({ kind: 'other' }, 'NOOP')
    if (this.client.failure !== undefined) throw this.client.failure
  }

  async #step(): Promise<void> {
    const { client } = this
    const random = this.#random
    if (client.box === undefined) return this.#select(false)
    const dice = random.below(100)
    if (dice < 3) return client.cut()
    if (dice < 8) return this.#idle()
    if (dice < 12) return this.#othersAct()
    if (dice < 19) return this.#select(random.chance(0.3))
    const pipelined: Promise<void>[] = []
    for (let left = random.chance(0.4) ? 1 + random.below(5) : 1; left > 0; left--) {
      pipelined.push(this.#command())
      if (random.chance(0.1)) await Promise.race(pipelined)
    }
    await Promise.all(pipelined)
    if (client.isConnected && random.chance(0.8)) await this.#learn()
    if (random.chance(0.1)) await new Promise((resolve) => setImmediate(resolve))
  }

  #command(): Promise<void> {
    const { client } = this
    if (!client.isConnected || client.box === undefined) return Promise.resolve()
    const dice = this.#random.below(100)
    const some = this.#some()
    if (dice < 10) return this.#append()
    if (dice < 15) return this.#send({ kind: 'other' }, 'NOOP')
    if (dice < 22) return this.#send({ kind: 'expunge' }, 'EXPUNGE')
    if (some === undefined) return this.#append()
    if (dice < 50) return this.#store(some)
    if (dice < 62) return this.#fetch(some)
    if (dice < 72) return this.#search(some.byUid)
    if (dice < 78) return this.#transfer(some, 'copy')
    if (dice < 86) return this.#transfer(some, 'move')
    if (dice < 90) return this.#replace(some)
    const { uids } = some
    return this.#send({ kind: 'expunge', uids }, `UID EXPUNGE ${uids.join(',')}`)
  }

  #send(
    o: Omit<Order, 'tag' | 'line' | 'floor' | 'box'> & { box?: number },
    text: string,
    with_: Parameters<Client['send']>[1] = {},
  ): Promise<void> {
    const order = this.#order(o, text)
    return this.client.send(order, with_)
  }

  #order(o: Omit<Order, 'tag' | 'line' | 'floor' | 'box'> & { box?: number }, text: string): Order {
    const tag = `c${this.#o.number}t${++this.#tag}`
    const { floor } = this.#o.run
    const order = { box: this.client.box ?? 0, ...o, tag, line: `${tag} ${text}\r\n`, floor }
    this.#o.run.give(order)
    return order
  }

  /** Some messages that the client knows; by UID also some that are gone. */
  #some(): Some | undefined {
    const { client } = this
    const random = this.#random
    const known = client.slots.findIndex(({ uid }) => uid === undefined)
    const slots = known === -1 ? client.slots : client.slots.slice(0, known)
    if (slots.length === 0) return undefined
    const all = slots.map(({ uid }) => uid!)
    const byUid = !client.mayUseNumbers || random.chance(0.5)
    if (random.chance(0.3)) {
      const from = random.below(all.length)
      const to = Math.min(all.length - 1, from + random.below(6))
      const uids = all.slice(from, to + 1)
      return { uids, byUid, set: byUid ? `${all[from]}:${all[to]}` : `${from + 1}:${to + 1}` }
    }
    const uids = random.some(all, 1 + random.below(4))
    const extra = 1 + random.below(all.at(-1)!)
    if (byUid && random.chance(0.2) && !client.uids.includes(extra)) uids.push(extra)
    uids.sort((a, b) => a - b)
    const numbers = byUid ? uids : uids.map((uid) => all.indexOf(uid) + 1)
    return { uids, byUid, set: numbers.join(',') }
  }

  #flags(): string[] {
    return this.#random.some(flagNames, 1 + this.#random.below(2))
  }

  /** A MODSEQ that a message has, or one up to which all is known. */
  #modseq(): number {
    const { client } = this
    const random = this.#random
    const known = client.slots.map(({ modseq }) => modseq).filter((modseq) => modseq !== undefined)
    if (known.length === 0 || random.chance(0.4)) return Math.max(1, client.highest - random.below(6))
    return random.pick(known)
  }

  #append(): Promise<void> {
    const random = this.#random
    const box = random.below(2)
    const many = random.chance(0.2) ? 3 : 1
    const messages = Array.from({ length: many }, () => this.#message())
    const text = messages.map(({ token, flags }) => ` (${flags.join(' ')}) ${literal(token)}`).join('')
    return this.#send({ kind: 'append', box, messages }, `APPEND ${boxNames[box]}${text}`)
  }

  #message(): { token: string; flags: string[] } {
    return { token: this.#o.run.token(), flags: this.#random.chance(0.4) ? this.#flags() : [] }
  }

  #store({ uids, set, byUid }: Some): Promise<void> {
    const random = this.#random
    const how = random.pick(['add', 'add', 'remove', 'replace'] as const)
    const flags = random.chance(0.4) ? ['\\Deleted'] : this.#flags()
    const isSilent = random.chance(0.4)
    const since = this.client.isCondstore && random.chance(0.4) ? this.#modseq() : undefined
    const condition = since === undefined ? '' : `(UNCHANGEDSINCE ${since}) `
    const item = `${condition}${modes[how]}FLAGS${isSilent ? '.SILENT' : ''} (${flags.join(' ')})`
    return this.#send(
      { kind: 'store', uids, how, flags, isSilent, byUid, hidesExpunges: !byUid, ...(since && { since }) },
      `${byUid ? 'UID ' : ''}STORE ${set} ${item}`,
    )
  }

  #fetch({ uids, set, byUid }: Some): Promise<void> {
    const random = this.#random
    const verb = byUid ? 'UID FETCH' : 'FETCH'
    const common = { kind: 'fetch', byUid, hidesExpunges: !byUid }
    if (this.client.isCondstore && random.chance(0.5)) {
      const changedSince = this.#modseq()
      const vanished = byUid && this.client.isQresync && random.chance(0.6) ? ' VANISHED' : ''
      const isAll = random.chance(0.5)
      const text = `${verb} ${isAll ? '1:*' : set} (UID FLAGS) (CHANGEDSINCE ${changedSince}${vanished})`
      return this.#send({ ...common, kind: 'peek', ...(!isAll && { uids }) }, text, { changedSince })
    }
    if (random.chance(0.5)) return this.#send({ ...common, kind: 'fetch', uids }, `${verb} ${set} BODY[TEXT]`)
    return this.#send({ ...common, kind: 'peek', uids }, `${verb} ${set} (UID FLAGS BODY.PEEK[TEXT])`)
  }

  #search(byUid: boolean): Promise<void> {
    const verb = byUid ? 'UID SEARCH' : 'SEARCH'
    const common = { kind: 'search', byUid, hidesExpunges: !byUid }
    if (this.client.isCondstore && this.#random.chance(0.4)) {
      const least = this.#modseq()
      return this.#send({ ...common, wants: ({ modseq }) => modseq >= least }, `${verb} MODSEQ ${least}`)
    }
    const [text, wants] = this.#random.pick(searches)
    return this.#send({ ...common, wants }, `${verb} ${text}`)
  }

  #transfer({ uids, set, byUid }: Some, kind: 'copy' | 'move'): Promise<void> {
    const to = this.#random.below(2)
    const text = `${byUid ? 'UID ' : ''}${kind.toUpperCase()} ${set} ${boxNames[to]}`
    return this.#send({ kind, uids, to, byUid }, text)
  }

  #replace({ uids, byUid }: Some): Promise<void> {
    const [uid] = uids
    const to = this.#random.below(2)
    const message = this.#message()
    const number = byUid ? uid : this.client.slots.findIndex((slot) => slot.uid === uid) + 1
    const text = `${byUid ? 'UID ' : ''}REPLACE ${number} ${boxNames[to]} (${message.flags.join(' ')}) ${literal(message.token)}`
    return this.#send({ kind: 'replace', uids: [uid!], to, byUid, messages: [message] }, text)
  }

  #idle(): Promise<void> {
    return this.client.idle(this.#order({ kind: 'other' }, 'IDLE'), this.#othersAct())
  }

  /** Some steps of others, which a client without a command must not notice. */
  async #othersAct(): Promise<void> {
    const { run } = this.#o
    const until = run.steps + 1 + this.#random.below(20)
    let turns = 0
    while (run.steps < until && turns++ < 200) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Opens a mailbox, often by what an earlier picture of it was. */
  async #select(leavesFirst: boolean): Promise<void> {
    const { client } = this
    const random = this.#random
    if (leavesFirst) {
      const closes = random.chance(0.5)
      await this.#send({ kind: closes ? 'expunge' : 'other' }, closes ? 'CLOSE' : 'UNSELECT')
      if (!client.isConnected) return
      client.leave()
    }
    const box = random.below(2)
    const pictures = client.pictures.filter((picture) => picture.box === box)
    const isLast = random.chance(0.5)
    const picture = isLast ? pictures.at(-1) : pictures.length > 0 ? random.pick(pictures) : undefined
    const comesBack = client.isQresync && picture !== undefined && random.chance(0.8)
    const [parameters, from] = comesBack ? this.#known(picture) : ['', undefined]
    const condstore = client.kind === 'condstore' && random.chance(0.5) ? ' (CONDSTORE)' : ''
    await this.#send(
      { kind: 'other', box, hidesExpunges: true },
      `SELECT ${boxNames[box]}${parameters || condstore}`,
      { selecting: client.selecting(box, from) },
    )
    if (client.isConnected && random.chance(0.9)) await this.#learn()
  }

  #known(picture: Picture): [string, KnownPicture] {
    const random = this.#random
    const uids = picture.slots.map(({ uid }) => uid!)
    const asked = random.chance(0.5) ? uids : undefined
    let text = `${this.client.uidValidity.get(picture.box)} ${picture.highest}`
    if (asked !== undefined) text += ` ${asked.join(',')}`
    let matched = 0
    if (random.chance(0.3)) {
      const places = random.some([...uids.keys()], 3).sort((a, b) => a - b)
      text += ` (${places.map((at) => at + 1).join(',')} ${places.map((at) => uids[at]).join(',')})`
      matched = Math.max(0, ...places.map((at) => uids[at]!))
    }
    return [` (QRESYNC (${text}))`, { ...picture, asked, matched }]
  }

  /** Asks for what is not known of messages that came. */
  async #learn(): Promise<void> {
    const { client } = this
    const isUnknown = ({ uid, flags, modseq }: Client['slots'][number]): boolean =>
      uid === undefined || flags === undefined || (client.isCondstore && modseq === undefined)
    const first = client.slots.findIndex(isUnknown)
    if (first === -1) return
    const last = client.slots.findLastIndex(isUnknown)
    const items = client.isCondstore ? 'UID FLAGS MODSEQ' : 'UID FLAGS'
    const set = `${first + 1}:${last + 1}`
    await this.#send({ kind: 'peek', hidesExpunges: true }, `FETCH ${set} (${items})`)
  }
}

const literal = (token: string): string => {
  const text = `Subject: ${token}\r\n\r\n${token}`
  return `{${text.length}+}\r\n${text}`
}
