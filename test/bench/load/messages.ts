/**
 * Messages as people get them, made up: always the same for the same number, so every server under test reads
 * the same mail. Plain text, HTML alternatives, attachments, replies, lists; RFC 5322 with CRLF, 7 bits, no
 * line that starts with a dot. In `mailboxMessage` sizes vary around 7 KB; `Template` has one exact size and
 * places to stamp a number on, because a server that stores equal messages once must not profit from that here.
 */
import { Random } from '../../harness/random.ts'

const words =
  'about after again agenda answer archive autumn balance before better board budget build calendar change chapter city claim coffee contract cost customer data deadline delay delivery design detail draft early effort engine estimate evening example export factory feature figure final follow garden general ground growth harbour heavy history house idea image invoice island journey kitchen language laptop later letter level library list machine manager market matter meeting member minute mirror modern morning mountain network never notice number office open order paper partner people phone picture plan plenty point present price problem process product project proposal quality quarter question quick quiet rather ready reason recent record region release report request result review river round sample school season second section server service short signal simple single sister small source speech spring station status still stone story street summer supply support system table target team ticket today tomorrow topic total travel tunnel under update useful value version village visit water weather week welcome window winter wonder work writing yellow'.split(
    ' ',
  )
const firstNames =
  'Anna Ben Carla David Elif Frank Grace Hanna Ivan Julia Karl Lena Mehmet Nora Olga Paul'.split(' ')
const lastNames =
  'Archer Baker Costa Diaz Evans Fischer Garcia Huber Ito Jansen Keller Lopez Meyer Novak'.split(' ')
/** Names and words in other scripts, as encoded words (RFC 2047). */
const encodedNames = ['=?utf-8?Q?J=C3=BCrgen_M=C3=BCller?=', '=?iso-8859-1?Q?Ren=E9e_Lef=E8vre?=']
const encodedSubjects = ['=?utf-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?=', '=?utf-8?Q?=C3=9Cbersicht_f=C3=BCr?=']
const domains = ['example.com', 'example.net', 'mail.example.org', 'lists.example.org', 'shop.example']
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
const firstDateMs = Date.UTC(2024, 0, 1)
const minutesApart = 53

/** The words that the SEARCH workloads look for. `rare` stands in the text of one message in 500. */
export const searchWords = { subject: 'harbour', from: 'fischer', rare: 'zirconium' } as const

/** Date of message `number`; at most two years of mail, then it starts again. RFC 5322 §3.3. */
function dateLine(number: number): string {
  const date = new Date(firstDateMs + (number % 20_000) * minutesApart * 60_000)
  const two = (value: number) => String(value).padStart(2, '0')
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  const day = `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`
  return `${weekdays[date.getUTCDay()]}, ${day} ${time} +0000`
}

function sentence(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.pick(words)).join(' ')
}

/** About `bytes` of text in lines of 60 to 76 characters, each ending in CRLF. */
function textLines(random: Random, bytes: number): string {
  const lines: string[] = []
  for (let length = 0; length < bytes; length += lines.at(-1)!.length) {
    lines.push(`${sentence(random, 9).slice(0, 74)}\r\n`)
    if (random.chance(0.12)) lines.push('\r\n')
  }
  return lines.join('')
}

function person(random: Random): { readonly shown: string; readonly address: string } {
  const first = random.pick(firstNames)
  const last = random.pick(lastNames)
  const address = `${first}.${last}@${random.pick(domains)}`.toLowerCase()
  if (random.chance(0.08)) return { shown: `${random.pick(encodedNames)} <${address}>`, address }
  if (random.chance(0.15)) return { shown: address, address }
  return {
    shown: random.chance(0.3) ? `"${last}, ${first}" <${address}>` : `${first} ${last} <${address}>`,
    address,
  }
}

function people(random: Random, most: number): string {
  return Array.from({ length: 1 + random.below(most) }, () => person(random).shown).join(',\r\n\t')
}

const stampDigits = 12
const stampHere = '#'.repeat(stampDigits)
const idHeader = 'Message-ID: <'

function digitsOf(number: number): string {
  return number.toString(16).padStart(stampDigits, '0')
}

function messageId(number: number): string {
  return `<${digitsOf(number)}@mail.example.org>`
}

/** Gives a message of `mailboxMessage` another Message-ID, in place. */
export function stampMessageId(message: Buffer, number: number): void {
  message.write(digitsOf(number), message.indexOf(idHeader) + idHeader.length, 'latin1')
}

function headerLines(random: Random, number: number, subject: string): string[] {
  const from = person(random)
  const date = dateLine(number)
  const lines = [
    `Received: from mx${random.below(9)}.example.org (mx.example.org [192.0.2.${random.below(250)}])`,
    `\tby mail.example.net with ESMTPS id ${random.uint32().toString(36)};`,
    `\t${date}`,
  ]
  if (random.chance(0.6)) {
    lines.push(
      'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;',
      '\th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;',
      ...random
        .bytes(192)
        .toString('base64')
        .match(/.{1,64}/g)!
        .map((line, at) => `\t${at === 0 ? 'b=' : ''}${line}`),
    )
  }
  lines.push(`From: ${from.shown}`, `To: ${people(random, 3)}`)
  if (random.chance(0.25)) lines.push(`Cc: ${people(random, 4)}`)
  if (random.chance(0.1)) lines.push(`Reply-To: ${from.address}`)
  lines.push(`Subject: ${subject}`, `Date: ${date}`, `Message-ID: ${messageId(number)}`)
  if (number > 10 && random.chance(0.45)) {
    const parent = number - 1 - random.below(10)
    lines.push(
      `In-Reply-To: ${messageId(parent)}`,
      `References: ${messageId(parent - 1)}\r\n\t${messageId(parent)}`,
    )
  }
  if (random.chance(0.2)) {
    lines.push('List-Id: <team.lists.example.org>', 'List-Unsubscribe: <mailto:leave@lists.example.org>')
  }
  lines.push('MIME-Version: 1.0', `User-Agent: Example Mail ${1 + random.below(9)}.${random.below(10)}`)
  return lines
}

function plainPart(text: string): string {
  return `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${text}`
}

function htmlPart(random: Random, bytes: number): string {
  const lines: string[] = []
  for (let length = 0; length < bytes; length += lines.at(-1)!.length) {
    lines.push(`<p style=3D"margin:0">${sentence(random, 6)}</p>=\r\n`)
  }
  return `Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body>=\r\n${lines.join('')}</body></html>\r\n`
}

function attachment(random: Random, bytes: number): string {
  const [type, ending] = random.pick([
    ['application/pdf', 'pdf'],
    ['image/png', 'png'],
    ['application/zip', 'zip'],
  ] as const)
  const name = `${random.pick(words)}-${random.pick(words)}.${ending}`
  const data = random.bytes(Math.ceil((bytes * 3) / 4)).toString('base64')
  return `Content-Type: ${type}; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${data.replace(/.{1,76}/g, '$&\r\n')}`
}

function multipart(kind: string, boundary: string, parts: readonly string[]): string {
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${body}--${boundary}--\r\n`
}

function alternativePart(random: Random, boundary: string, bytes: number, text: string): string {
  return multipart('alternative', boundary, [plainPart(text), htmlPart(random, bytes)])
}

/** Message `number` of a mailbox, ready for APPEND. */
export function mailboxMessage(number: number): Buffer {
  const random = new Random(number * 2_654_435_761)
  const reply = random.chance(0.4) ? 'Re: ' : ''
  const encoded = random.chance(0.08) ? `${random.pick(encodedSubjects)} ` : ''
  const head = headerLines(random, number, `${reply}${encoded}${sentence(random, 2 + random.below(6))}`)
  const rare = number % 500 === 0 ? `${searchWords.rare} stands here\r\n` : ''
  const text = rare + textLines(random, 300 + random.below(2600))
  const boundary = `=_${random.uint32().toString(16)}`
  const kind = random.below(100)
  let body = plainPart(text)
  if (kind >= 25) body = alternativePart(random, boundary, 800 + random.below(4600), text)
  if (kind >= 85)
    body = multipart('mixed', `${boundary}_m`, [body, attachment(random, 2000 + random.below(19_000))])
  return Buffer.from(`${head.join('\r\n')}\r\n${body}`, 'latin1')
}

/** A message of exactly `sizeBytes`, followed by the line with the dot that ends it in SMTP (RFC 5321 §4.1.1.4). */
export class Template {
  readonly sizeBytes: number
  readonly withDot: Buffer
  readonly #stamps: readonly number[]

  /** `sizeBytes` must leave room for header and parts: at least 3,000. */
  constructor(seed: number, sizeBytes: number) {
    const random = new Random(seed)
    const head = headerLines(random, 1 + random.below(10), `${sentence(random, 4)} ${stampHere}`)
      .map((line) => (line.startsWith(idHeader) ? `${idHeader}${stampHere}@mail.example.org>` : line))
      .join('\r\n')
    const boundary = `=_${random.uint32().toString(16)}`
    const text = `Reference ${stampHere}\r\n${textLines(random, Math.min(sizeBytes / 4, 3000))}`
    const tail = `\r\n--${boundary}--\r\n`
    const parts = [plainPart(text)]
    if (sizeBytes > 20_000) parts.push(attachment(random, sizeBytes / 3))
    const opening = `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`
    const start = `${head}\r\n${opening}${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}\r\n`
    const last = 'Content-Type: text/html; charset=utf-8\r\n\r\n'
    const room = sizeBytes - start.length - last.length - tail.length
    if (room < 10) throw new RangeError(`A template of ${sizeBytes} bytes has no room for its parts`)
    this.sizeBytes = sizeBytes
    this.withDot = Buffer.from(`${start}${last}${filling(random, room)}${tail}.\r\n`, 'latin1')
    this.#stamps = positionsOf(this.withDot, stampHere)
  }

  /** Makes it message `number`: in Message-ID, subject and text, in place. */
  stamp(number: number): void {
    const digits = digitsOf(number)
    for (const at of this.#stamps) this.withDot.write(digits, at, 'latin1')
  }
}

/** Exactly `bytes` of lines. */
function filling(random: Random, bytes: number): string {
  const text = textLines(random, bytes).slice(0, bytes - 2)
  // A cut may leave half a line end, or a bare one that would make a blank line.
  return `${text.replace(/\r$/, 'x')}\r\n`
}

function positionsOf(bytes: Buffer, text: string): readonly number[] {
  const found: number[] = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) found.push(at)
  return found
}
