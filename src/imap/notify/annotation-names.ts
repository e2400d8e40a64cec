/**
 * Which annotations have changed since a client was told (RFC 5465 §5.6, §5.7): of mailboxes that it watches, and of
 * the server. Of each value only a digest is kept.
 */
import { hash } from 'node:crypto'
import { readValues, type Subject, writeChangedEntries } from '../mailbox/annotations.ts'
import { isReadable, type KnownMailbox, type KnownMailboxes } from './known-mailbox.ts'
import type { ImapSession } from '../session/session.ts'

type Digests = ReadonlyMap<string, string>

const scopes = ['/shared', '/private']
const none: Digests = new Map()

export class AnnotationNames {
  readonly #session: ImapSession
  /** The server's are asked for. */
  readonly asksServer: boolean
  #server: Digests = none
  /** Only of mailboxes that have any. */
  readonly #byMailbox = new Map<string, Digests>()

  constructor(session: ImapSession, asksServer: boolean) {
    this.#session = session
    this.asksServer = asksServer
  }

  /** Takes what there is for told. */
  async learn(known: KnownMailboxes): Promise<void> {
    if (this.asksServer) this.#server = await this.#read(undefined)
    for (const [key, mailbox] of known) if (isAsked(mailbox)) this.#keep(key, await this.#read(mailbox.ref))
  }

  forget(key: string): void {
    this.#byMailbox.delete(key)
  }

  /** Something about the mailbox is different. `isTold`: it is not what the session itself did. */
  async tellMailbox(key: string, mailbox: KnownMailbox, isTold: boolean): Promise<void> {
    if (!isAsked(mailbox)) return
    const now = await this.#read(mailbox.ref)
    const before = this.#byMailbox.get(key) ?? none
    this.#keep(key, now)
    if (isTold) writeChangedEntries(this.#session, mailbox.ref, changedIn(before, now))
  }

  async tellServer(isTold: (name: string) => boolean): Promise<void> {
    if (!this.asksServer) return
    const now = await this.#read(undefined)
    const changed = changedIn(this.#server, now).filter(isTold)
    this.#server = now
    writeChangedEntries(this.#session, undefined, changed)
  }

  #keep(key: string, digests: Digests): void {
    if (digests.size > 0) this.#byMailbox.set(key, digests)
    else this.#byMailbox.delete(key)
  }

  async #read(subject: Subject): Promise<Digests> {
    const values = await readValues(this.#session, subject, { names: scopes, depth: 'infinity' })
    return new Map(Array.from(values, ([name, value]) => [name, hash('sha1', value, 'base64url')]))
  }
}

const isAsked = ({ events, ref }: KnownMailbox): boolean =>
  events.has('MailboxMetadataChange') && isReadable(ref)

/** Also those that are gone: RFC 5465 §5.6. */
const changedIn = (before: Digests, now: Digests): string[] =>
  [...new Set([...before.keys(), ...now.keys()])].filter((name) => before.get(name) !== now.get(name))
