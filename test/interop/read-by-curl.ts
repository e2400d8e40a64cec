/** Looks into mailboxes with curl: what one client has changed, another must see. */
import { type Ran, run } from './program.ts'
import type { TestServer } from '../harness/server.ts'

export interface User {
  readonly name: string
  readonly password: string
}

export const alice: User = { name: 'alice@example.org', password: 'a password of Alice' }
export const bob: User = { name: 'bob@example.org', password: 'Bobs "own" \\ password' }

/** `path`: a mailbox as IMAP writes it, with what curl wants behind it: `INBOX;UID=1`. */
export function curlImap(
  server: Pick<TestServer, 'imapsPort'>,
  user: User,
  path: string,
  ...options: readonly string[]
): Promise<Ran> {
  const url = `imaps://127.0.0.1:${server.imapsPort}/${path}`
  const credentials = `${user.name}:${user.password}`
  return run('curl', [
    '--silent',
    '--show-error',
    '--insecure',
    '--user',
    credentials,
    '--url',
    url,
    ...options,
  ])
}

/** The untagged answers to a command given in the mailbox. */
export async function askMailbox(
  server: Pick<TestServer, 'imapsPort'>,
  user: User,
  mailbox: string,
  command: string,
): Promise<string> {
  const { stdout } = await curlImap(server, user, encodeURIComponent(mailbox), '--request', command)
  return stdout.toString('utf8')
}

/** All UIDs of the mailbox. */
export async function uidsOf(
  server: Pick<TestServer, 'imapsPort'>,
  user: User,
  mailbox = 'INBOX',
): Promise<readonly number[]> {
  const answer = await askMailbox(server, user, mailbox, 'UID SEARCH ALL')
  return (answer.match(/\d+/g) ?? []).map(Number)
}

/** The whole message as it is kept. */
export async function readMessage(
  server: Pick<TestServer, 'imapsPort'>,
  user: User,
  uid: number,
  mailbox = 'INBOX',
): Promise<Buffer> {
  const { stdout } = await curlImap(server, user, `${encodeURIComponent(mailbox)};UID=${uid}`)
  return stdout
}

/** The message without the trace fields that delivery put in front: what the sender's client sent. */
export function withoutTrace(message: Buffer): Buffer {
  let at = 0
  for (;;) {
    const name = /^[\w-]+(?=:)/.exec(message.toString('latin1', at, at + 80))?.[0]
    if (name === undefined || !traceFields.has(name)) return message.subarray(at)
    at = endOfField(message, at)
  }
}

const traceFields: ReadonlySet<string> = new Set([
  'Return-Path',
  'Delivered-To',
  'Authentication-Results',
  'Received-SPF',
  'Received',
])

function endOfField(message: Buffer, start: number): number {
  let end = start
  do {
    end = message.indexOf('\r\n', end) + 2
  } while (message[end] === 0x20 || message[end] === 0x09)
  return end
}
