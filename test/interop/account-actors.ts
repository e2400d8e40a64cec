/**
 * Three that change an account by chance, each by its protocol: a mail program over IMAP (imapflow), another over
 * JMAP, and senders over SMTP. What another has taken away under their hands may fail, as it would for people; what
 * each could do at least once is counted.
 */
import assert from 'node:assert/strict'
import type { ImapFlow } from 'imapflow'
import type { Random } from '../harness/random.ts'
import { listMailboxes } from './account-picture.ts'
import { deliver } from './deliver.ts'
import type { JmapConnection, Json } from './jmap-request.ts'

export interface Actor {
  /** Changes something, or finds that it cannot. */
  act(random: Random): Promise<void>
}

/** How often something was done, by its name. */
export class Deeds {
  readonly #counts = new Map<string, number>()

  done(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  get names(): readonly string[] {
    return [...this.#counts.keys()].toSorted()
  }
}

const subjects = ['Apples', 'Re: Apples', 'pears', 'Grüße', 'Re: pears']
const keywords = ['$seen', '$flagged', '$answered', '$draft', 'work', '$forwarded']
const flags = ['\\Seen', '\\Flagged', '\\Answered', '\\Draft', 'work', '$Forwarded', '\\Deleted', '\\Deleted']
const names = ['Blue', 'Green', 'Ärger', 'R & D', '日本']

/** Messages that answer one another, so that there are threads. */
export class Letters {
  #count = 0
  readonly #run: string

  constructor(run: string) {
    this.#run = run
  }

  next(random: Random): Buffer<ArrayBuffer> {
    const number = this.#count++
    const id = (of: number): string => `<${of}.${this.#run}@example.net>`
    const earlier = number > 0 && random.chance(0.6) ? random.below(number) : undefined
    const body = `${random.pick(subjects)} `.repeat(1 + random.below(40))
    const lines = [
      'From: Somebody <somebody@example.net>',
      'To: <alice@example.org>',
      `Subject: ${random.pick(subjects)}`,
      `Message-ID: ${id(number)}`,
      ...(earlier === undefined ? [] : [`References: ${id(earlier)}`, `In-Reply-To: ${id(earlier)}`]),
      'Date: Mon, 01 Jan 2024 10:00:00 +0100',
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: 8bit',
    ]
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}\r\n`)
  }
}

export type Choice = readonly [weight: number, name: string, act: (random: Random) => Promise<boolean>]

/** Picks by weight; what was done is counted. */
export async function choose(choices: readonly Choice[], deeds: Deeds, random: Random): Promise<void> {
  let at = random.below(choices.reduce((sum, [weight]) => sum + weight, 0))
  const [, name, act] = choices.find(([weight]) => (at -= weight) < 0)!
  if (await act(random)) deeds.done(name)
}

const dateOf = (random: Random): Date => new Date(Date.UTC(2024, 0, 1 + random.below(300), random.below(24)))

export class ImapActor implements Actor {
  readonly #connect: () => Promise<ImapFlow>
  readonly #letters: Letters
  readonly #deeds: Deeds
  #opened: ImapFlow | undefined

  constructor(connect: () => Promise<ImapFlow>, letters: Letters, deeds: Deeds) {
    this.#connect = connect
    this.#letters = letters
    this.#deeds = deeds
  }

  get #client(): ImapFlow {
    return this.#opened!
  }

  async act(random: Random): Promise<void> {
    if (this.#opened?.usable !== true) this.#opened = await this.#connect()
    try {
      await choose(this.#choices, this.#deeds, random)
      // Nobody else may have to end this connection by deleting the mailbox.
      await this.#client.mailboxOpen('INBOX', { readOnly: true })
    } catch (error) {
      // NO is for what another was quicker with, and so is the end where the selected mailbox is gone.
      const { responseStatus, code } = error as { responseStatus?: string; code?: string }
      if (responseStatus !== 'NO' && code !== 'NoConnection') throw error
    }
  }

  readonly #choices: readonly Choice[] = [
    [3, 'imap append', (random) => this.#append(random)],
    [5, 'imap store', (random) => this.#store(random)],
    [3, 'imap move', (random) => this.#transfer(random, 'messageMove')],
    [3, 'imap copy', (random) => this.#transfer(random, 'messageCopy')],
    [2, 'imap expunge of some', (random) => this.#expungeSome(random)],
    [2, 'imap expunge', (random) => this.#expunge(random)],
    [1, 'imap create', (random) => this.#create(random)],
    [1, 'imap rename', (random) => this.#rename(random)],
    [1, 'imap delete', (random) => this.#delete(random)],
    [1, 'imap subscribe', (random) => this.#subscribe(random)],
  ]

  async #paths(): Promise<readonly string[]> {
    return (await listMailboxes(this.#client)).map(({ path }) => path)
  }

  /** Up to three messages of a mailbox, which is open then. */
  async #some(random: Random): Promise<readonly number[]> {
    const { exists } = await this.#client.mailboxOpen(random.pick(await this.#paths()))
    if (exists === 0) return []
    const uids = await this.#client.search({ all: true }, { uid: true })
    return random.some(uids === false ? [] : (uids ?? []), 1 + random.below(3))
  }

  async #append(random: Random): Promise<boolean> {
    const path = random.pick(await this.#paths())
    const letter = this.#letters.next(random)
    return (await this.#client.append(path, letter, random.some(flags, 2), dateOf(random))) !== false
  }

  async #store(random: Random): Promise<boolean> {
    const uids = await this.#some(random)
    if (uids.length === 0) return false
    const way = random.pick(['messageFlagsAdd', 'messageFlagsRemove', 'messageFlagsSet'] as const)
    return this.#client[way]([...uids], random.some(flags, 1 + random.below(2)), { uid: true })
  }

  async #transfer(random: Random, way: 'messageMove' | 'messageCopy'): Promise<boolean> {
    const uids = await this.#some(random)
    if (uids.length === 0) return false
    const to = random.pick(await this.#paths())
    return (await this.#client[way]([...uids], to, { uid: true })) !== false
  }

  async #expungeSome(random: Random): Promise<boolean> {
    const uids = await this.#some(random)
    return uids.length > 0 && (await this.#client.messageDelete([...uids], { uid: true }))
  }

  /** By CLOSE. */
  async #expunge(random: Random): Promise<boolean> {
    await this.#some(random)
    return this.#client.mailboxClose()
  }

  async #create(random: Random): Promise<boolean> {
    const parent = random.chance(0.4) ? `${random.pick(await this.#paths())}/` : ''
    return (await this.#client.mailboxCreate(parent + random.pick(names))).created ?? false
  }

  async #own(random: Random): Promise<string | undefined> {
    const own = (await listMailboxes(this.#client)).filter(
      ({ specialUse, path }) => specialUse === undefined && path !== 'INBOX',
    )
    return own.length === 0 ? undefined : random.pick(own).path
  }

  async #rename(random: Random): Promise<boolean> {
    const path = await this.#own(random)
    if (path === undefined) return false
    const to = random.chance(0.4)
      ? `${random.pick(await this.#paths())}/${random.pick(names)}`
      : random.pick(names)
    await this.#client.mailboxRename(path, to)
    return true
  }

  async #delete(random: Random): Promise<boolean> {
    const path = await this.#own(random)
    if (path === undefined) return false
    await this.#client.mailboxDelete(path)
    return true
  }

  async #subscribe(random: Random): Promise<boolean> {
    // Of INBOX the reader, imapflow, says it is subscribed whatever the server says.
    const path = random.pick((await this.#paths()).filter((one) => one !== 'INBOX'))
    const way = random.pick(['mailboxSubscribe', 'mailboxUnsubscribe'] as const)
    return this.#client[way](path)
  }
}

export class Senders implements Actor {
  readonly #port: number
  readonly #to: string
  readonly #letters: Letters
  readonly #deeds: Deeds

  constructor(smtpPort: number, to: string, letters: Letters, deeds: Deeds) {
    this.#port = smtpPort
    this.#to = to
    this.#letters = letters
    this.#deeds = deeds
  }

  async act(random: Random): Promise<void> {
    await deliver(this.#port, this.#to, [this.#letters.next(random)])
    this.#deeds.done('smtp')
  }
}

interface Shown {
  readonly id: string
  readonly role: string | null
  readonly mailboxIds: Readonly<Record<string, true>>
  readonly keywords: Readonly<Record<string, true>>
}

export class JmapActor implements Actor {
  readonly #client: JmapConnection
  readonly #letters: Letters
  readonly #deeds: Deeds

  constructor(client: JmapConnection, letters: Letters, deeds: Deeds) {
    this.#client = client
    this.#letters = letters
    this.#deeds = deeds
  }

  act(random: Random): Promise<void> {
    return choose(this.#choices, this.#deeds, random)
  }

  readonly #choices: readonly Choice[] = [
    [5, 'jmap keywords', (random) => this.#keywords(random)],
    [5, 'jmap mailboxIds', (random) => this.#move(random)],
    [2, 'jmap destroy', (random) => this.#destroy(random)],
    [2, 'jmap create', (random) => this.#draft(random)],
    [2, 'jmap import', (random) => this.#import(random)],
    [2, 'jmap mailbox create', (random) => this.#createMailbox(random)],
    [1, 'jmap mailbox change', (random) => this.#changeMailbox(random)],
    [1, 'jmap mailbox destroy', (random) => this.#destroyMailbox(random)],
    [1, 'jmap many', (random) => this.#many(random)],
  ]

  /** Whether all of it was done. What another has taken away meanwhile is a SetError. */
  async #set(name: string, args: Json): Promise<boolean> {
    const [answer] = await this.#client.ask([name, args])
    const { notCreated, notUpdated, notDestroyed } = answer as Record<string, Json | null>
    const refused = [notCreated, notUpdated, notDestroyed].flatMap((one) => Object.values(one ?? {}))
    for (const error of refused as readonly { type: string }[])
      assert.ok(expected.has(error.type), `${name} ${JSON.stringify(args)}: ${JSON.stringify(error)}`)
    return refused.length === 0
  }

  async #mailboxes(): Promise<readonly Shown[]> {
    const [answer] = await this.#client.ask(['Mailbox/get', { ids: null, properties: ['role'] }])
    return answer!['list'] as readonly Shown[]
  }

  async #emails(random: Random, most: number): Promise<readonly Shown[]> {
    const [, answer] = await this.#client.ask(
      ['Email/query', {}],
      [
        'Email/get',
        {
          '#ids': { resultOf: 'c0', name: 'Email/query', path: '/ids' },
          properties: ['mailboxIds', 'keywords'],
        },
      ],
    )
    return random.some(answer!['list'] as readonly Shown[], most)
  }

  async #keywords(random: Random): Promise<boolean> {
    const update: Record<string, Json> = {}
    for (const { id } of await this.#emails(random, 1 + random.below(3))) {
      const some = random.some(keywords, 2)
      update[id] = random.chance(0.3)
        ? { keywords: Object.fromEntries(some.map((name) => [name, true])) }
        : Object.fromEntries(some.map((name) => [`keywords/${name}`, random.chance(0.5) ? true : null]))
    }
    return this.#set('Email/set', { update })
  }

  async #move(random: Random): Promise<boolean> {
    const places = await this.#mailboxes()
    const update: Record<string, Json> = {}
    for (const { id, mailboxIds } of await this.#emails(random, 1 + random.below(2))) {
      const to = random.some(places, 1 + random.below(2))
      // A patch may not take the last mailbox away.
      const from = Object.keys(mailboxIds).filter((one) => !to.some((place) => place.id === one))
      update[id] = random.chance(0.4)
        ? { mailboxIds: Object.fromEntries(to.map((place) => [place.id, true])) }
        : {
            ...Object.fromEntries(to.map((place) => [`mailboxIds/${place.id}`, true])),
            ...(from.length > 0 && { [`mailboxIds/${random.pick(from)}`]: null }),
          }
    }
    return this.#set('Email/set', { update })
  }

  async #destroy(random: Random): Promise<boolean> {
    const destroy = (await this.#emails(random, 1 + random.below(2))).map(({ id }) => id)
    return this.#set('Email/set', { destroy })
  }

  async #place(random: Random): Promise<Readonly<Record<string, true>>> {
    const places = random.some(await this.#mailboxes(), 1 + random.below(2))
    return Object.fromEntries(places.map(({ id }) => [id, true] as const))
  }

  async #draft(random: Random): Promise<boolean> {
    const email = {
      mailboxIds: await this.#place(random),
      keywords: { $draft: true, ...(random.chance(0.5) && { $seen: true }) },
      subject: random.pick(subjects),
      bodyValues: { t: { value: 'A draft. '.repeat(1 + random.below(30)) } },
      textBody: [{ partId: 't', type: 'text/plain' }],
    }
    return this.#set('Email/set', { create: { d: email } })
  }

  async #import(random: Random): Promise<boolean> {
    const blobId = await this.#client.upload(this.#letters.next(random))
    const email = {
      blobId,
      mailboxIds: await this.#place(random),
      keywords: Object.fromEntries(random.some(keywords, 2).map((name) => [name, true])),
      receivedAt: dateOf(random).toISOString().replace('.000', ''),
    }
    return this.#set('Email/import', { emails: { m: email } })
  }

  async #parent(random: Random): Promise<string | null> {
    return random.chance(0.5) ? null : random.pick(await this.#mailboxes()).id
  }

  async #createMailbox(random: Random): Promise<boolean> {
    const mailbox = {
      name: random.pick(names),
      parentId: await this.#parent(random),
      isSubscribed: random.chance(0.5),
    }
    return this.#set('Mailbox/set', { create: { m: mailbox } })
  }

  async #own(random: Random): Promise<string | undefined> {
    const own = (await this.#mailboxes()).filter(({ role }) => role === null)
    return own.length === 0 ? undefined : random.pick(own).id
  }

  async #changeMailbox(random: Random): Promise<boolean> {
    const id = await this.#own(random)
    if (id === undefined) return false
    const change = random.pick<Json>([
      { name: random.pick(names) },
      { parentId: await this.#parent(random) },
      { isSubscribed: random.chance(0.5) },
      { sortOrder: random.below(100) },
    ])
    return this.#set('Mailbox/set', { update: { [id]: change } })
  }

  async #destroyMailbox(random: Random): Promise<boolean> {
    const id = await this.#own(random)
    if (id === undefined) return false
    return this.#set('Mailbox/set', { destroy: [id], onDestroyRemoveEmails: random.chance(0.7) })
  }

  /** Several kinds of changes in one request, the later ones of what the earlier ones made. */
  async #many(random: Random): Promise<boolean> {
    const [email] = await this.#emails(random, 1)
    if (email === undefined) return false
    const responses = await this.#client.send([
      ['Mailbox/set', { create: { m: { name: `Many ${random.below(1000)}` } } }],
      ['Email/set', { update: { [email.id]: { 'mailboxIds/#m': true, 'keywords/$flagged': true } } }],
      ['Email/set', { destroy: random.chance(0.2) ? [email.id] : [] }],
    ])
    return responses.every(([name]) => name !== 'error')
  }
}

/** Of a SetError. */
const expected: ReadonlySet<string> = new Set([
  'notFound',
  // A mailbox that is gone, a name that is taken, a parent that is below.
  'alreadyExists',
  'invalidProperties',
  'mailboxHasChild',
  'mailboxHasEmail',
])
