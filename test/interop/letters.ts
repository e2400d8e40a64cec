/**
 * Messages of all kinds for the exchange with other servers, each with its envelope. Contents and envelopes
 * change at steps that have no common divisor, so that all meet. Lines end with CRLF and have at most the 998
 * octets that everybody must take (RFC 5321 §4.5.3.1.6); what has 8 bits says so.
 */
import type { Ability } from './peers/peer.ts'

export interface Letter {
  readonly messageId: string
  /** Empty: the null reverse-path. */
  readonly from: string
  readonly to: readonly string[]
  /** With the space before them; the same ones for each recipient. */
  readonly mailParameters: string
  readonly rcptParameters: string
  readonly bytes: Buffer
}

/** From one server to another, by their domains. Those who write and read are `users`, on both. */
export interface Way {
  readonly from: string
  readonly to: string
  readonly lacks: readonly Ability[]
}

/** Names before the @. With a detail (`alice+1`) the first leads to a copy of its own. */
export const users = { plain: 'alice', quoted: '"alice+a \\"b\\" @ c"', utf8: 'älice' } as const

/** `\n` stands for CRLF. */
interface Content {
  readonly header?: string
  readonly body: string | Buffer
  readonly needs?: Ability
}

const mime = 'MIME-Version: 1.0\n'
const as8bit = `${mime}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n`
/** What a message may have in a line: not NUL, CR and LF. */
const octets = Buffer.from(
  [...Array(256).keys()].filter((octet) => octet !== 0 && octet !== 10 && octet !== 13),
)

function attachment(n: number, size: number): Content {
  const bytes = Buffer.alloc(size, `attachment ${n} `)
  const encoded = bytes.toString('base64').replace(/.{76}/g, '$&\n')
  return {
    header: `${mime}Content-Type: multipart/mixed; boundary="=_b"\n`,
    body: `preamble\n--=_b\n\ntext ${n}\n--=_b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="a.bin"\n\n${encoded}\n--=_b--\nepilogue\n`,
  }
}

const contents: readonly ((n: number) => Content)[] = [
  (n) => ({ body: `plain text ${n}\n` }),
  (n) => ({ body: `.\n..\n.dots ${n}\n\n.\n` }),
  () => ({ body: '' }),
  (n) => ({ header: as8bit, body: `Grüße, 你好 ${n}\n` }),
  (n) => ({ body: `${`${n} `.padEnd(998, 'long ')}\n`.repeat(3) }),
  () => ({ body: `${'.'.repeat(998)}\n.${'x'.repeat(997)}\n${'x'.repeat(997)}.\n`.repeat(20) }),
  (n) => ({ header: 'X-Folded: one\n\ttwo\n  three\n', body: `trailing blanks ${n} \t\n\n\n` }),
  (n) => attachment(n, 30_000),
  (n) => ({ header: `X-Name: Grüße ${n}\n`, body: 'a header in UTF-8\n', needs: 'utf8' }),
  (n) => ({ body: `From here\nFrom ${n} there\n>From\n\nFrom\n` }),
  (n) => attachment(n, 1_000_000),
  (n) => ({
    header: `${`X-Long: ${n} `.padEnd(998, 'x')}\nReferences:${`\n <${n}.and.others@example.org>`.repeat(60)}\n`,
    body: 'a long header\n',
  }),
  () => ({
    header: as8bit.replace('utf-8', 'x-unknown'),
    body: Buffer.concat([octets, Buffer.from('\r\n'), octets.toReversed(), Buffer.from('\r\n')]),
  }),
]

type Envelope = Pick<Letter, 'from' | 'to' | 'mailParameters' | 'rcptParameters'> & {
  readonly needs?: Ability
}

const envelopes: readonly ((n: number, way: Way) => Envelope)[] = [
  (_n, way) => between(way, users.plain),
  (_n, way) => ({ ...between(way, users.plain), from: '' }),
  (n, way) => ({
    ...between(way, users.plain),
    mailParameters: ` RET=HDRS ENVID=letter+2B${n}`,
    rcptParameters: ` NOTIFY=FAILURE,DELAY ORCPT=rfc822;first+2B${n}@elsewhere.example`,
  }),
  (n, way) => ({
    ...between(way, users.plain),
    // RFC 5321 §4.5.3.1.8: so many must be possible.
    to: Array.from({ length: n === 3 ? 100 : 4 }, (_, i) => `${users.plain}+${i}@${way.to}`),
  }),
  (_n, way) => ({ ...between(way, users.quoted), needs: 'quoted' }),
  (_n, way) => ({ ...between(way, users.utf8), needs: 'utf8' }),
]

const between = ({ from, to }: Way, user: string): Envelope => ({
  from: `${user}@${from}`,
  to: [`${user}@${to}`],
  mailParameters: '',
  rcptParameters: ' NOTIFY=NEVER',
})

/** The same for the same number. What the way lacks an ability for is plain. */
export function letter(n: number, way: Way): Letter {
  const [content, envelope] = chosen(n, way)
  const { needs, ...path } = envelope
  const messageId = `<letter-${n}@${way.from}>`
  const fixed = `From: Alice <${users.plain}@${way.from}>\nTo: Alice <${users.plain}@${way.to}>\nSubject: letter ${n}\nDate: Sat, 28 Nov 2026 10:00:00 +0000\nMessage-ID: ${messageId}\n`
  const utf8 = [needs, content.needs].includes('utf8') ? ' SMTPUTF8' : ''
  return {
    messageId,
    ...path,
    mailParameters: ` BODY=8BITMIME${utf8}${path.mailParameters}`,
    bytes: Buffer.concat([
      withCrlf(`${fixed}${content.header ?? ''}\n`),
      typeof content.body === 'string' ? withCrlf(content.body) : content.body,
    ]),
  }
}

function chosen(n: number, way: Way): readonly [Content, Envelope] {
  const content = contents[n % contents.length]!(n)
  const envelope = envelopes[n % envelopes.length]!(n, way)
  const lacks = (needs: Ability | undefined): boolean => needs !== undefined && way.lacks.includes(needs)
  return [
    lacks(content.needs) ? contents[0]!(n) : content,
    lacks(envelope.needs) ? envelopes[0]!(n, way) : envelope,
  ]
}

const withCrlf = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'))
