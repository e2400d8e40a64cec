/**
 * What well-known mail programs say from sign-in to sign-out, in the forms that their makers' documents
 * ([MS-STANOIMAP] for Outlook) and public logs show. None may get anything but OK, and what a program is known to
 * rely on is looked at.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, ImapTestServer } from './fixture.test.ts'

/** A command without its tag, and what must be in its answer. */
type Line = string | readonly [said: string, heard: RegExp]

const letter = [
  'From: =?utf-8?q?J=C3=B6rg?= <joerg@example.net>',
  'To: fred@example.org',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Date: Mon, 01 Jan 2024 10:00:00 +0100',
  'Message-ID: <one@example.net>',
  'References: <zero@example.net>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: multipart/alternative; boundary=a',
  '',
  '--a',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=C3=BC=C3=9Fe',
  '--a',
  'Content-Type: text/html',
  '',
  '<p>x</p>',
  '--a--',
  '--b',
  'Content-Type: application/pdf',
  'Content-Disposition: attachment; filename=x.pdf',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERg==',
  '--b--',
  '',
].join('\n')

const login: Line = ['LOGIN "fred@example.org" "secret"', /^[\w.]+ OK \[CAPABILITY /m]
const plain = Buffer.from('\0fred@example.org\0secret').toString('base64')

const programs: readonly (readonly [
  name: string,
  tag: (number: number) => string,
  lines: readonly Line[],
])[] = [
  [
    'Thunderbird',
    (number) => `${number}`,
    [
      ['capability', /^\* CAPABILITY .*IDLE/m],
      `authenticate PLAIN ${plain}`,
      ['ID ("name" "Thunderbird" "version" "128.4.0")', /^\* ID \("name" "Postern"/m],
      'capability',
      'namespace',
      ['list (subscribed) "" "*" return (special-use)', /^\* LIST \([^)]*\\Sent[^)]*\) "\/" "Sent"/m],
      'lsub "" "*"',
      ['list "" "INBOX"', /^\* LIST \(.*\) "\/" INBOX/m],
      ['select "INBOX" (CONDSTORE)', /HIGHESTMODSEQ/],
      'getquotaroot "INBOX"',
      'myrights "INBOX"',
      'getacl "INBOX"',
      ['UID fetch 1:* (FLAGS)', /^\* 1 FETCH \(UID 1 FLAGS \(\)\)/m],
      'UID fetch 1:* (FLAGS) (CHANGEDSINCE 1)',
      // It takes an answer that does not begin with the UID for one about another message.
      [
        'UID fetch 1:2 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])',
        /^\* 1 FETCH \(UID 1 RFC822.SIZE \d+ FLAGS \(\) BODY\[HEADER.FIELDS \(From To /m,
      ],
      ['UID fetch 1 (UID RFC822.SIZE BODY.PEEK[])', /^\* 1 FETCH \(UID 1 RFC822.SIZE \d+ BODY\[\] \{/m],
      ['UID fetch 1 (BODYSTRUCTURE)', /^\* 1 FETCH \(UID 1 BODYSTRUCTURE \(/m],
      ['UID fetch 1 (BODY.PEEK[HEADER] BODY.PEEK[1.1.MIME] BODY.PEEK[1.1])', /Gr=C3=BC=C3=9Fe/],
      'UID fetch 1 (UID RFC822.SIZE BODY[]<0.32768>)',
      ['uid store 1 +Flags (\\Seen $label1 NonJunk)', /FLAGS \(\\Seen .*\$label1/],
      'uid store 1 -Flags (Junk)',
      'uid copy 1 "Archive"',
      ['uid move 2 "Trash"', /^\* OK \[COPYUID \d+ 2 1\]/m],
      'STATUS "Trash" (UIDNEXT MESSAGES UNSEEN RECENT)',
      'create "Sent/2024"',
      'subscribe "Sent/2024"',
      'rename "Sent/2024" "Sent/2025"',
      'unsubscribe "Sent/2025"',
      ['UID SEARCH UNDELETED HEADER Message-ID one@example.net', /^\* SEARCH 1$/m],
      ['search CHARSET UTF-8 UNDELETED FROM "J"', /^\* SEARCH 1$/m],
      'noop',
      'expunge',
      'close',
      ['logout', /^\* BYE/m],
    ],
  ],
  [
    'Mail of macOS',
    (number) => `${number}.1`,
    [
      'CAPABILITY',
      'ID ("name" "Mac OS X Mail" "version" "16.0 (3731.700.6)" "os" "Mac OS X" "os-version" "13.5.2 (22G91)" "vendor" "Apple Inc.")',
      login,
      'ENABLE CONDSTORE',
      ['SELECT INBOX', /^\* 2 EXISTS/m],
      ['FETCH 1:2 (FLAGS UID)', /^\* 1 FETCH \(FLAGS \(\) UID 1/m],
      ['LSUB "" *', /^\* LSUB .*INBOX/m],
      ['LIST "" *', /^\* LIST .*\\Drafts.*"Drafts"/m],
      'LIST "" ""',
      'GETQUOTAROOT INBOX',
      'STATUS Drafts (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)',
      'FETCH 1:* (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to cc message-id in-reply-to references content-type x-priority x-uniform-type-identifier x-universally-unique-identifier list-id list-unsubscribe)])',
      'UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)',
      'UID FETCH 1 (BODYSTRUCTURE BODY.PEEK[HEADER])',
      ['UID FETCH 1 BODY.PEEK[1.1]<0.20480>', /Gr=C3=BC=C3=9Fe/],
      'UID FETCH 1 (BODY.PEEK[2.MIME] BODY.PEEK[2])',
      ['UID STORE 1 +FLAGS.SILENT (\\Flagged $MailFlagBit0 $MailFlagBit2)', /./],
      ['UID FETCH 1 (FLAGS)', /\$MailFlagBit0 \$MailFlagBit2/],
      'UID STORE 1 FLAGS.SILENT (\\Seen)',
      'UID COPY 2 Trash',
      'UID STORE 2 +FLAGS.SILENT (\\Deleted)',
      'UID EXPUNGE 2',
      ['UID SEARCH UNDELETED SINCE 1-Jan-2020', /^\* SEARCH 1$/m],
      'CHECK',
      'CLOSE',
      'LOGOUT',
    ],
  ],
  [
    'Mail of iOS',
    (number) => `A${number}`,
    [
      'ID ("name" "com.apple.email.maild" "version" "3826.500.111" "os" "iOS" "os-version" "18.5 (22F76)" "vendor" "Apple Inc" "event" "periodic,push")',
      `AUTHENTICATE PLAIN ${plain}`,
      'CAPABILITY',
      'LIST "" "%" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ))',
      'SELECT INBOX (CONDSTORE)',
      ['UID SEARCH RETURN (ALL) 1:* NOT DELETED', /^\* ESEARCH \(TAG "A\d+"\) UID ALL 1:2$/m],
      'UID SEARCH RETURN (MIN MAX COUNT) UNDELETED',
      'UID SEARCH RETURN (PARTIAL 1:100) UNDELETED',
      'UID FETCH 1:2 (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ BODYSTRUCTURE ENVELOPE BODY.PEEK[HEADER.FIELDS (REFERENCES LIST-ID LIST-UNSUBSCRIBE CONTENT-TYPE)])',
      'UID FETCH 1:2 (FLAGS) (CHANGEDSINCE 1)',
      'UID FETCH 1 (PREVIEW)',
      'UID FETCH 1 (BODY.PEEK[1.1]<0.8192> BODY.PEEK[1.2]<0.8192>)',
      'UID FETCH 1 BINARY.PEEK[2]',
      'UID STORE 1 (UNCHANGEDSINCE 1000) +FLAGS.SILENT (\\Seen)',
      'UID MOVE 2 Archive',
      'UNSELECT',
      'LOGOUT',
    ],
  ],
  [
    'Outlook',
    (number) => number.toString(36).padStart(4, '0'),
    [
      'CAPABILITY',
      login,
      'ID ("name" "Microsoft Outlook" "version" "16.0")',
      ['LIST "" "*"', /"Archive"/],
      'LSUB "" "*"',
      ['LIST "" ""', /^\* LIST \(\\Noselect\) "\/" ""/m],
      ['SELECT "INBOX"', /^\* OK \[UIDNEXT 3\]/m],
      ['UID FETCH 1:* (UID FLAGS)', /^\* 1 FETCH \(UID 1 FLAGS \(\)\)/m],
      'UID FETCH 1 (UID)',
      'UID FETCH 1:2 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER] INTERNALDATE)',
      'UID FETCH 1 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER])',
      'UID FETCH 1 (UID FLAGS BODY.PEEK[])',
      'UID FETCH 1 (UID FLAGS RFC822.SIZE RFC822.HEADER INTERNALDATE)',
      ['UID fetch 1 (UID RFC822.SIZE RFC822.peek)', /^\* 1 FETCH \(UID 1 RFC822.SIZE \d+ RFC822 \{/m],
      ['UID FETCH 1 (UID FLAGS)', /^\* 1 FETCH \(UID 1 FLAGS \(\)\)/m],
      'UID STORE 1 +FLAGS.SILENT (\\Seen \\Answered)',
      ['UID STORE 2 +FLAGS (\\Deleted)', /FLAGS \(\\Deleted\)/],
      'UID COPY 2 "Trash"',
      'EXPUNGE',
      'STATUS "Trash" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)',
      'CREATE "&BCIENQRBBEI-"',
      ['LIST "" "&BCIENQRBBEI-"', /"&BCIENQRBBEI-"/],
      'SUBSCRIBE "&BCIENQRBBEI-"',
      ['UID SEARCH UNDELETED TEXT "Gr"', /^\* SEARCH/m],
      'NOOP',
      'LOGOUT',
    ],
  ],
  [
    'K-9 Mail',
    (number) => `${number}`,
    [
      'CAPABILITY',
      `AUTHENTICATE PLAIN ${plain}`,
      'ID ("name" "K-9 Mail" "version" "6.804")',
      'NAMESPACE',
      ['LIST "" "*" RETURN (SPECIAL-USE)', /\\Junk/],
      'LIST (SUBSCRIBED) "" "*"',
      'LSUB "" "*"',
      'STATUS "INBOX" (MESSAGES)',
      ['SELECT "INBOX"', /PERMANENTFLAGS/],
      ['UID SEARCH 1:2 NOT DELETED', /^\* SEARCH 1 2$/m],
      'UID SEARCH UID 1:2 NOT DELETED',
      'UID FETCH 1,2 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (date subject from content-type to cc reply-to message-id references in-reply-to list-unsubscribe sender X-K9mail-Identity Chat-Version)])',
      'UID FETCH 1 (UID BODYSTRUCTURE)',
      ['UID FETCH 1 (UID BODY.PEEK[1.1])', /BODY\[1.1\]/],
      'UID FETCH 1 (UID BODY.PEEK[]<0.32768>)',
      'UID STORE 1 +FLAGS.SILENT (\\Seen $Forwarded)',
      ['UID SEARCH HEADER MESSAGE-ID "<one@example.net>"', /^\* SEARCH 1$/m],
      'UID COPY 1 "Archive"',
      'UID STORE 2 +FLAGS.SILENT (\\Deleted)',
      'UID EXPUNGE 2',
      'CLOSE',
      'LOGOUT',
    ],
  ],
  [
    'FairEmail (Jakarta Mail)',
    (number) => `A${number}`,
    [
      'CAPABILITY',
      `AUTHENTICATE PLAIN ${plain}`,
      'ID ("name" "FairEmail" "version" "1.2000" "os" "Android")',
      'ENABLE UTF8=ACCEPT',
      'NAMESPACE',
      'LIST "" "%"',
      'LIST "" "*"',
      'LSUB "" "*"',
      'STATUS INBOX (MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)',
      'SELECT INBOX',
      ['UID FETCH 1:* (UID)', /^\* 1 FETCH \(UID 1\)/m],
      'FETCH 1:2 (UID FLAGS)',
      'SEARCH OR SINCE 1-Jan-2020 FLAGGED ALL',
      'FETCH 1 (ENVELOPE INTERNALDATE RFC822.SIZE FLAGS BODYSTRUCTURE UID BODY.PEEK[HEADER.FIELDS (X-Mailer Autocrypt)])',
      'FETCH 1 (BODY.PEEK[HEADER])',
      ['FETCH 1 (BODY.PEEK[1.1]<0.16384>)', /BODY\[1.1\]<0> /],
      'FETCH 1 (BODY.PEEK[2]<0.16384>)',
      'STORE 1 +FLAGS (\\Seen $NotJunk)',
      'COPY 2 Trash',
      'STORE 2 +FLAGS (\\Deleted)',
      'UID EXPUNGE 2',
      'CLOSE',
      'LOGOUT',
    ],
  ],
  [
    'Roundcube',
    (number) => `A${String(number).padStart(4, '0')}`,
    [
      ['ID ("name" "Roundcube" "version" "1.6.9" "php" "8.2" "os" "Linux")', /^\* ID/m],
      `AUTHENTICATE PLAIN ${plain}`,
      'ENABLE UTF8=ACCEPT',
      'NAMESPACE',
      'LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE)',
      'LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS (UNSEEN))',
      'SELECT INBOX (CONDSTORE)',
      ['UID SORT (DATE) US-ASCII ALL UNDELETED', /^\* SORT/m],
      'UID SORT RETURN (COUNT ALL) (REVERSE ARRIVAL) UTF-8 ALL UNDELETED',
      ['UID SEARCH RETURN (COUNT ALL) UNSEEN UNDELETED', /COUNT 2/],
      'UID FETCH 1:2 (UID RFC822.SIZE FLAGS INTERNALDATE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT CONTENT-TYPE CC REPLY-TO LIST-POST DISPOSITION-NOTIFICATION-TO X-PRIORITY CONTENT-TRANSFER-ENCODING BCC IN-REPLY-TO MAIL-FOLLOWUP-TO MAIL-REPLY-TO MESSAGE-ID REFERENCES RESENT-BCC RETURN-PATH SENDER X-DRAFT-INFO)])',
      'UID FETCH 1 (UID BODYSTRUCTURE BODY.PEEK[1.1.MIME] BODY.PEEK[1.2.MIME] BODY.PEEK[2.MIME])',
      ['UID FETCH 1 (BINARY.PEEK[1.1])', /BINARY\[1.1\]/],
      'UID STORE 1 +FLAGS.SILENT (\\Seen)',
      'UID FETCH 1:2 (UID FLAGS MODSEQ) (CHANGEDSINCE 1)',
      'UID MOVE 2 Trash',
      'GETQUOTAROOT INBOX',
      'GETACL INBOX',
      'LISTRIGHTS INBOX fred@example.org',
      'GETMETADATA INBOX (/private/comment /shared/comment)',
      'LOGOUT',
    ],
  ],
]

const said = (line: Line): string => (typeof line === 'string' ? line : line[0])

for (const [name, tag, lines] of programs) {
  test(`what ${name} says`, async () => {
    await using server = await twoMessages()
    const client = server.connect()
    await client.expect('* OK [CAPABILITY ')
    for (const [at, line] of lines.entries()) {
      const answer = await ask(client, `${tag(at)} ${said(line)}`)
      assert.ok(answer.at(-1)!.startsWith(`${tag(at)} OK`), client.transcript)
      if (typeof line !== 'string') assert.match(answer.join('\n'), line[1])
    }
  })

  test(`what ${name} says, without waiting for answers`, async () => {
    await using server = await twoMessages()
    const client = server.connect()
    await client.expect('* OK [CAPABILITY ')
    client.send(...lines.map((line, at) => `${tag(at)} ${said(line)}`))
    for (const at of lines.keys()) {
      const answer = await client.until(`${tag(at)} `)
      assert.ok(answer.at(-1)!.startsWith(`${tag(at)} OK`), client.transcript)
    }
  })
}

async function twoMessages(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  await server.deliver(letter)
  await server.deliver('Subject: two\n\nshort\n')
  return server
}
