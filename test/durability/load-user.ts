/** One account's IMAP session under load: the only one that changes what is in its mailboxes. */
import type { ImapAnswer, ImapClient } from './client.ts'
import {
  type AccountState,
  type Action,
  type ActionOf,
  applyAnswered,
  copyState,
  inbox,
  type Pairs,
  type Step,
  type UsedUids,
} from './ledger.ts'
import { keyOf, messageOf } from './messages.ts'
import type { Random } from '../harness/random.ts'

const mailboxes = [inbox, 'Archive', 'Sent', 'Trash'] as const
const flagChoices = ['\\Seen', '\\Flagged', '\\Answered', 'work', 'later', '\\Deleted'] as const
/** Beyond so many entries a mailbox is thinned out. */
const mostEntries = 120

/** An account under load: its last verified state, and what was asked for since. */
export interface LoadAccount {
  readonly name: string
  base: AccountState
  steps: Step[]
  readonly used: UsedUids
}

export class LoadUser {
  readonly #client: ImapClient
  readonly #account: LoadAccount
  readonly #random: Random
  readonly #name: string
  /** What this session knows to be there. */
  readonly #state: AccountState
  #selected: string | undefined
  #learned: number
  #appended = 0

  constructor(client: ImapClient, account: LoadAccount, random: Random, name: string) {
    this.#client = client
    this.#account = account
    this.#random = random
    this.#name = name
    this.#state = copyState(account.base)
    this.#learned = account.base.mailboxes.get(inbox)!.uidNext - 1
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#select(this.#random.pick(mailboxes))
      for (let left = 5; left > 0 && !isOver(); left--) await this.#one()
    }
  }

  async #one(): Promise<void> {
    const random = this.#random
    const mailbox = this.#selected!
    const { entries } = this.#state.mailboxes.get(mailbox)!
    if (mailbox === inbox && random.chance(0.4)) return this.#learn()
    if (entries.size > mostEntries) return this.#thin(mailbox, [...entries.keys()])
    if (entries.size === 0 || random.chance(0.3)) return this.#append(random.pick(mailboxes))
    const uids = random.some([...entries.keys()], 1 + random.below(3)).toSorted((a, b) => a - b)
    if (random.chance(0.5)) return this.#store(mailbox, uids)
    if (random.chance(0.3)) return this.#expunge(mailbox)
    return this.#transfer(random.chance(0.5) ? 'copy' : 'move', mailbox, uids)
  }

  async #select(mailbox: string): Promise<void> {
    expectOk(await this.#client.command(`SELECT ${mailbox}`))
    this.#selected = mailbox
  }

  async #learn(): Promise<void> {
    const action: ActionOf<'learn'> = { kind: 'learn', found: [] }
    await this.#step(action, async (tag) => {
      const items = '(UID BODY.PEEK[HEADER.FIELDS (X-LOAD)])'
      const answer = await this.#client.command(`UID FETCH ${this.#learned + 1}:* ${items}`, undefined, tag)
      const found: (readonly [number, string])[] = []
      for (const { text, literals } of answer.untagged) {
        const uid = Number(/\bUID (\d+)/.exec(text)?.[1])
        // `n:*` is never empty: it may be the last message, which is known.
        if (literals.length > 0 && uid > this.#learned) found.push([uid, keyOf(literals[0]!)!])
      }
      action.found = found
      for (const [uid] of found) this.#learned = Math.max(this.#learned, uid)
      return answer
    })
  }

  async #append(mailbox: string): Promise<void> {
    const key = `${this.#name}a${this.#appended++}`
    const flags = this.#random.some(flagChoices, this.#random.below(3))
    const action: ActionOf<'append'> = { kind: 'append', mailbox, key, flags }
    await this.#step(action, async (tag) => {
      const answer = await this.#client.command(`APPEND ${mailbox} (${flags.join(' ')})`, messageOf(key), tag)
      const uid = Number(/APPENDUID \d+ (\d+)/.exec(answer.text)?.[1])
      action.uid = uid
      if (mailbox === inbox) this.#noticeOwn(uid)
      return answer
    })
  }

  async #store(mailbox: string, uids: readonly number[]): Promise<void> {
    const how = this.#random.pick(['+', '-', ''] as const)
    const flags = this.#random.some(flagChoices, 1 + this.#random.below(2))
    await this.#step({ kind: 'store', mailbox, uids, how, flags }, (tag) =>
      this.#client.command(
        `UID STORE ${uids.join(',')} ${how}FLAGS.SILENT (${flags.join(' ')})`,
        undefined,
        tag,
      ),
    )
  }

  async #thin(mailbox: string, uids: readonly number[]): Promise<void> {
    const some = uids.slice(0, mostEntries / 2)
    const flags = ['\\Deleted']
    await this.#step({ kind: 'store', mailbox, uids: some, how: '+', flags }, (tag) =>
      this.#client.command(`UID STORE ${some.join(',')} +FLAGS.SILENT (\\Deleted)`, undefined, tag),
    )
    await this.#expunge(mailbox)
  }

  async #expunge(mailbox: string): Promise<void> {
    await this.#step({ kind: 'expunge', mailbox }, (tag) => this.#client.command('EXPUNGE', undefined, tag))
  }

  async #transfer(kind: 'copy' | 'move', mailbox: string, uids: readonly number[]): Promise<void> {
    const to = this.#random.pick(mailboxes)
    const action: ActionOf<'copy' | 'move'> = { kind, mailbox, uids, to }
    await this.#step(action, async (tag) => {
      const answer = await this.#client.command(
        `UID ${kind.toUpperCase()} ${uids.join(',')} ${to}`,
        undefined,
        tag,
      )
      const said = [answer.text, ...answer.untagged.map(({ text }) => text)].join('\n')
      const [, from = '', into = ''] = /COPYUID \d+ (\S+) ([\d:,]+)\]/.exec(said) ?? []
      const sources = readSet(from)
      const pairs: Pairs = readSet(into).map((uid, i) => [sources[i]!, uid])
      if (pairs.length !== uids.length)
        throw new Error(`${kind} of ${uids.join()} was answered ${answer.text}`)
      action.pairs = pairs
      if (to === inbox) for (const [, uid] of pairs) this.#noticeOwn(uid)
      return answer
    })
  }

  /** What this session puts into the Inbox is not news to it; but what came before it is still to be learned. */
  #noticeOwn(uid: number): void {
    if (uid === this.#learned + 1) this.#learned = uid
  }

  /** Into the ledger before it is sent, marked when it was answered OK. */
  async #step(action: Action, send: (tag: string) => Promise<ImapAnswer>): Promise<void> {
    const tag = this.#client.nextTag()
    const step: Step = { account: this.#account.name, action, token: tag, answered: false }
    this.#account.steps.push(step)
    expectOk(await send(tag))
    if (action.kind === 'learn') this.#dropKnown(action)
    step.answered = true
    step.answeredAt = performance.now()
    applyAnswered(this.#state, action)
  }

  /** Entries that this session made itself, and knows better. */
  #dropKnown(action: ActionOf<'learn'>): void {
    const { entries } = this.#state.mailboxes.get(inbox)!
    action.found = action.found.filter(([uid]) => !entries.has(uid))
  }
}

function expectOk({ status, text }: ImapAnswer): void {
  if (status !== 'OK') throw new Error(`a command was answered ${status} ${text}`)
}

/** A sequence set as its numbers, in its order. */
function readSet(text: string): number[] {
  return text.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split(':').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}
