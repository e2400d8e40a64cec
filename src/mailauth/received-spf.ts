/**
 * The Received-SPF field (RFC 7208 §9.1): the result of a check for programs that read the message later. What
 * must hold: whatever the client said, it is one field, of printable ASCII, in which every value is quoted or
 * needs no quotes; lines are folded at 78 characters where there is a space, and never reach 998.
 */
import { foldWords } from '#message/received.ts'
import { printable } from './printable.ts'
import type { SpfCheck, SpfQuestion } from './spf.ts'
import { formatIp } from '#base/ip.ts'

/** Twice as long where all of it is escaped, which still fits a line. */
const longestValue = 450

/** In place of what a name server is called and how it failed, which is for administrators alone. */
export const noAnswer = 'the DNS does not answer now'

/** "Received-SPF: pass (...) receiver=...\r\n". `asked` is what the check was made of. */
export function composeReceivedSpf(
  check: SpfCheck,
  asked: Pick<SpfQuestion, 'ip' | 'helo' | 'sender' | 'receiver'>,
): string {
  const { result, identity } = check
  const reason = result === 'temperror' ? noAnswer : check.reason
  const isError = result === 'temperror' || result === 'permerror'
  const decided = !isError && result !== 'none'
  const pairs: readonly (readonly [key: string, value: string | undefined])[] = [
    ['receiver', asked.receiver],
    ['client-ip', formatIp(asked.ip)],
    ['envelope-from', identity === 'mailfrom' ? asked.sender : undefined],
    ['helo', asked.helo],
    ['identity', identity],
    ['mechanism', decided ? (check.mechanism ?? 'default') : undefined],
    ['problem', isError ? reason : undefined],
  ]
  const written = pairs.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${valueText(value)}`]))
  const words = [result, ...comment(`${asked.receiver}: ${reason}`), ...written.join('; ').split(' ')]
  return `${foldWords('Received-SPF:', words)}\r\n`
}

const atext = "[\\w!#$%&'*+/=?^`{|}~-]+"
const dotAtom = new RegExp(`^${atext}(?:\\.${atext})*$`)

/** RFC 5322 §3.2.3, §3.2.4. */
function valueText(value: string): string {
  // Where a line is folded at a space, no other may follow: a line of spaces would end the header for some.
  const text = printable(value, longestValue).replace(/ +/g, ' ')
  return dotAtom.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** RFC 5322 §3.2.2, in words. */
const comment = (text: string): string[] =>
  `(${printable(text, longestValue)
    .replace(/[()\\]/g, '\\$&')
    .trim()})`.split(/ +/)
