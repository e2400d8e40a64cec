/** Messages as clients send them: with CRLF, made from what the test says, the same bytes every time. */

export interface SampleOptions {
  readonly subject?: string
  readonly from?: string
  readonly to?: string
  readonly number?: number
  readonly body?: string
}

/** RFC 5322 text; the subject and the body may be UTF-8. */
export function sample(o: SampleOptions = {}): Buffer {
  const number = o.number ?? 1
  const day = String((number % 28) + 1).padStart(2, '0')
  const lines = [
    `From: Somebody <${o.from ?? 'somebody@example.net'}>`,
    `To: <${o.to ?? 'alice@example.org'}>`,
    `Subject: ${o.subject ?? `message ${number}`}`,
    `Date: ${day} Jan 2024 10:00:00 +0100`,
    `Message-ID: <sample-${number}@example.net>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    o.body ??
      `The text of message ${number}.\r\n.\r\n..two dots, and a line that begins like From\r\nFrom here on\r\n`,
  ]
  return Buffer.from(lines.join('\r\n'))
}

/** A message of about that size, in lines of base64 that are all different. */
export function largeSample(bytes: number, o: SampleOptions = {}): Buffer {
  const line = (number: number): string => number.toString(36).padStart(8, 'x').repeat(9) + '\r\n'
  const lines: string[] = []
  for (let number = 0, size = 0; size < bytes; number++) {
    const one = line(number)
    lines.push(one)
    size += one.length
  }
  return sample({ ...o, body: lines.join('') })
}
