/**
 * The life of a session: greeting, one command after the other, goodbye.
 *
 * Only here are errors turned into answers, and only here, between a command's work and its tagged line, is the
 * client told what changed in the selected mailbox (RFC 9051 §5.2 and §7.5.1). Pipelined commands are executed
 * in the order they came, each to its end.
 */
import { Fault, SyntaxFault, isFault } from '#base/fault.ts'
import type { EndReason } from '#net/connection.ts'
import { capabilities } from './session/capabilities.ts'
import type { AnyCommand, Completion, Prepared } from './session/command.ts'
import { Refusal, refusalOf, uidRequired } from './errors.ts'
import { commandError } from './events.ts'
import { BrokenOutput } from './fetch/fetch-response.ts'
import { permissionOf } from './permissions.ts'
import { ProtocolEnd } from './wire/reader.ts'
import { registry } from './registry.ts'
import type { ImapSession } from './session/session.ts'
import { type Occasion, showChanges } from './selected/show-changes.ts'
import { tellWhile } from './notify/waiting.ts'

/** Serves the client until either side ends it. Throws only what is a defect of the connection's own. */
export async function serveSession(session: ImapSession): Promise<void> {
  const { out } = session
  session.untagged(`OK [CAPABILITY ${capabilities(session).join(' ')}] Postern ready`)
  void out.end()
  let bad = 0
  try {
    while (!session.isOver) {
      const outcome = await oneCommand(session)
      if (outcome === 'end') break
      bad = outcome === 'bad' ? bad + 1 : 0
      // A client that only says what it must not is not one.
      if (bad >= session.settings.maxBadCommands) throw new ProtocolEnd('Too many bad commands')
      const full = out.end()
      if (full !== undefined) await full
    }
    if (!session.isOver) sayWhy(session)
  } catch (error) {
    if (!(error instanceof ProtocolEnd)) throw error
    session.untagged(`BYE ${error.code === undefined ? '' : `[${error.code}] `}${error.message}`)
  }
  await out.end()
}

/** RFC 9051 §7.1.5: a goodbye where it is the server that ends it. */
function sayWhy(session: ImapSession): void {
  const { ended } = session.connection
  if (session.isDismissed) session.untagged('BYE Your access to this server has ended')
  else if (ended === 'idle') session.untagged('BYE Autologout, you were silent for too long')
  else if (ended === 'garbled') session.untagged('BYE What you sent is not compressed with DEFLATE')
  else if (ended === 'shutdown') session.untagged('BYE [UNAVAILABLE] Server is shutting down')
}

async function oneCommand(session: ImapSession): Promise<'done' | 'bad' | 'end'> {
  const { reader } = session
  let prepared: Prepared | undefined
  try {
    if (!(await nextCommand(session))) return 'end'
    session.commands++
    const known = registry.get(reader.name)
    if (known === undefined) throw new SyntaxFault('unknown command', 0)
    if (!known.states.includes(session.state)) throw new SyntaxFault(wrongState(session, known), 0)
    assertPermitted(session, known)
    if (known.usesNumbers === true && session.isUidOnly) throw uidRequired()
    const preparing = known.prepare(reader, session)
    prepared = preparing instanceof Promise ? await preparing : preparing
    const completion = await prepared.run()
    if (completion?.silent !== true) await complete(session, prepared, completion ?? {})
    return 'done'
  } catch (error) {
    return await failed(session, prepared, error)
  }
}

/** RFC 5465 §3.1: who has used NOTIFY is told of events also while there is no command. */
function nextCommand(session: ImapSession): Promise<boolean> {
  const { reader, notify } = session
  if (notify?.isActive !== true) return reader.next()
  return tellWhile(session, reader.next(), async () => {
    const { ended } = await tryToShowChanges(session, { expunges: false })
    if (ended !== undefined) throw ended
  })
}

function assertPermitted({ access }: ImapSession, { name }: AnyCommand): void {
  const needed = permissionOf(name)
  if (access === undefined || needed === undefined || access.permissions.has(needed)) return
  throw new Refusal('You do not have the permission to do that', 'NOPERM')
}

function wrongState({ state }: ImapSession, known: AnyCommand): string {
  if (state === 'greeting') return 'sign in first'
  return known.states.includes('selected') ? 'select a mailbox first' : 'not now that you are signed in'
}

/** What the command did is done: whatever happens now, its answer is said. */
async function complete(session: ImapSession, prepared: Prepared, o: Completion): Promise<void> {
  const { toldGone, ended } = await tryToShowChanges(session, {
    expunges: !prepared.hidesExpunges,
    hasExpunged: o.expunged === true,
  })
  const modseq = o.expunged === true || toldGone ? highestModseq(session, o) : undefined
  const code = o.code ?? modseq
  if (o.expunged === true && modseq !== undefined && code !== modseq) session.tellHighestModseq()
  session.tagged(session.reader.tag, o.status ?? 'OK', code, o.text ?? `${prepared.name} completed`)
  if (ended !== undefined) throw ended
}

/** RFC 7162 §3.2.7 and RFC 6851 §4.4: after messages left the mailbox, where the client has been told so. */
function highestModseq({ selected, isCondstore }: ImapSession, { expunged }: Completion): string | undefined {
  if (selected === undefined || selected.hidesGone || !(isCondstore || expunged === true)) return undefined
  return `HIGHESTMODSEQ ${selected.highestModseq}`
}

interface Shown {
  /** The client was told of messages that are gone. */
  readonly toldGone: boolean
  /** Why the session ends. */
  readonly ended?: ProtocolEnd
}

/** Changes that cannot be read now are told later. */
async function tryToShowChanges(session: ImapSession, occasion: Occasion): Promise<Shown> {
  try {
    return { toldGone: await showChanges(session, occasion) }
  } catch (error) {
    if (error instanceof ProtocolEnd) return { toldGone: false, ended: error }
    if (isGone(session.connection.ended, error)) throw error
    if (!(error instanceof Fault)) reportDefect(session, error)
    // What the command itself told may be newer than what is missing.
    if (session.isCondstore) session.tellHighestModseq()
    return { toldGone: false }
  }
}

async function failed(
  session: ImapSession,
  prepared: Prepared | undefined,
  error: unknown,
): Promise<'done' | 'bad' | 'end'> {
  if (error instanceof ProtocolEnd || error instanceof BrokenOutput) throw error
  const { connection, reader } = session
  // What failed because nobody is there any more needs no answer.
  if (isGone(connection.ended, error)) return 'end'
  await reader.skip()
  if (error instanceof SyntaxFault) {
    if (reader.tag === '') session.untagged(`BAD ${capitalised(error.message)}`)
    else session.tagged(reader.tag, 'BAD', undefined, capitalised(error.message))
    return 'bad'
  }
  const refusal = asRefusal(session, error)
  const ended =
    prepared &&
    (await tryToShowChanges(session, { expunges: !prepared.hidesExpunges, hasExpunged: true })).ended
  session.tagged(reader.tag, refusal.status, refusal.code, refusal.message)
  if (ended !== undefined) throw ended
  return 'done'
}

function asRefusal(session: ImapSession, error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof Fault) return refusalOf(error, session.reader.name)
  reportDefect(session, error)
  // RFC 5530 §3
  return new Refusal('Internal error', 'SERVERBUG')
}

function reportDefect({ services, connection, access, reader }: ImapSession, error: unknown): void {
  services.telemetry.emit(commandError, {
    ip: connection.peer.ip,
    account: access?.account,
    command: reader.name,
    error,
  })
}

/**
 * Whether a command failed because the connection did: reading a literal that ends early is a Fault, and of a
 * connection that is cut off anything may fail. A shutdown lets commands go on.
 */
function isGone(ended: EndReason | undefined, error: unknown): boolean {
  if (ended === undefined || ended === 'shutdown') return false
  return isFault(error, 'unavailable') || (ended !== 'peer' && ended !== 'idle' && ended !== 'garbled')
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
