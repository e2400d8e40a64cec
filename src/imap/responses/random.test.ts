/**
 * Long random sessions of two users, one of whom shares mailboxes, with everything that commands can ask for: all that
 * is answered is responses as the grammars have them (`grammar.test.ts` reads it), and nothing is a defect.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { Random } from '../../../test/harness/random.ts'
import { ImapTestServer } from '../fixture.test.ts'
import { assertResponses } from './grammar.test.ts'

const names = [
  'INBOX',
  'inbox/Sub',
  'Sent',
  'Trash',
  'a',
  'a/b',
  'a/b/c',
  '"b \\"q\\" \\\\"',
  '"]x["',
  '"(par)"',
  '"&AOQ-"',
  '"&ZeVnLIqe-/x"',
  '"&-"',
  '"{5}"',
  'NIL',
  '"NIL"',
  '"%41"',
  '""',
  '"Other Users/fred@example.org/a"',
  '"Other Users/fred@example.org/INBOX"',
  '"Other Users"',
  '"Shared Folders/team@example.org/INBOX"',
  '"Shared Folders/team@example.org/x"',
  '"\u00c3\u00a4"',
  '"a\u0001b"',
  '~x',
  '#news',
]
const sets = ['1', '1:*', '*', '2:1', '3', '1,3', '*:2', '999', '$', '4294967295', '1:2,2:3']
const flags = [
  '\\Seen',
  '\\Deleted',
  '\\Flagged',
  '$Junk',
  'work',
  '\\Answered',
  'x]y',
  '$Forwarded',
  '\\Draft',
]
const keys = [
  'ALL',
  'SEEN',
  'UNSEEN',
  'DELETED',
  '1:2',
  'UID 1:3',
  'SUBJECT "a"',
  'SUBJECT ""',
  'BODY "t"',
  'TEXT "x"',
  'FROM "b"',
  'NOT SEEN',
  'OR SEEN FLAGGED',
  'HEADER X-Odd ""',
  'HEADER Subject "\u00c3\u00a4"',
  'KEYWORD work',
  'LARGER 10',
  'YOUNGER 100',
  'OLDER 1',
  'SINCE 1-Jan-2020',
  'SENTON 1-Jan-2020',
  'MODSEQ 1',
  'MODSEQ "/flags/\\\\Seen" all 2',
  'EMAILID M1',
  'THREADID T1',
  'SAVEDSINCE 1-Jan-2020',
  'SAVEDATESUPPORTED',
  'FUZZY SUBJECT "hello"',
  'FUZZY BODY "text"',
  'FILTER mine',
  'FILTER none',
  '$',
  'CHARSET ISO-8859-1 SUBJECT "a"',
  'CHARSET X-NONE SUBJECT "a"',
  '(SEEN UNDELETED)',
]
const returns = [
  'MIN',
  'MAX',
  'ALL',
  'COUNT',
  'SAVE',
  'PARTIAL 1:2',
  'PARTIAL -1:-2',
  'PARTIAL 900:950',
  'UPDATE',
  'CONTEXT',
  'RELEVANCY',
  '',
]
const items = [
  'FLAGS',
  'UID',
  'ENVELOPE',
  'BODY',
  'BODYSTRUCTURE',
  'INTERNALDATE',
  'RFC822.SIZE',
  'MODSEQ',
  'EMAILID',
  'THREADID',
  'SAVEDATE',
  'PREVIEW',
  'PREVIEW (LAZY)',
  'BODY[]',
  'BODY.PEEK[]<0.5>',
  'BODY.PEEK[]<99999.5>',
  'BODY[HEADER]',
  'BODY[1]',
  'BODY.PEEK[1.MIME]',
  'BODY.PEEK[2.1]',
  'BODY[TEXT]<2.3>',
  'BODY.PEEK[1.HEADER]',
  'BODY.PEEK[9]',
  'BODY.PEEK[HEADER.FIELDS (Subject "x y" "]")]',
  'BODY.PEEK[HEADER.FIELDS.NOT (Subject To)]',
  'BODY.PEEK[HEADER.FIELDS ("a\\"b" {1+}\r\nz)]',
  'BODY.PEEK[2.HEADER.FIELDS (Subject)]',
  'BINARY.PEEK[1]',
  'BINARY[]',
  'BINARY.SIZE[1]',
  'BINARY.SIZE[2]',
  'BINARY.PEEK[1]<1.2>',
  'BINARY.PEEK[2]',
  'RFC822',
  'RFC822.HEADER',
  'RFC822.TEXT',
  'BINARY.SIZE[]',
  'BINARY.PEEK[9]',
]
const status =
  'MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE RECENT HIGHESTMODSEQ MAILBOXID APPENDLIMIT DELETED-STORAGE'.split(
    ' ',
  )
const listReturns = [
  'SUBSCRIBED',
  'CHILDREN',
  'SPECIAL-USE',
  'MYRIGHTS',
  'STATUS (MESSAGES SIZE MAILBOXID)',
  'METADATA (/shared/comment /private/comment)',
]
const entries = [
  '/private/comment',
  '/shared/comment',
  '/private/vendor/x/y',
  '/shared/vendor/z',
  '"/private/filters/values/mine"',
  '/private',
  '/shared/admin',
  '""',
  '/private/specialuse',
]
const events = [
  'MessageNew',
  'MessageExpunge',
  'FlagChange',
  'MailboxName',
  'SubscriptionChange',
  'MailboxMetadataChange',
  'ServerMetadataChange',
]
const places = [
  'selected',
  'selected-delayed',
  'inboxes',
  'personal',
  'subscribed',
  'subtree a',
  'mailboxes (a INBOX)',
  'mailboxes "Other Users/fred@example.org/a"',
]

/** Odd in what servers have to say of them. */
const messages = [
  'Subject: a\r\n\r\ntext',
  '',
  '\r\n',
  'Subject: =?utf-8?q?=C3=A4_=22quoted=22?= \\ "x"\r\nFrom: "a \\" \\\\ b" <a@b>, undisclosed: x@y, z;, <@r,@s:t@u>, broken\r\nTo: ;\r\nCc: (c)\r\n\r\nx',
  'Subject: \xe4\xf6 raw\r\nFrom: \xe4 <a\xe4@b>\r\nTo: "\r\nDate: \xff\r\nMessage-ID: \xfe\r\n\r\n\xff\x00\xfe',
  'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx\r\n--b--\r\n',
  'Content-Type: multipart/mixed; boundary=b; x="\\"\\\\"; y*=utf-8\'\'%e4%f6; z*0=a; z*1=b\r\nContent-Language: de, en,,\r\nContent-Location: x y\r\n\r\n',
  'Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=x-none; format\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="\xe4\\"x"\r\nContent-MD5: x"y\r\n\r\nAAECA\xff==\r\n--b\r\nContent-Type: /\r\nContent-Transfer-Encoding: x-own\r\nContent-ID: <"\\>\r\n\r\nx',
  'Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp4',
  'Content-Type: message/global\r\n\r\nSubject: \xc3\xa4\r\n\r\n\xc3\xa4',
  'Content-Type: message/partial; id="a"\r\n\r\nx',
  `Subject: ${'long '.repeat(400)}\r\nX-Odd: \r\n\tfold\r\n ${'x'.repeat(2000)}\r\n\r\n${'z'.repeat(3000)}`,
  'Content-Type: text/html; charset=utf-8\r\n\r\n<p>\xc3\xa4 \xf0\x9f\x98\x80 & &lt;b&gt;</p>\x00',
  'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n----\r\n',
]

class Player {
  readonly #server: ImapTestServer
  readonly #name: string
  readonly #random: Random
  #client: Conversation | undefined
  #tag = 0

  constructor(server: ImapTestServer, name: string, random: Random) {
    this.#server = server
    this.#name = name
    this.#random = random
  }

  #some(list: readonly string[], most = 3): string {
    return this.#random.some(list, 1 + this.#random.below(most)).join(' ')
  }

  async play(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const answer = await this.#ask(this.#command())
      if (answer.endsWith('BAD Select a mailbox first'))
        await this.#ask(`SELECT ${this.#random.pick(['INBOX', 'a', 'INBOX'])}`)
    }
  }

  /** The last line of the answer. */
  async #ask(command: string): Promise<string> {
    this.#client ??= await this.#server.signedIn(this.#name)
    const tag = `t${++this.#tag}`
    this.#client.sendRaw(`${tag} ${command}\r\n${command === 'IDLE' ? 'DONE\r\n' : ''}`)
    const answer = (await this.#client.until(new RegExp(`^(?:${tag} (?:OK|NO|BAD)|\\* BYE) `))).at(-1)!
    // The mailbox is gone, or may not be read any more.
    if (answer.startsWith('* BYE')) this.#client = undefined
    return answer
  }

  #command(): string {
    const r = this.#random
    const name = (): string => r.pick(names)
    const uid = r.chance(0.5) ? 'UID ' : ''
    const set = (): string => r.pick(sets)
    const ret = (): string => (r.chance(0.7) ? ` RETURN (${this.#some(returns).trim()})` : '')
    const message = (): string => {
      const text = r.pick(messages)
      return text.includes('\x00') ? `~{${text.length}+}\r\n${text}` : `{${text.length}+}\r\n${text}`
    }
    const made: readonly (() => string)[] = [
      () =>
        `${r.pick(['SELECT', 'EXAMINE'])} ${name()}${r.pick(['', ' (CONDSTORE)', ' (QRESYNC (1767225600 1))', ' (QRESYNC (1767225601 1 1:9))', ' (QRESYNC (1767225600 2 1:9 (1 1)))'])}`,
      () => `SELECT ${r.pick(['INBOX', 'a', '"Other Users/fred@example.org/a"'])}`,
      () =>
        `CREATE ${name()}${r.pick(['', '', ' (USE (\\Archive))', ' (USE (\\Memos))', ' (USE (\\None))'])}`,
      () => `RENAME ${name()} ${name()}`,
      () => `DELETE ${name()}`,
      () => `${r.pick(['SUBSCRIBE', 'UNSUBSCRIBE'])} ${name()}`,
      () => `LIST "" ${r.pick(['*', '%', '""', 'INBOX', '"a%"', '"%/%"', '"Other Users/*"'])}`,
      () =>
        `LIST ${r.pick(['', '(SUBSCRIBED) ', '(SUBSCRIBED RECURSIVEMATCH) ', '(SPECIAL-USE) ', '(REMOTE SUBSCRIBED) ', '() '])}"" ${r.pick(['*', '%', '(a "a/%" INBOX)'])} RETURN (${this.#some(listReturns)})`,
      () => `LSUB "" ${r.pick(['*', '%', '"a/%"'])}`,
      () => `STATUS ${name()} (${this.#some(status, 11)})`,
      () => `APPEND ${name()} (${this.#some(flags)}) ${message()}`,
      () => `APPEND ${r.pick(['INBOX', 'a'])} ${message()}`,
      () => `APPEND INBOX (\\Seen) "01-Jan-2020 00:00:00 +0000" ${message()} ${message()}`,
      () => `APPEND INBOX CATENATE (URL "/INBOX/;UID=1" TEXT {2+}\r\nxy URL ";UID=1/;SECTION=TEXT")`,
      () => `${uid}REPLACE ${set()} ${r.pick(['INBOX', 'a'])} ${message()}`,
      () =>
        `${uid}FETCH ${set()} (${this.#some(items, 5)})${r.pick(['', '', ' (CHANGEDSINCE 1)', ' (CHANGEDSINCE 2 VANISHED)', ' (PARTIAL 1:2)'])}`,
      () => `${uid}FETCH 1:* (${this.#some(items, 5)})`,
      () => `${uid}FETCH 1:* ${r.pick(['ALL', 'FAST', 'FULL', 'BODYSTRUCTURE', 'ENVELOPE'])}`,
      () =>
        `${uid}STORE ${set()} ${r.pick(['', '(UNCHANGEDSINCE 2) ', '(UNCHANGEDSINCE 0) '])}${r.pick(['', '+', '-'])}FLAGS${r.pick(['', '.SILENT'])} (${this.#some(flags)})`,
      () => `${uid}SEARCH${ret()} ${this.#some(keys)}`,
      () =>
        `${uid}SORT${ret()} (${this.#some(['DATE', 'REVERSE SUBJECT', 'FROM', 'SIZE', 'ARRIVAL', 'DISPLAYFROM', 'REVERSE DISPLAYTO', 'CC', 'TO'])}) UTF-8 ${this.#some(keys)}`,
      () => `${uid}THREAD ${r.pick(['REFERENCES', 'ORDEREDSUBJECT'])} UTF-8 ${this.#some(keys)}`,
      () =>
        `ESEARCH${r.pick(['', ' IN (personal)', ' IN (selected)', ' IN (subtree (a "Other Users"))', ' IN (mailboxes (INBOX a) subtree-one a)', ' IN (inboxes subscribed)'])}${ret()} ${this.#some(keys)}`,
      () => `CANCELUPDATE "t${r.below(this.#tag + 1)}"`,
      () => `${uid}${r.pick(['COPY', 'MOVE'])} ${set()} ${name()}`,
      () => `EXPUNGE`,
      () => `UID EXPUNGE ${set()}`,
      () =>
        r.pick([
          'CLOSE',
          'UNSELECT',
          'NOOP',
          'CHECK',
          'CAPABILITY',
          'NAMESPACE',
          'IDLE',
          'ID NIL',
          'ID ("name" "x")',
          'GETJMAPACCESS',
          'UIDBATCHES 500',
          'UIDBATCHES 500 1:2',
          'UIDBATCHES 1',
        ]),
      () =>
        `SETMETADATA ${r.pick(['INBOX', 'a', '""'])} (${r.pick(entries)} ${r.pick(['"v"', 'NIL', '"SEEN"', '{2+}\r\n\xc3\xa4', '~{2+}\r\n\x00x', '""'])})`,
      () =>
        `GETMETADATA ${r.pick(['', '(DEPTH infinity) ', '(DEPTH 1 MAXSIZE 1) ', '(MAXSIZE 2) '])}${name()} (${this.#some(entries)})`,
      () =>
        `SETACL ${name()} ${r.pick(['anna@example.org', 'anyone', 'team@example.org', '-anna@example.org', 'nobody'])} ${r.pick(['lrswipkxtecda', '""', '+l', '-r', 'lr', 'lrq'])}`,
      () => `${r.pick(['GETACL', 'MYRIGHTS', 'GETQUOTAROOT'])} ${name()}`,
      () => `LISTRIGHTS ${name()} ${r.pick(['anyone', 'anna@example.org', 'nobody'])}`,
      () => `DELETEACL ${name()} anyone`,
      () => r.pick(['GETQUOTA ""', 'GETQUOTA "#user"', 'SETQUOTA "" (STORAGE 10)']),
      () =>
        `NOTIFY SET${r.pick(['', ' STATUS'])} (${r.pick(places)} ${r.pick(['NONE', `(${this.#some(events, 5)})`, '(MessageNew (UID FLAGS PREVIEW) MessageExpunge)', '(MessageNew MessageExpunge FlagChange)'])})`,
      () => 'NOTIFY NONE',
      () =>
        `GENURLAUTH "imap://fred%40example.org@mail.example.com/INBOX/;UID=1;URLAUTH=${r.pick(['anonymous', 'authuser', 'user+anna@example.org', 'submit+x'])}" INTERNAL`,
      () =>
        `URLFETCH ${r.pick(['"imap://x/"', '("imap://fred@x/INBOX/;UID=1;URLAUTH=anonymous:internal:00" BODY)', '{3+}\r\n\xff\xfe"'])}`,
      () => `RESETKEY ${r.pick(['', 'INBOX', 'INBOX INTERNAL'])}`.trimEnd(),
    ]
    if (r.chance(0.03))
      return `ENABLE ${this.#some(['CONDSTORE', 'QRESYNC', 'IMAP4rev2', 'UTF8=ACCEPT', 'X-NONE'])}`
    if (r.chance(0.003)) return 'ENABLE UIDONLY'
    return r.pick(made)()
  }
}

async function play(seed: number, steps: number): Promise<void> {
  await using server = await ImapTestServer.start({ maxBadCommands: 1_000_000, maxMessagesPerCommand: 1000 })
  const anna = await server.add(8, 'anna@example.org')
  const team = await server.add(9, 'team@example.org', { isGroup: true })
  anna.groups = [team.id]
  await server.share(1 as never, team.id, 'lrswipkxtea', team.id)
  const players: Player[] = []
  for (const [i, name] of ['fred@example.org', 'fred@example.org', 'anna@example.org'].entries())
    players.push(new Player(server, name, new Random(seed * 10 + i)))
  try {
    await Promise.all(players.map((one) => one.play(steps)))
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error })
  }
  const defects = server.told.filter(({ event }) => event === 'imap.error')
  assert.deepEqual(defects, [], `seed ${seed}`)
}

test('RFC 9051 §9 and the grammars of the extensions: all answers of random sessions', async () => {
  const first = Number(process.env['POSTERN_SEED'] ?? 1)
  const seeds = Number(process.env['POSTERN_SEEDS'] ?? 5)
  for (let seed = first; seed < first + seeds; seed++) await play(seed, 120)
})

test('RFC 9051 §9: what is no response is seen', () => {
  const wrong = [
    '* 1 FETCH (FLAGS (\\Seen)) \r\n',
    '* OK [UIDNEXT 0] x\r\n',
    'a OK \r\n',
    '* 2 EXISTS\r\n* 3 EXPUNGE\r\n',
    '* 2 EXISTS\r\n* 1 EXISTS\r\n',
    '* LIST (\\HasChildren \\HasNoChildren) "/" INBOX\r\n',
    '* LIST () "/" "&AOQ&AOQ-"\r\n',
    '* ESEARCH (TAG "a") ALL \r\n',
    '* VANISHED 1\r\n',
    'a OK [COPYUID 1 1:2 3] Done\r\n',
    '* ENABLED IMAP4rev2\r\n* 0 RECENT\r\n',
  ]
  for (const text of wrong) assert.throws(() => assertResponses(Buffer.from(text)), text)
  assertResponses(Buffer.from('* 2 EXISTS\r\n* 2 FETCH (BODY[] {3}\r\nabc UID 7)\r\na OK Done\r\n* 1 FET'))
})
