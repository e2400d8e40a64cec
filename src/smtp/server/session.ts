/**
 * One client's session (RFC 5321 §3, §4.1.4), and the only place that knows its state: what the client said
 * in HELO, who signed in, the open transaction, and what was counted.
 *
 * A command is read, checked against the state, parsed and run; its reply is queued, and the connection sends
 * what is queued when no further command is buffered (RFC 2920 §3.2). Whatever happens without waiting is done
 * without waiting: a pipelined group costs no turn of the event loop.
 */
import type { Access } from '#account/access.ts'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Connection } from '#net/connection.ts'
import type { EventKind, EventValues } from '#telemetry/event.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { type CommandLine, readCommandLine } from '../command.ts'
import { faultReply, type Operation } from '../errors.ts'
import { connectionEnd, connectionStart, sessionAborted, smtpError } from '../events.ts'
import { isRejection, type Reply, reply } from '../reply.ts'
import type { SmtpLimits } from '../settings.ts'
import { HeaderGate } from './header-gate.ts'
import { Intake } from './intake.ts'
import { observeMessage } from './observe-message.ts'
import { findCommand, foreignVerbs, refusedVerbs } from './registry.ts'
import type { AnySmtpCommand, Hello, Role, SmtpDeps, SmtpSession } from './smtp-command.ts'
import type { Envelope, Transaction } from './transaction.ts'
import type { Recipient } from './recipient.ts'
import { beginVerification } from './begin-verification.ts'

const badLine = reply(500, '5.5.2', 'Control characters and bare line ends are not allowed')
const lineTooLong = reply(500, '5.5.2', 'Line too long')
const unknownCommand = reply(500, '5.5.1', 'Command not recognized')
const notImplemented = reply(502, '5.5.1', 'Command not implemented')
const foreignProtocol = reply(554, '5.5.1', 'This is a mail server')
const helloFirst = reply(503, '5.5.1', 'Say hello first')
const mailFirst = reply(503, '5.5.1', 'MAIL first')
const noRecipients = reply(503, '5.5.1', 'No valid recipients')
const signInFirst = reply(530, '5.7.0', 'Authentication required')
const tlsFirst = reply(530, '5.7.0', 'Must issue a STARTTLS command first')
const tooManyErrors = reply(421, '4.7.0', 'Too many errors, closing connection')
const tooLong = reply(421, '4.4.2', 'Session lasts too long, closing connection')
const timedOut = reply(421, '4.4.2', 'Timed out, closing connection')
const shuttingDown = reply(421, '4.3.2', 'Server is shutting down, try again later')
const dismissed = reply(421, '4.7.0', 'Your access to this server has ended')
const internalError = reply(421, '4.3.0', 'Internal error, closing connection')

/** Beyond the session's time a transfer goes on while it is this fast on average. */
const slowestBytesPerMs = 1

export class Session implements SmtpSession {
  readonly role: Role
  readonly deps: SmtpDeps
  readonly limits: SmtpLimits
  readonly connection: Connection
  readonly #id: string
  readonly #telemetry: Telemetry
  readonly #startedAt: number
  #hello: Hello | undefined
  #access: Access | undefined
  #accessWatch: Disposable | undefined
  /** The account was disabled or deleted. */
  #isDismissed = false
  #transaction: Transaction | undefined
  #messages = 0
  #errors = 0
  #unknownCommands = 0
  #recipientFailures = 0
  #authFailures = 0
  /** What the current line asks for: decides which errors are counted together. */
  #running: Operation | 'unknown' = 'other'
  /** Why the session ends after the current reply. */
  #closing: string | undefined

  constructor(role: Role, deps: SmtpDeps, connection: Connection) {
    this.role = role
    this.deps = deps
    this.limits = deps.limits()
    this.connection = connection
    this.#id = deps.newSessionId()
    this.#startedAt = deps.clock.now()
    this.#telemetry = deps.telemetry.with({
      session: this.#id,
      listener: connection.listener,
      ip: connection.peer.ip,
    })
  }

  get messageId(): string {
    return `${this.#id}.${this.#messages + 1}`
  }

  get messageCount(): number {
    return this.#messages
  }

  get hello(): Hello | undefined {
    return this.#hello
  }

  get access(): Access | undefined {
    return this.#access
  }

  get transaction(): Transaction | undefined {
    return this.#transaction
  }

  get canSignIn(): boolean {
    return this.role !== 'lmtp' && this.connection.tls !== undefined && this.#access === undefined
  }

  get isSubmission(): boolean {
    return this.role === 'submission' || this.#access !== undefined
  }

  greet(hello: Hello): void {
    this.reset()
    this.#hello = hello
  }

  signedIn(access: Access): void {
    this.#access = access
    this.#accessWatch = this.deps.accessWatch.watch(access, (now) => {
      if (now !== undefined) this.#access = now
      else {
        this.#isDismissed = true
        this.connection.dismiss()
      }
    })
  }

  begin(envelope: Envelope): void {
    const verification = beginVerification(this, envelope)
    this.#transaction = {
      envelope,
      recipients: [],
      verification,
      vouching: undefined,
      authorRefusal: undefined,
      chunks: undefined,
    }
  }

  addRecipient(recipient: Recipient): void {
    this.#transaction!.recipients.push(recipient)
  }

  reset(): void {
    const chunks = this.#transaction?.chunks
    if (chunks !== undefined && chunks !== 'failed') void chunks.intake.abort()
    this.#endTransaction()
  }

  finishMessage(): void {
    this.#messages++
    this.#endTransaction()
  }

  #endTransaction(): void {
    this.#transaction?.verification?.[Symbol.dispose]()
    this.#transaction = undefined
  }

  restart(): void {
    this.reset()
    this.#hello = undefined
    this.#access = undefined
  }

  newIntake(): Intake {
    const { maxMessageBytes: maxBytes, maxHeaderBytes } = this.limits
    const observer = observeMessage(this, this.#transaction!)
    const gate = observer && new HeaderGate(observer, maxHeaderBytes)
    return new Intake(this.deps.blobs.stager({ maxBytes }), maxBytes, gate)
  }

  countAuthFailure(): boolean {
    this.#authFailures++
    return this.#authFailures >= this.limits.maxAuthFailures
  }

  close(reason: string): void {
    this.#closing = reason
  }

  isTransferTooSlow(sinceMs: number, bytes: number): boolean {
    return this.deps.clock.now() - sinceMs > this.limits.maxDurationMs + bytes / slowestBytesPerMs
  }

  emit<F>(kind: EventKind<F>, values: EventValues<NoInfer<F>>): void {
    this.#telemetry.emit(kind, values)
  }

  /** The whole session; never rejects. */
  async run(): Promise<void> {
    const { connection, limits } = this
    connection.setIdleTimeout(limits.idleTimeoutMs)
    this.emit(connectionStart, { port: connection.peer.port })
    try {
      const kind = this.role === 'lmtp' ? 'LMTP ready' : limits.greeting
      await connection.write(reply(220, '', `${this.deps.hostname()} ${kind}`))
      await this.#commands()
    } catch (error) {
      // A connection that is gone says so with a fault; there is nobody left to tell.
      if (!isFault(error)) this.emit(smtpError, { error })
    } finally {
      this.#accessWatch?.[Symbol.dispose]()
      this.reset()
      const reason = this.#closing ?? connection.ended ?? 'crash'
      this.emit(connectionEnd, { messages: this.#messages, reason })
    }
  }

  async #commands(): Promise<void> {
    const { connection } = this
    for (;;) {
      let answer: Maybe<Reply | undefined>
      try {
        const next = connection.readLine(this.limits.maxLineBytes)
        const line = next instanceof Promise ? await next : next
        if (line === undefined) return this.#sayGoodbye()
        answer = this.#execute(line)
      } catch (error) {
        if (!isFault(error, 'tooLarge')) throw error
        this.#running = 'unknown'
        answer = lineTooLong
      }
      if (answer instanceof Promise) answer = await answer
      if (answer !== undefined) {
        const written = connection.write(isRejection(answer) ? this.#countError(answer) : answer)
        if (written instanceof Promise) await written
      }
      if (this.#closing !== undefined) return
    }
  }

  /** RFC 5321 §3.8: only the server's own reasons are told. */
  async #sayGoodbye(): Promise<void> {
    const { connection } = this
    if (connection.ended === 'idle') await connection.write(timedOut)
    if (connection.ended === 'shutdown') await connection.write(this.#isDismissed ? dismissed : shuttingDown)
  }

  /** Never throws for what a client can do. */
  #execute(bytes: Uint8Array): Maybe<Reply | undefined> {
    this.#running = 'other'
    if (this.deps.clock.now() - this.#startedAt > this.limits.maxDurationMs) {
      return this.#abort('session lasts too long', tooLong)
    }
    let line: CommandLine
    try {
      line = readCommandLine(bytes)
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      return badLine
    }
    const command = findCommand(this.role, line.verb)
    if (command === undefined) return this.#refuseVerb(line.verb)
    this.#running = command.operation
    return this.#refuseByState(command) ?? this.#run(command, line)
  }

  #refuseVerb(verb: string): Reply {
    if (refusedVerbs.has(verb)) return notImplemented
    if (foreignVerbs.has(verb)) return this.#abort('another protocol', foreignProtocol)
    this.#running = 'unknown'
    return unknownCommand
  }

  #refuseByState(command: AnySmtpCommand): Reply | undefined {
    if (command.needsSignIn && this.role === 'submission' && this.#access === undefined) {
      return this.connection.canStartTls ? tlsFirst : signInFirst
    }
    if (command.need === 'nothing') return undefined
    if (this.#hello === undefined) return helloFirst
    if (command.need === 'hello') return undefined
    if (this.#transaction === undefined) return mailFirst
    if (command.need === 'transaction' || this.#transaction.recipients.length > 0) return undefined
    // RFC 2033 §4.2 demands 503 for LMTP, RFC 5321 §3.3 allows it for SMTP.
    return noRecipients
  }

  #run(command: AnySmtpCommand, line: CommandLine): Maybe<Reply | undefined> {
    let args: unknown
    try {
      args = command.parse(line.argument)
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      return command.syntaxReply
    }
    try {
      const answer = command.run(this, args)
      return answer instanceof Promise
        ? answer.catch((error: unknown) => this.#failed(error, command.operation))
        : answer
    } catch (error) {
      return this.#failed(error, command.operation)
    }
  }

  /** What a command threw. Where the connection is gone, nobody reads an answer. */
  #failed(error: unknown, operation: Operation): Reply | undefined {
    if (this.connection.signal.aborted) {
      this.#closing ??= this.connection.ended ?? 'lost'
      if (!isFault(error)) this.emit(smtpError, { error })
      return undefined
    }
    if (!isFault(error)) {
      this.emit(smtpError, { error })
      this.#closing = 'internal error'
      return internalError
    }
    if (error.code === 'unavailable') this.emit(smtpError, { error })
    return faultReply(error, operation)
  }

  /** Adds a goodbye to a rejection that was one too many. */
  #countError(answer: Reply): Reply {
    const { limits } = this
    let isOver: boolean
    if (this.#running === 'rcpt') isOver = ++this.#recipientFailures >= limits.maxRecipientFailures
    else if (this.#running === 'unknown') isOver = ++this.#unknownCommands >= limits.maxUnknownCommands
    else isOver = ++this.#errors >= limits.maxErrors
    if (!isOver || this.#closing !== undefined) return answer
    return Buffer.concat([answer, this.#abort('too many errors', tooManyErrors)])
  }

  #abort(reason: string, answer: Reply): Reply {
    this.emit(sessionAborted, { reason })
    this.#closing = reason
    return answer
  }
}
