/**
 * Test messages whose bytes follow from a key, so that whoever finds one can tell whether it is whole without
 * having kept it. Most are small, some do not fit in memory at the server and go through a file of their own.
 */
import { createHash } from 'node:crypto'

const marker = 'X-Load: '

/** The message of this key, always the same bytes. */
export function messageOf(key: string): Buffer {
  const hash = createHash('sha256').update(key).digest()
  const kind = hash[0]!
  const bodyBytes =
    kind < 6 ? 90_000 + hash[1]! * 100 : kind < 60 ? 12_000 + hash[1]! * 30 : 200 + hash[1]! * 8
  const head =
    `From: load@sender.example\r\nTo: users@example.org\r\nSubject: message ${key}\r\n` +
    `Date: Sat, 21 Nov 2026 05:00:00 +0000\r\nMessage-ID: <${key}@sender.example>\r\n${marker}${key}\r\n\r\n`
  const line = `${hash.toString('base64')} ${key} `.repeat(2).slice(0, 76)
  return Buffer.from(head + `${line}\r\n`.repeat(Math.ceil(bodyBytes / 78)), 'latin1')
}

/** The key of a message, or of its header; undefined where it is none of ours. */
export function keyOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const start = text.indexOf(marker)
  if (start < 0 || (start > 0 && text[start - 1] !== 0x0a)) return undefined
  return text.toString('latin1', start + marker.length, text.indexOf('\r', start))
}

/** What the server may put before a message that it delivers. */
const addedFields = /^(Return-Path|Delivered-To|Authentication-Results|Received-SPF|Received):/i

/** What is wrong with stored bytes that should be the message of this key; undefined where they are right. */
export function damageOf(key: string, bytes: Uint8Array): string | undefined {
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const whole = messageOf(key)
  const prefixBytes = stored.length - whole.length
  if (prefixBytes < 0) return `${-prefixBytes} bytes are missing`
  if (!stored.subarray(prefixBytes).equals(whole)) return 'the bytes differ'
  const lines = stored.toString('latin1', 0, prefixBytes).split('\r\n')
  if (lines.pop() !== '') return 'the prefix does not end a line'
  const strange = lines.find((line) => !addedFields.test(line) && !/^[ \t]/.test(line))
  return strange === undefined ? undefined : `the prefix has the line ${JSON.stringify(strange)}`
}
