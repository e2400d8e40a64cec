/** The server's mailboxes as another client changes them, which is imapflow. */
import type { ImapFlow } from 'imapflow'
import { messageId, type Folders, type Kept, type Side, toggled } from './two-way.ts'

export interface ImapOptions {
  readonly client: ImapFlow
  /** Which flag a letter is. */
  readonly flags: Readonly<Record<string, string>>
  /** The message without what the client under test adds to its copies. */
  readonly original: (bytes: Buffer) => Buffer
}

export const systemFlags: Readonly<Record<string, string>> = {
  D: '\\Draft',
  F: '\\Flagged',
  R: '\\Answered',
  S: '\\Seen',
}

interface Place {
  readonly uid: number
  flags: string
}

export class ImapSide implements Side {
  readonly letters: string
  readonly #o: ImapOptions
  /** By folder and Message-ID. */
  #places = new Map<string, Place>()

  constructor(o: ImapOptions) {
    this.letters = Object.keys(o.flags).join('')
    this.#o = o
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#o.client.mailboxCreate(folder)
  }

  async add(folder: string, message: Buffer, flags: string): Promise<void> {
    await this.#o.client.append(folder, message, this.#flagsOf(flags))
  }

  async toggleFlags(folder: string, id: string, letters: string): Promise<void> {
    const place = await this.#open(folder, id)
    const now = toggled(place.flags, letters)
    const [on, off] = [true, false].map((is) => [...letters].filter((letter) => now.includes(letter) === is))
    if (on!.length > 0)
      await this.#o.client.messageFlagsAdd(`${place.uid}`, this.#flagsOf(on!.join('')), { uid: true })
    if (off!.length > 0)
      await this.#o.client.messageFlagsRemove(`${place.uid}`, this.#flagsOf(off!.join('')), { uid: true })
    place.flags = now
  }

  async move(folder: string, id: string, to: string): Promise<void> {
    await this.#o.client.messageMove(`${(await this.#open(folder, id)).uid}`, to, { uid: true })
  }

  async remove(folder: string, id: string): Promise<void> {
    await this.#o.client.messageDelete(`${(await this.#open(folder, id)).uid}`, { uid: true })
  }

  async read(): Promise<Folders> {
    this.#places = new Map()
    const found = new Map<string, ReadonlyMap<string, Kept>>()
    for (const { path } of await this.#o.client.list()) found.set(path, await this.#readFolder(path))
    return found
  }

  async #readFolder(folder: string): Promise<ReadonlyMap<string, Kept>> {
    const { client, flags, original } = this.#o
    const messages = new Map<string, Kept>()
    // What others changed while the mailbox was open is told by a command.
    await client.mailboxOpen(folder)
    await client.noop()
    for (const message of await client.fetchAll('1:*', { source: true, flags: true })) {
      const id = messageId(message.source!)
      if (messages.has(id)) throw new Error(`${id} is in ${folder} twice`)
      const letters = Object.keys(flags).filter((letter) => message.flags!.has(flags[letter]!))
      const place = { uid: message.uid, flags: letters.toSorted().join('') }
      messages.set(id, { bytes: original(message.source!), flags: place.flags })
      this.#places.set(`${folder} ${id}`, place)
    }
    return messages
  }

  async #open(folder: string, id: string): Promise<Place> {
    await this.#o.client.mailboxOpen(folder)
    const place = this.#places.get(`${folder} ${id}`)
    if (place === undefined) throw new Error(`${id} is not in ${folder}`)
    return place
  }

  #flagsOf(letters: string): string[] {
    return [...letters].map((letter) => this.#o.flags[letter]!)
  }
}
