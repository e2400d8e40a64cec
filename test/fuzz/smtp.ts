/**
 * Fuzz targets of `src/smtp`: the command line with its grammars, and mail data against a simple model of
 * RFC 5321 §4.5.2. What a target throws is a find.
 */
import assert from 'node:assert/strict'
import { SyntaxFault } from '#base/fault.ts'
import { readCommandLine } from '#smtp/command.ts'
import { LineEndCheck } from '#message/line-ends.ts'
import { DataStream } from '#smtp/data-stream.ts'
import { reply } from '#smtp/reply.ts'
import { findCommand } from '#smtp/server/registry.ts'
import { ReplyReader, replyText, type ServerReply } from '#smtp/client/reply-reader.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** The first byte chooses a command, so that its grammar is reached; 0 takes the line as it is. */
const starts = [
  '',
  'MAIL FROM:',
  'RCPT TO:',
  'EHLO ',
  'BDAT ',
  'AUTH ',
  'VRFY ',
  'MAIL FROM:<a@b> ',
  'STARTTLS',
  'LHLO ',
]

function commandLine(bytes: Uint8Array): void {
  const start = starts[(bytes[0] ?? 0) % starts.length]!
  const line = Buffer.concat([Buffer.from(start), bytes.subarray(1)])
  try {
    const { verb, argument } = readCommandLine(line)
    assert.match(verb, /^[A-Z]*$/)
    const command = findCommand(start === 'LHLO ' ? 'lmtp' : 'smtp', verb)
    command?.parse(argument)
    assert.ok(argument.at >= 0 && argument.at <= line.length)
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
  }
}

interface Read {
  readonly content: string
  readonly rest: string | undefined
  readonly isBare: boolean
}

function readData(data: Buffer, step: number): Read {
  const stream = new DataStream()
  const content: Buffer[] = []
  for (let at = 0; at < data.length; at += step) {
    stream.feed(data.subarray(at, at + step))
    let found = stream.next()
    for (; found === 'piece'; found = stream.next()) content.push(Buffer.from(stream.piece))
    if (found === 'end') {
      const rest = latin1(data.subarray(at + stream.position))
      return { content: latin1(Buffer.concat(content)), rest, isBare: stream.hasBareLineEnd }
    }
  }
  return { content: latin1(Buffer.concat(content)), rest: undefined, isBare: stream.hasBareLineEnd }
}

/** The first byte says how the data is split. Line ends are made likely. */
function mailData(bytes: Uint8Array): void {
  const text = latin1(bytes.subarray(1)).replaceAll('~', '\r\n').replaceAll('|', '\r\n.')
  const data = Buffer.from(text, 'latin1')
  const read = readData(data, ((bytes[0] ?? 0) % 32) + 1)
  assert.deepEqual(read, readData(data, data.length + 1))
  const whole = `\r\n${text}`
  const end = whole.indexOf('\r\n.\r\n')
  assert.equal(read.rest, end < 0 ? undefined : whole.slice(end + 5))
  if (end < 0) return
  const body = whole.slice(0, end + 2)
  assert.equal(read.content, body.replaceAll('\r\n.', '\r\n').slice(2))
  assert.equal(read.isBare, /[\r\n]/.test(body.replaceAll('\r\n', '')))
}

function countedData(bytes: Uint8Array): void {
  const check = new LineEndCheck()
  const step = ((bytes[0] ?? 0) % 32) + 1
  const data = Buffer.from(latin1(bytes.subarray(1)).replaceAll('~', '\r\n'), 'latin1')
  for (let at = 0; at < data.length; at += step) check.push(data.subarray(at, at + step))
  assert.equal(check.hasBareLineEnd, /[\r\n]/.test(latin1(data).replaceAll('\r\n', '')))
}

/** No text gets out of its line. */
function replies(bytes: Uint8Array): void {
  const answer = latin1(reply(550, '5.0.0', latin1(bytes)))
  assert.match(answer, /^550 5\.0\.0 [^\x00-\x1f\x7f]*\r\n$/)
  assert.ok(answer.length <= 512)
}

/** What a server says, in pieces: its replies, and whether it is none at the end. */
function readServer(data: Buffer, step: number): { replies: readonly ServerReply[]; isWrong: boolean } {
  const reader = new ReplyReader()
  const found: ServerReply[] = []
  try {
    for (let at = 0; at < data.length; at += step) {
      reader.push(data.subarray(at, at + step))
      for (let one = reader.next(); one !== undefined; one = reader.next()) found.push(one)
      assert.ok(reader.pending <= 2048)
    }
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    return { replies: found, isWrong: true }
  }
  return { replies: found, isWrong: false }
}

/** The first byte says how it is split. Codes and line ends are made likely. */
function serverReplies(bytes: Uint8Array): void {
  const text = latin1(bytes.subarray(1)).replaceAll('~', '\r\n250-').replaceAll('|', '\r\n250 ')
  const data = Buffer.from(text, 'latin1')
  const read = readServer(data, ((bytes[0] ?? 0) % 32) + 1)
  assert.deepEqual(read, readServer(data, data.length + 1))
  for (const one of read.replies) {
    assert.ok(one.code >= 200 && one.code < 600 && one.lines.length <= 200)
    assert.doesNotMatch(replyText(one), /[\x00-\x1f\x7f]/)
  }
}

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void
}[] = [
  { name: 'smtp command line', parser: 'SMTP commands', run: commandLine },
  { name: 'smtp replies', parser: 'SMTP commands', run: replies },
  { name: 'smtp mail data', parser: 'SMTP data', run: mailData },
  { name: 'smtp server replies', parser: 'SMTP replies', run: serverReplies },
  { name: 'smtp counted data', parser: 'SMTP data', run: countedData },
]
