/** Maildir folders as a mail program changes them: by new, renamed and removed files. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { type Folders, type Kept, messageId, only, type Side, toggled } from './two-way.ts'

export interface MaildirOptions {
  readonly root: string
  readonly letters: string
  /** How a folder of that name is called on disk, and back. */
  encode(folder: string): string
  decode(name: string): string
  /** The message without what the client adds to its copies. */
  readonly original: (bytes: Buffer) => Buffer
}

export class MaildirSide implements Side {
  readonly letters: string
  readonly #o: MaildirOptions
  /** By folder and Message-ID. */
  #files = new Map<string, string>()
  #nextName = 1

  constructor(o: MaildirOptions) {
    this.letters = o.letters
    this.#o = o
  }

  async makeFolder(folder: string): Promise<void> {
    for (const part of ['new', 'cur', 'tmp'])
      mkdirSync(path.join(this.#path(folder), part), { recursive: true })
  }

  async add(folder: string, message: Buffer, flags: string): Promise<void> {
    const text = message.toString('latin1').replaceAll('\r\n', '\n')
    writeFileSync(this.#newFile(folder, flags), text, 'latin1')
  }

  async toggleFlags(folder: string, id: string, letters: string): Promise<void> {
    const file = this.#file(folder, id)
    const [name = '', flags = ''] = path.basename(file).split(':2,')
    const changed = path.join(file, '../../cur', `${name}:2,${toggled(flags, letters)}`)
    renameSync(file, changed)
    this.#files.set(`${folder} ${id}`, changed)
  }

  /** Under a new name, which says nothing of the old place. */
  async move(folder: string, id: string, to: string): Promise<void> {
    const file = this.#file(folder, id)
    renameSync(file, this.#newFile(to, only(this.letters, file.split(':2,')[1] ?? '')))
  }

  async remove(folder: string, id: string): Promise<void> {
    unlinkSync(this.#file(folder, id))
  }

  async read(): Promise<Folders> {
    this.#files = new Map()
    const found = new Map<string, ReadonlyMap<string, Kept>>()
    for (const entry of readdirSync(this.#o.root, { recursive: true, encoding: 'utf8' })) {
      if (path.basename(entry) !== 'cur') continue
      const folder = this.#o.decode(path.dirname(entry))
      found.set(folder, this.#readFolder(folder))
    }
    return found
  }

  /** As if the changes were not of this second: some clients wait for the next one, lest they miss some. */
  age(): void {
    const past = new Date(Date.now() - 60_000)
    for (const entry of readdirSync(this.#o.root, { recursive: true, encoding: 'utf8' }))
      if (/^(?:new|cur)$/.test(path.basename(entry))) utimesSync(path.join(this.#o.root, entry), past, past)
  }

  #readFolder(folder: string): ReadonlyMap<string, Kept> {
    const messages = new Map<string, Kept>()
    for (const part of ['new', 'cur']) {
      for (const name of readdirSync(path.join(this.#path(folder), part))) {
        const file = path.join(this.#path(folder), part, name)
        const bytes = withCrLf(readFileSync(file))
        const id = messageId(bytes)
        if (messages.has(id)) throw new Error(`${id} is in ${folder} twice`)
        messages.set(id, { bytes: this.#o.original(bytes), flags: name.split(':2,')[1] ?? '' })
        this.#files.set(`${folder} ${id}`, file)
      }
    }
    return messages
  }

  #path(folder: string): string {
    return path.join(this.#o.root, this.#o.encode(folder))
  }

  #file(folder: string, id: string): string {
    const file = this.#files.get(`${folder} ${id}`)
    if (file === undefined || !existsSync(file)) throw new Error(`${id} is not in ${folder}`)
    return file
  }

  #newFile(folder: string, flags: string): string {
    return path.join(this.#path(folder), 'cur', `17000000${this.#nextName++}.M1P1.here:2,${flags}`)
  }
}

/** A Maildir file has the line ends of Unix. */
const withCrLf = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
