/**
 * Those who decide what a guest may see of an account: its owner, over IMAP by SETACL and over JMAP by `shareWith`, and
 * an administrator who lets the guest into a group and out of it. What is always shared keeps the account in sight.
 */
import assert from 'node:assert/strict'
import type { Conversation } from '../harness/conversation.ts'
import type { Random } from '../harness/random.ts'
import type { TestServer } from '../harness/server.ts'
import { type Actor, choose, type Choice, type Deeds } from './account-actors.ts'
import type { JmapConnection, Json } from './jmap-request.ts'

export interface Sharers {
  readonly server: TestServer
  /** Signed in as the owner. */
  readonly imap: Conversation
  readonly jmap: JmapConnection
  readonly deeds: Deeds
  /** Names: with whom things are shared. */
  readonly guest: string
  readonly group: string
}

/** The guest may always see it. */
export const inSight = 'Archive'
/** By the names that clients see; one may not be there. */
const shared = ['INBOX', 'INBOX', inSight, 'Sent Items', 'Blue', 'Green']
const letters = ['', 'l', 'lr', 'lr', 'lrs', 'r']

export class SharingActor implements Actor {
  readonly #o: Sharers
  #isMember = false

  constructor(o: Sharers) {
    this.#o = o
  }

  act(random: Random): Promise<void> {
    return choose(this.#choices, this.#o.deeds, random)
  }

  readonly #choices: readonly Choice[] = [
    [4, 'imap setacl', (random) => this.#setAcl(random)],
    [1, 'imap deleteacl', (random) => this.#deleteAcl(random)],
    [4, 'jmap shareWith', (random) => this.#shareWith(random)],
    [2, 'group', () => this.#changeGroup()],
  ]

  async #setAcl(random: Random): Promise<boolean> {
    const { guest, group } = this.#o
    const mailbox = random.pick(shared)
    const who = mailbox === inSight ? guest : random.pick([guest, group])
    const isDenied = mailbox !== inSight && random.chance(0.2)
    const rights = mailbox === inSight ? random.pick(['l', 'lr']) : random.pick(letters)
    return this.#ask(`SETACL "${mailbox}" "${isDenied ? '-' : ''}${who}" "${rights}"`)
  }

  async #deleteAcl(random: Random): Promise<boolean> {
    const { guest, group } = this.#o
    const mailbox = random.pick(shared.filter((one) => one !== inSight))
    return this.#ask(`DELETEACL "${mailbox}" "${random.pick([guest, group])}"`)
  }

  async #ask(command: string): Promise<boolean> {
    const { imap } = this.#o
    imap.send(`s ${command}`)
    const line = (await imap.until('s ')).at(-1)!
    assert.match(line, /^s (OK|NO) /)
    return line.startsWith('s OK ')
  }

  async #shareWith(random: Random): Promise<boolean> {
    const { jmap, guest, group } = this.#o
    const [mailboxes, principals] = (await jmap.ask(
      ['Mailbox/get', { ids: null, properties: ['name'] }],
      ['Principal/get', { ids: null, properties: ['email'] }],
    )) as readonly { readonly list: readonly Record<'id' | 'name' | 'email', string>[] }[]
    const { id } = random.pick(mailboxes!.list.filter(({ name }) => name !== inSight))
    const who = random.some([guest, group], random.below(3))
    const ids = who.map((name) => principals!.list.find(({ email }) => email === name)!.id)
    const rights = ids.map((one): readonly [string, Json] => [
      one,
      { mayReadItems: random.chance(0.7), maySetSeen: random.chance(0.3) },
    ])
    const shareWith = ids.length === 0 ? null : Object.fromEntries(rights)
    const [answer] = await jmap.ask(['Mailbox/set', { update: { [id]: { shareWith } } }])
    return answer!['notUpdated'] === null
  }

  async #changeGroup(): Promise<boolean> {
    const { server, guest, group } = this.#o
    this.#isMember = !this.#isMember
    const memberOf = this.#isMember ? [group] : []
    const answer = await server.api('PATCH', `/api/object/Account/${guest}`, { memberOf })
    assert.equal(answer.status, 200, await answer.text())
    return true
  }
}
