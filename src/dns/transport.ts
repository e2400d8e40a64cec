/**
 * What every way to a name server has in common: a question, an answer to exactly it, or QueryFailure.
 *
 * What must always hold: an answer counts only if its id and its question are those that were sent
 * (RFC 5452 §9.1). The same question never goes out twice with an id that can be guessed from the first.
 */
import { SyntaxFault } from '#base/fault.ts'
import { decodeMessage, headerBytes, type Message, rcodes } from './wire.ts'

export interface Question {
  /** On the wire, folded. */
  readonly name: Buffer
  readonly typeCode: number
  readonly wantsAuthentic: boolean
  readonly edns: boolean
}

/**
 * `timeout`: nobody answered. `network`: no way there, or the connection broke. `malformed`: no DNS, or what a
 * server of names for everybody does not say. `forged`: answers to something else came instead. `refused`: the
 * server does not want to. `servFail`: it tried and could not. `bogus`: it found wrong signatures.
 */
export type FailureKind = 'timeout' | 'network' | 'malformed' | 'forged' | 'refused' | 'servFail' | 'bogus'

export class QueryFailure extends Error {
  readonly why: FailureKind

  /** `text` is for administrators, and has at most a few words of the server's in it. */
  constructor(why: FailureKind, text: string) {
    super(text)
    this.name = 'QueryFailure'
    this.why = why
  }
}

/** The connection ended, or there is no way to the server. */
export const isBroken = (error: unknown): boolean => error instanceof QueryFailure && error.why === 'network'

export interface Transport extends Disposable {
  /** Throws QueryFailure, and the signal's reason where it is aborted. */
  ask(question: Question, signal: AbortSignal): Promise<Message>
}

export const questionOf = (query: Buffer, { name }: Question): Buffer =>
  query.subarray(headerBytes, headerBytes + name.length + 4)

/** `anyCase` lets the letters of the name differ. */
export function isAnswerTo(
  message: Message,
  id: number,
  question: Buffer,
  how: 'exactly' | 'anyCase' = 'exactly',
): boolean {
  if (!message.isResponse || message.id !== id || message.opcode !== 0) return false
  // Servers that do not understand a query send back a header alone.
  if (message.question.length === 0) return message.rcode === rcodes.formErr
  if (how === 'exactly') return message.question.equals(question)
  return folded(message.question) === folded(question)
}

/** The name folded, then type and class, whose octets are no letters. */
const folded = (question: Buffer): string =>
  question.toString('latin1', 0, question.length - 4).toLowerCase() +
  question.toString('latin1', question.length - 4)

/** Throws QueryFailure `malformed`. */
export function decodeAnswer(bytes: Buffer): Message {
  try {
    return decodeMessage(bytes)
  } catch (error) {
    if (error instanceof SyntaxFault) throw new QueryFailure('malformed', error.message)
    throw error
  }
}

/** Runs `body` with a signal that is aborted by `signal`, or with QueryFailure `timeout` after `ms`. */
export async function withTimeout<T>(
  signal: AbortSignal,
  ms: number,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const forward = (): void => controller.abort(signal.reason)
  const timer = setTimeout(() => controller.abort(new QueryFailure('timeout', 'no answer in time')), ms)
  signal.addEventListener('abort', forward, { once: true })
  try {
    return await body(controller.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', forward)
  }
}

/** The reason of an aborted signal, which is an Error by then whatever the caller gave. */
export const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
