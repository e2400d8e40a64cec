/**
 * One client's session: who it is, what it has enabled, and which mailbox it has selected.
 *
 * Commands run one after the other, so a session never does two things at once.
 */
import type { Access } from '#account/access.ts'
import type { SaslChannel } from '#account/sasl/mechanism.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { hasAll, rightsOf } from '#mail/rights.ts'
import type { Connection } from '#net/connection.ts'
import type { SessionState } from './session-state.ts'
import { Refusal } from '../errors.ts'
import { decodeName } from '../namespace/mailbox-name.ts'
import { type HeldMailbox, type MailboxRef, notPermitted } from '../namespace/mailbox-ref.ts'
import { Mailboxes } from '../namespace/mailboxes.ts'
import type { Notify } from './notify.ts'
import { CommandReader, ProtocolEnd } from '../wire/reader.ts'
import { imapSettings } from '../settings.ts'
import type { SessionView } from './view.ts'
import { ResponseWriter } from '../wire/writer.ts'
import type { ImapServices } from '../services.ts'

export interface SelectedNow {
  readonly now: MailboxView
  readonly held: HeldMailbox
}

const readable = rightsOf('r')

/** Before sign-in nothing long is to be expected. */
const strangerLimits = { lineBytes: 8 * 1024, commandBytes: 16 * 1024, skipBytes: 64 * 1024 }
/** Of literals that do not wait to be asked, where such are only for short strings (RFC 7888 §5). */
const shortLiteralBytes = 4096

export class ImapSession {
  readonly id: string
  readonly connection: Connection
  readonly services: ImapServices
  readonly out: ResponseWriter
  readonly reader: CommandReader
  access: Access | undefined
  selected: SessionView | undefined
  /** The client said ENABLE IMAP4rev2: UTF-8 everywhere, ESEARCH, no RECENT. */
  isRev2 = false
  /** It said ENABLE UTF8=ACCEPT (RFC 9755 §3). */
  acceptsUtf8 = false
  /** Signed in with a password, or keys made of it: not with a certificate. */
  usedPassword = false
  /** UTF8=ACCEPT is among the capabilities. */
  offersUtf8 = true
  /** It has said something that needs CONDSTORE (RFC 7162 §3.1): FETCH responses have UID and MODSEQ. */
  isCondstore = false
  /** It said ENABLE QRESYNC: VANISHED in place of EXPUNGE (RFC 7162 §3.2.3). */
  isQresync = false
  /** It said ENABLE UIDONLY: there are no message numbers, in either direction (RFC 9586 §3). */
  isUidOnly = false
  /** Undefined until NOTIFY is used. */
  notify: Notify | undefined
  /** Of the connection, whoever signed in between. */
  failedSignIns = 0
  commands = 0
  #mailboxes: Mailboxes | undefined
  /** The account was disabled or deleted: the session ends. */
  isDismissed = false
  #accessWatch: Disposable | undefined
  #counted: Disposable | undefined
  /** The access key of the selected mailbox was made anew, and the client was not told. */
  isKeyNew = false
  /** Wakes a session in IDLE. */
  onNews: (() => void) | undefined
  /** Set by LOGOUT. */
  isOver = false

  constructor(id: string, connection: Connection, services: ImapServices) {
    this.id = id
    this.connection = connection
    this.services = services
    this.out = new ResponseWriter(connection)
    this.reader = new CommandReader(connection, { ...strangerLimits, unaskedBytes: this.#unaskedBytes })
    connection.setIdleTimeout(this.settings.timeoutAnonymous)
  }

  /**
   * Everything that is of the user who signed in is forgotten: the connection may be somebody else's next. Failed
   * sign-ins are counted on (RFC 8437 §3).
   */
  signedOut(): void {
    this.release()
    this.#accessWatch = undefined
    this.#counted = undefined
    this.isKeyNew = false
    this.#mailboxes = undefined
    this.usedPassword = false
    this.access = undefined
    this.selected = undefined
    this.isRev2 = false
    this.acceptsUtf8 = false
    this.offersUtf8 = true
    this.isCondstore = false
    this.isQresync = false
    this.isUidOnly = false
    this.notify = undefined
    this.reader.limits = { ...strangerLimits, unaskedBytes: this.#unaskedBytes }
    this.connection.setIdleTimeout(this.settings.timeoutAnonymous)
  }

  get state(): SessionState {
    if (this.access === undefined) return 'greeting'
    return this.selected === undefined ? 'signedIn' : 'selected'
  }

  get settings() {
    return this.services.settings.get(imapSettings)
  }

  /** Mailbox names and quoted strings are UTF-8 in both directions. */
  get isUtf8(): boolean {
    return this.isRev2 || this.acceptsUtf8
  }

  get #unaskedBytes(): number {
    return this.settings.allowLargeLiterals ? Infinity : shortLiteralBytes
  }

  /** Whether a password may cross this connection (RFC 9051 §11.7). */
  get mayUsePasswords(): boolean {
    return this.channel.tls !== undefined || this.channel.allowsClear
  }

  get channel(): SaslChannel {
    return { tls: this.connection.tls, allowsClear: this.settings.allowPlainTextAuth }
  }

  /** False, with nothing changed, where the user has as many connections as one may have. */
  signedIn(access: Access): boolean {
    this.#counted = this.services.userSessions.add(access.account, this.settings.maxConcurrent, () => {
      this.isKeyNew = this.selected !== undefined
      this.onNews?.()
    })
    if (this.#counted === undefined) return false
    this.access = access
    this.#mailboxes = new Mailboxes(this.services, access.account, this.id)
    const { maxLineSize, maxCommandSize, maxRequestSize } = this.settings
    this.reader.limits = {
      lineBytes: maxLineSize,
      commandBytes: maxCommandSize,
      unaskedBytes: this.#unaskedBytes,
      skipBytes: 2 * maxRequestSize,
    }
    this.connection.setIdleTimeout(this.settings.timeoutAuthenticated)
    this.#accessWatch = this.services.accessWatch.watch(access, (now) => this.#accessChanged(now))
    return true
  }

  /** When it is over. */
  release(): void {
    this.#accessWatch?.[Symbol.dispose]()
    this.#counted?.[Symbol.dispose]()
  }

  #accessChanged(now: Access | undefined): void {
    if (now?.permissions.has('imapAuthenticate') === true) {
      this.access = now
      return
    }
    this.isDismissed = true
    this.connection.dismiss()
  }

  /** What the user can reach; only in states that have one. */
  get mailboxes(): Mailboxes {
    if (this.#mailboxes === undefined) throw new Error('no mailboxes before sign-in')
    return this.#mailboxes
  }

  get selectedView(): SessionView {
    if (this.selected === undefined) throw new Error('no mailbox is selected')
    return this.selected
  }

  /**
   * The selected mailbox as it is now, for what needs these rights. Ends the session where it was deleted
   * (RFC 2180 §3.3), or where the user may no longer read it (RFC 4314 §5.1.1), which looks the same. Throws
   * Fault('forbidden').
   */
  async selectedNow(needs: string): Promise<SelectedNow> {
    const { account, mailbox } = this.selectedView
    const now = await this.mailboxes.load(account, mailbox)
    const held = now && (await this.mailboxes.held(account, now.mailbox))
    if (now === undefined || held === undefined || !hasAll(held.rights, readable))
      throw new ProtocolEnd('The selected mailbox was deleted')
    const wanted = rightsOf(needs)
    if (!hasAll(held.rights, wanted)) throw notPermitted()
    return { now, held: { ...held, needs: wanted } }
  }

  setNotify(notify: Notify): void {
    this.notify = notify
    this.mailboxes.onCommit = notify.onCommit
  }

  /** Messages came into a mailbox by a command of the session. */
  made({ account, mailbox }: HeldMailbox, uids: Iterable<number>): void {
    const { selected } = this
    if (selected?.account === account && selected.mailbox === mailbox.id)
      for (const uid of uids) selected.madeHere.add(uid)
  }

  /** The mailbox that a client named, for what needs these rights. Throws Fault 'notFound' and 'forbidden'. */
  open(name: Uint8Array, needs: string): Promise<MailboxRef> {
    return this.mailboxes.open(this.path(name), needs)
  }

  /** The path that a client wrote as the name of a mailbox; a Refusal where it can be none. */
  path(name: Uint8Array): string {
    const path = decodeName(name, this.isUtf8)
    if (path === undefined) throw new Refusal('No such mailbox name is possible', 'CANNOT')
    return path
  }

  /** The selected mailbox may be changed; a Refusal after EXAMINE. */
  assertWritable(): void {
    if (this.selectedView.isReadOnly) throw new Refusal('The mailbox is selected read-only', 'CANNOT')
  }

  /** RFC 7162 §3.1: the first command that needs it is told how far the client's picture reaches. */
  enableCondstore(): void {
    if (this.isCondstore) return
    this.isCondstore = true
    this.tellHighestModseq()
  }

  enableQresync(): void {
    this.enableCondstore()
    this.isQresync = true
  }

  /** Up to where the client has been told everything. It counts more than MODSEQ of FETCH (RFC 7162 §6). */
  tellHighestModseq(): void {
    if (this.selected !== undefined)
      this.untagged(`OK [HIGHESTMODSEQ ${this.selected.highestModseq}] Told up to here`)
  }

  /** RFC 4467 §8: how URLs can be authorised; nothing where others could read it (§10). */
  tellUrlMechanisms(): void {
    if (this.mayUsePasswords) this.untagged('OK [URLMECH INTERNAL] URLs can be authorised')
  }

  untagged(text: string): void {
    this.out.ascii('* ').ascii(text).crlf()
  }

  tagged(tag: string, status: string, code: string | undefined, text: string): void {
    const { out } = this
    out.ascii(tag).sp().ascii(status).sp()
    if (code !== undefined) out.ascii(`[${code}] `)
    out.ascii(plainText(text)).crlf()
  }
}

/** RFC 9051 §9, text: nothing that ends a line or is not ASCII, and never nothing at all (RFC 3501 §9). */
const plainText = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?') || 'Done'
