/**
 * Questions over UDP. Whoever does not see them can only guess: each goes out from a socket of its own whose
 * port the kernel chose at random, with a random id and, where names have letters, random case
 * (RFC 5452 §9.2). The socket is connected, so that nothing is heard but what comes from the address and port
 * asked. Somebody who guesses is noticed: after some wrong answers the question fails as `forged`.
 */
import { createSocket } from 'node:dgram'
import { randomBytes, randomInt } from 'node:crypto'
import { Slots } from './slots.ts'
import {
  decodeAnswer,
  isAnswerTo,
  QueryFailure,
  type Question,
  questionOf,
  reasonOf,
  type Transport,
} from './transport.ts'
import { encodeQuery, headerBytes, type Message } from './wire.ts'

const mostSockets = 256
const mostWrongAnswers = 16

export class UdpTransport implements Transport {
  readonly #address: string
  readonly #port: number
  readonly #slots = new Slots(mostSockets)

  constructor(address: string, port: number) {
    this.#address = address
    this.#port = port
  }

  ask(question: Question, signal: AbortSignal): Promise<Message> {
    return this.#slots.use(signal, () => this.#ask(question, signal))
  }

  [Symbol.dispose](): void {
    // Sockets are open as long as a question is, which its signal ends.
  }

  #ask(question: Question, signal: AbortSignal): Promise<Message> {
    const judge = new Judge(question)
    const socket = createSocket(this.#address.includes(':') ? 'udp6' : 'udp4')
    return new Promise<Message>((resolve, reject) => {
      const abort = (): void => reject(reasonOf(signal))
      signal.addEventListener('abort', abort, { once: true })
      const network = (error: Error): void => reject(new QueryFailure('network', error.message))
      socket.on('error', network)
      socket.on('message', (bytes) => {
        try {
          const message = judge.read(bytes)
          if (message !== undefined) resolve(message)
        } catch (error) {
          reject(error)
        }
      })
      socket.connect(this.#port, this.#address, () => {
        // A refusal by an earlier packet's ICMP may have closed it already.
        if (!signal.aborted) socket.send(judge.query, (error) => error !== null && network(error))
      })
    }).finally(() => socket.close())
  }
}

/** The query of one question, and which packets answer it. */
class Judge {
  readonly query: Buffer
  readonly #id = randomInt(0x1_0000)
  /** As it was sent, and folded. */
  readonly #sent: Buffer
  readonly #plain: Buffer
  #wrong = 0

  constructor(question: Question) {
    const o = {
      id: this.#id,
      typeCode: question.typeCode,
      wantsAuthentic: question.wantsAuthentic,
      edns: question.edns ? 'plain' : 'none',
    } as const
    this.query = encodeQuery({ ...o, name: randomCase(question.name) })
    this.#sent = questionOf(this.query, question)
    this.#plain = questionOf(encodeQuery({ ...o, name: question.name }), question)
  }

  /** Undefined for what is to be passed over. Throws QueryFailure where waiting on makes no sense. */
  read(bytes: Buffer): Message | undefined {
    // Before anything is read of it: most of what is forged has a wrong id.
    if (bytes.length >= 2 && bytes.readUInt16BE(0) === this.#id) {
      const message = this.#decode(bytes)
      if (message !== undefined) return message
    }
    if (++this.#wrong >= mostWrongAnswers)
      throw new QueryFailure('forged', `${mostWrongAnswers} answers to something else`)
    return undefined
  }

  #decode(bytes: Buffer): Message | undefined {
    const place = bytes.subarray(headerBytes, headerBytes + this.#sent.length)
    const isExact = place.equals(this.#sent)
    // Names in records point into the question: they are not to have its random case.
    if (isExact) place.set(this.#plain)
    const message = decodeAnswer(bytes)
    if (!isAnswerTo(message, this.#id, this.#plain, 'anyCase')) return undefined
    if (isExact || message.question.length === 0) return message
    throw new QueryFailure('forged', 'the answer has the name in another case')
  }
}

/** Lengths of labels are below any letter, so all octets may be looked at. */
function randomCase(name: Buffer): Buffer {
  const random = randomBytes(name.length)
  return Buffer.from(name.map((c, i) => (c >= 0x61 && c <= 0x7a && random[i]! & 1 ? c ^ 0x20 : c)))
}
