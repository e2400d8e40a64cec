/**
 * Replies as the bytes that are sent: made once where the text never changes. Every line of a 2xx, 4xx or
 * 5xx reply begins with the enhanced code, apart from the greeting and the answers to HELO, EHLO and LHLO
 * (RFC 2034 §4); 3xx replies have none. No line is longer than 512 octets (RFC 5321 §4.5.3.1.5), whatever
 * text it is given, and no text can end its line.
 */

/** One or several complete reply lines, each with CRLF. Never changed after it was made. */
export type Reply = Buffer

const longestLine = 510

const printable = (text: string): string => {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c < 0x20 || c === 0x7f) return text.replaceAll(/[\x00-\x1f\x7f]/g, ' ')
  }
  return text
}

const cut = (line: string): string => (line.length > longestLine ? line.slice(0, longestLine) : line)

/** `enhanced` is the code of RFC 3463 such as `5.1.1`, or empty where the reply has none. Text is ASCII. */
export function reply(code: number, enhanced: string, ...lines: readonly string[]): Reply {
  const start = enhanced === '' ? '' : `${enhanced} `
  const last = lines.length - 1
  let all = ''
  for (const [i, line] of lines.entries()) {
    all += `${cut(`${code}${i < last ? '-' : ' '}${start}${printable(line)}`)}\r\n`
  }
  return Buffer.from(all, 'latin1')
}

const FIVE = 0x35
const TWO = 0x32

export const isRejection = (answer: Reply): boolean => answer[0] === FIVE
export const isPositive = (answer: Reply): boolean => answer[0] === TWO

/** The first line without its line end, for the log. */
export const replyText = (answer: Reply): string => answer.toString('latin1', 0, answer.indexOf(0x0d))
