import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ImapTestServer } from '../fixture.test.ts'

async function found(client: Conversation, command: string, text: string): Promise<string> {
  const bytes = Buffer.from(text)
  client.sendRaw(
    Buffer.concat([Buffer.from(`a ${command} {${bytes.length}+}\r\n`), bytes, Buffer.from('\r\n')]),
  )
  const lines = await client.until('a ')
  assert.match(lines.at(-1)!, /^a OK /, client.transcript)
  return lines[0]!.replace(/^\* (?:SEARCH|SORT|THREAD) ?/, '')
}

const word = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`

test('[I18NLEVEL=1] every key that looks into text uses i;unicode-casemap (RFC 5255 §4.2)', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver('Subject: nothing\n\nnothing\n')
  const name = word('Café ΛΌΓΟΣ Größe')
  await server.deliverBytes(
    Buffer.from(
      [
        ...['From', 'To', 'Cc', 'Bcc'].map((field) => `${field}: ${name} <a@example.org>`),
        `Subject: ${name}`,
        `X-Place: ${name}`,
        'Content-Type: text/plain; charset=utf-8',
        '',
        'Café ΛΌΓΟΣ Größe, ﬁne №',
        '',
      ].join('\r\n'),
    ),
  )
  const client = await server.selected()
  const texts = ['CAFE\u0301', 'café', 'cafe', 'λόγος', 'λόγοσ', 'größe', 'GRÖßE', 'gro\u0308ße']
  for (const key of ['FROM', 'TO', 'CC', 'BCC', 'SUBJECT', 'HEADER X-Place', 'BODY', 'TEXT'])
    for (const text of texts) assert.equal(await found(client, `SEARCH ${key}`, text), '2', `${key} ${text}`)
  // What is decomposed for compatibility is found by its parts, and nothing more is equated.
  assert.equal(await found(client, 'SEARCH BODY', 'no'), '1')
  assert.equal(await found(client, 'SEARCH BODY', 'No'), '1')
  assert.equal(await found(client, 'SEARCH BODY', '№'), '2')
  assert.equal(await found(client, 'SEARCH BODY', 'grosse'), '')
  assert.equal(await found(client, 'SEARCH CHARSET UTF-8 SUBJECT', 'CAFÈ'), '')
  assert.equal(await found(client, 'SORT (SUBJECT) UTF-8 SUBJECT', 'CAFÉ'), '2')
  assert.equal(await found(client, 'THREAD REFERENCES UTF-8 SUBJECT', 'CAFÉ'), '(2)')
})

test('what is not valid in its charset is found by what is (RFC 5255 §4.6)', async () => {
  await using server = await ImapTestServer.start()
  const bytes = Buffer.from('D092D0B0D181D0B8D0BBD0B8FFB9', 'hex')
  await server.deliver(`Subject: =?utf-8?B?${bytes.toString('base64')}?=\n\nx\n`)
  const client = await server.selected()
  assert.equal(await found(client, 'SEARCH SUBJECT', 'Васили'), '1')
  assert.equal(await found(client, 'SEARCH SUBJECT', 'Василий'), '')
})
