/** imapflow, the client that most programs written for Node read mail with: all that it can ask for. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import type { ImapFlow } from 'imapflow'
import { signIn } from './imapflow.ts'
import { alice, type User } from './read-by-curl.ts'
import { largeSample, sample } from './samples.ts'
import { startServer, type TestServer } from '../harness/server.ts'

describe('imapflow', () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    await server.createAccount(alice.name, alice.password)
  })
  after(() => server[Symbol.asyncDispose]())

  /** With messages in a mailbox of that name, which is open. */
  async function opened(mailbox: string, messages: readonly Buffer[]): Promise<ImapFlow> {
    const client = await signIn(server, alice)
    await client.mailboxCreate(mailbox)
    for (const message of messages) await client.append(mailbox, message)
    await client.mailboxOpen(mailbox)
    return client
  }

  const flagsOf = async (client: ImapFlow): Promise<readonly (readonly string[])[]> => {
    const messages = await client.fetchAll('1:*', { flags: true })
    return messages.map(({ flags }) => [...flags!].filter((flag) => flag !== '\\Recent').toSorted())
  }

  for (const [what, o] of [
    ['TLS from the first byte', {}],
    ['STARTTLS', { secure: false, doSTARTTLS: true }],
    ['LOGIN', { auth: { user: alice.name, pass: alice.password, loginMethod: 'LOGIN' } }],
    ['AUTHENTICATE LOGIN', { auth: { user: alice.name, pass: alice.password, loginMethod: 'AUTH=LOGIN' } }],
    ['rev1 only', { disableIMAP4rev2: true }],
  ] as const) {
    test(`signs in: ${what}`, async () => {
      const port = 'secure' in o ? server.imapPort : server.imapsPort
      await using client = await signIn(server, alice, { ...o, port, qresync: true })
      assert.ok(client.secureConnection)
      assert.equal(client.serverInfo?.name, 'Postern')
      const rev2 = 'disableIMAP4rev2' in o ? [] : ['IMAP4REV2']
      for (const word of ['CONDSTORE', 'QRESYNC', ...rev2]) assert.ok(client.enabled.has(word), word)
      assert.deepEqual(client.namespace, { prefix: '', delimiter: '/' })
      assert.deepEqual(client.namespaces?.other, [{ prefix: 'Other Users/', delimiter: '/' }])
    })
  }

  test('learns that a password is wrong', async () => {
    const wrong: User = { ...alice, password: 'wrong' }
    const told = { authenticationFailed: true, serverResponseCode: 'AUTHENTICATIONFAILED' }
    await assert.rejects(signIn(server, wrong), told)
  })

  test('makes, renames, subscribes, lists and deletes mailboxes', async () => {
    await using client = await signIn(server, alice)
    const made = await client.mailboxCreate(['Entwürfe & Co', '日本'])
    assert.deepEqual([made.path, made.created], ['Entwürfe & Co/日本', true])
    assert.equal((await client.mailboxCreate('Entwürfe & Co/日本')).created, false)
    await client.append('Entwürfe & Co/日本', sample(), ['\\Seen'])
    await client.append('Entwürfe & Co/日本', sample({ number: 2 }))
    const query = { messages: true, unseen: true, uidNext: true, uidValidity: true, size: true }
    const all = await client.list({ statusQuery: { ...query, highestModseq: true, deleted: true } })
    const uses = all.filter(({ specialUseSource }) => specialUseSource === 'extension')
    assert.deepEqual(
      uses.map(({ path, specialUse }) => `${path} ${specialUse}`).toSorted(),
      ['Archive', 'Drafts', 'Junk', 'Sent', 'Trash'].map((name) => `${name} \\${name}`),
    )
    const { status, subscribed } = all.find(({ path }) => path === made.path)!
    assert.ok(subscribed)
    assert.deepEqual([status?.messages, status?.unseen, status?.uidNext, status?.deleted], [2, 1, 3, 0])
    assert.equal(status?.size, sample().length + sample({ number: 2 }).length)
    assert.ok((status?.highestModseq ?? 0n) > 0n)
    const opened = await client.mailboxOpen(made.path)
    assert.equal(opened.mailboxId, made.mailboxId)
    assert.equal(opened.uidValidity, status?.uidValidity)
    assert.ok(opened.permanentFlags?.has('\\*'))
    await client.mailboxUnsubscribe(made.path)
    await client.mailboxRename('Entwürfe & Co', 'Über uns')
    const renamed = (await client.list()).find(({ path }) => path === 'Über uns/日本')!
    assert.ok(!renamed.subscribed)
    assert.equal((await client.mailboxOpen('Über uns/日本', { readOnly: true })).mailboxId, made.mailboxId)
    const tree = await client.listTree()
    const parent = tree.folders?.find(({ name }) => name === 'Über uns')
    assert.deepEqual(
      parent?.folders?.map(({ name }) => name),
      ['日本'],
    )
    await client.mailboxClose()
    await client.mailboxDelete('Über uns/日本')
    await client.mailboxDelete('Über uns')
    await assert.rejects(client.mailboxOpen('Über uns'))
    assert.ok(!(await client.list()).some(({ path }) => path.startsWith('Über')))
  })

  test('appends and fetches: bytes, flags, date, envelope, structure', async () => {
    await using client = await signIn(server, alice)
    const date = new Date('2020-02-29T03:04:05Z')
    const message = multipart(randomBytes(3000))
    const put = await client.append('INBOX', message, ['\\Seen', '$Forwarded', 'etikett'], date)
    assert.ok(put)
    const { uidValidity } = await client.mailboxOpen('INBOX')
    assert.equal(put.uidValidity, uidValidity)
    const part = { key: '1', start: 2, maxLength: 5 }
    const wanted = { full: true, source: true, threadId: true, headers: ['subject', 'to'], bodyParts: [part] }
    const found = await client.fetchOne(String(put.uid), wanted, { uid: true })
    assert.ok(found)
    assert.ok(found.source?.equals(message))
    assert.equal(found.size, message.length)
    assert.deepEqual(found.internalDate, date)
    assert.deepEqual([...found.flags!].toSorted(), ['$Forwarded', '\\Seen', 'etikett'])
    assert.deepEqual(found.envelope?.from, [{ name: 'Jörg Müller', address: 'joerg@example.net' }])
    assert.equal(found.envelope?.subject, 'Grüße mit Anhang')
    assert.equal(found.bodyStructure?.type, 'multipart/mixed')
    assert.deepEqual(
      found.bodyStructure?.childNodes?.map(({ part, type, disposition }) => [part, type, disposition]),
      [
        ['1', 'text/plain', undefined],
        ['2', 'application/octet-stream', 'attachment'],
      ],
    )
    assert.equal(found.bodyStructure?.childNodes?.[1]?.dispositionParameters?.['filename'], 'daten.bin')
    assert.match(found.headers!.toString('latin1'), /^To: <alice@example.org>\r\nSubject: .*\r\n\r\n$/)
    assert.equal(found.bodyParts?.get('1')?.toString('latin1'), '=FCne')
    assert.ok(found.emailId !== undefined && found.threadId !== undefined && found.modseq! > 0n)
  })

  test('downloads parts as streams, decoded by it and by the server', async () => {
    const content = randomBytes(300_000)
    await using client = await opened('Parts', [multipart(content), largeSample(8 << 20, { number: 7 })])
    for (const binary of [false, true]) {
      const attached = await client.download('1', '2', { binary })
      assert.equal(attached.meta?.filename, 'daten.bin')
      assert.ok((await buffer(attached.content!)).equals(content))
      const text = await client.download('1', '1', { binary })
      assert.equal((await buffer(text.content!)).toString(), 'Grüne Grüße\r\n')
      const both = await client.downloadMany('1', ['1', '2'], { binary })
      assert.ok(both['2']?.content?.equals(content))
    }
    const whole = await client.download('2')
    assert.ok((await buffer(whole.content!)).equals(largeSample(8 << 20, { number: 7 })))
    const some = await client.download('2', undefined, { maxBytes: 100_000, chunkSize: 1000 })
    assert.equal((await buffer(some.content!)).length, 100_000)
    assert.deepEqual(await client.download('3', undefined, { uid: true }), {})
    // A loop over what comes, which waits for whoever reads it.
    const sizes: number[] = []
    for await (const { source } of client.fetch('1:*', { source: true })) sizes.push(source!.length)
    assert.deepEqual(sizes, [multipart(content).length, largeSample(8 << 20, { number: 7 }).length])
  })

  test('flags, keywords, colours, and only where nobody changed them', async () => {
    const messages = [1, 2, 3].map((number) => sample({ number }))
    await using client = await opened('Flags', messages)
    assert.ok(await client.messageFlagsAdd('1:2', ['\\Flagged', '$label1']))
    assert.ok(await client.messageFlagsRemove('2', ['$label1']))
    assert.ok(await client.messageFlagsSet('3', ['\\Answered'], { silent: true }))
    assert.deepEqual(await flagsOf(client), [['$label1', '\\Flagged'], ['\\Flagged'], ['\\Answered']])
    assert.ok(await client.setFlagColor('1', 'purple'))
    const coloured = await client.fetchOne('1', { flags: true })
    assert.ok(coloured)
    assert.equal(coloured.flagColor, 'purple')
    await client.messageFlagsAdd('1', ['\\Seen'], { unchangedSince: coloured.modseq! })
    const seen = await client.fetchOne('1', { flags: true })
    assert.ok(seen && seen.flags!.has('\\Seen') && seen.modseq! > coloured.modseq!)
    await client.messageFlagsAdd('1', ['\\Draft'], { unchangedSince: coloured.modseq! })
    assert.ok(!(await flagsOf(client))[0]!.includes('\\Draft'))
    const changed = await client.fetchAll('1:*', { flags: true }, { changedSince: coloured.modseq! })
    assert.deepEqual(
      changed.map(({ seq, modseq }) => [seq, modseq]),
      [[1, seen.modseq]],
    )
  })

  test('copies, moves and deletes', async () => {
    const messages = [1, 2, 3, 4].map((number) => sample({ number }))
    await using client = await opened('From', messages)
    await client.mailboxCreate('To')
    const copied = await client.messageCopy('2:3', 'To')
    assert.ok(copied)
    assert.deepEqual(
      [...copied.uidMap!],
      [
        [2, 1],
        [3, 2],
      ],
    )
    const moved = await client.messageMove([4], 'To', { uid: true })
    assert.ok(moved)
    assert.deepEqual([...moved.uidMap!], [[4, 3]])
    assert.ok(await client.messageDelete({ header: { 'message-id': '<sample-2@example.net>' } }))
    assert.deepEqual(await client.search({ all: true }, { uid: true }), [1, 3])
    assert.equal((await client.mailboxOpen('To')).uidValidity, moved.uidValidity)
    const kept = await client.fetchAll('1:*', { source: true })
    assert.deepEqual(
      kept.map(({ source }) => source!.toString('latin1')),
      messages.slice(1).map((message) => message.toString('latin1')),
    )
    assert.equal(await client.messageCopy('1', 'Nowhere'), false)
  })

  test('searches by everything that it can ask for', async () => {
    await using client = await signIn(server, alice)
    await client.mailboxCreate('Search')
    const dates = ['2020-01-10', '2021-06-15', '2022-12-24']
    for (const [at, day] of dates.entries()) {
      const message = sample({
        number: at + 1,
        subject: ['Grüße', 'Straße', 'Nothing'][at]!,
        to: `t${at}@example.org`,
      })
      await client.append('Search', message, at === 0 ? ['\\Flagged', 'rot'] : [], `${day}T12:00:00Z`)
    }
    await client.mailboxOpen('Search')
    const [, second] = await client.fetchAll('1:*', { threadId: true })
    const sizes = (await client.fetchAll('1:*', { size: true })).map(({ size }) => size!)
    for (const [query, wanted] of [
      [{ all: true }, [1, 2, 3]],
      [{ subject: 'GRÜSSE' }, []],
      [{ subject: 'grüße' }, [1]],
      [{ subject: 'ße' }, [1, 2]],
      [{ or: [{ to: 't0@' }, { to: 't1@' }, { subject: 'thing' }] }, [1, 2, 3]],
      [{ not: { keyword: 'rot' } }, [2, 3]],
      [{ unKeyword: 'rot', flagged: false, since: '2022-01-01' }, [3]],
      [{ before: new Date('2021-01-01') }, [1]],
      [{ on: '2021-06-15' }, [2]],
      [{ sentSince: '2024-01-03', sentBefore: '2024-01-04' }, [2]],
      [{ sentOn: '2024-01-04' }, [3]],
      [{ body: 'text of message 3' }, [3]],
      [{ text: 'sample-2@' }, [2]],
      [{ header: { 'MIME-Version': true }, seq: '2:*' }, [2, 3]],
      [{ header: { subject: 'raß' } }, [2]],
      [
        { larger: Math.min(...sizes), smaller: Math.max(...sizes) + 1 },
        [1, 2, 3].filter((n) => sizes[n - 1]! > Math.min(...sizes)),
      ],
      [{ uid: '2,3', seen: false, answered: false, deleted: false, draft: false }, [2, 3]],
      [{ modseq: second!.modseq! }, [2, 3]],
      [{ emailId: second!.emailId! }, [2]],
      [{ threadId: second!.threadId! }, [2]],
    ] as const) {
      assert.deepEqual(await client.search(query as object), wanted, JSON.stringify(Object.keys(query)))
    }
    const returned = await client.search(
      { since: '2021-01-01' },
      { uid: true, returnOptions: ['MIN', 'MAX', 'COUNT', 'ALL'] },
    )
    assert.deepEqual(returned, { min: 2, max: 3, count: 2, all: '2:3' })
    const page = await client.search({ all: true }, { uid: true, returnOptions: [{ partial: '-1:-2' }] })
    assert.deepEqual(page, { partial: { range: '-1:-2', messages: '2:3' } })
  })

  test('reads how much there may be', async () => {
    const limited: User = { name: 'limited@example.org', password: alice.password }
    await server.createAccount(limited.name, limited.password)
    const field = { action: 'set', field: 'quota', value: 20_480 }
    const changed = await server.api('PATCH', `/api/principal/${limited.name}`, [field])
    assert.ok(changed.ok, await changed.text())
    await using client = await signIn(server, limited)
    await client.append('INBOX', largeSample(10_000))
    const quota = await client.getQuota()
    assert.ok(quota)
    assert.equal(quota.storage?.limit, 20_480)
    const used = quota.storage?.usage ?? 0
    assert.ok(used >= 10_000 && used < 12_000, JSON.stringify(quota))
    await assert.rejects(client.append('INBOX', largeSample(15_000)), { serverResponseCode: 'OVERQUOTA' })
    await assert.rejects(client.append('Nowhere', sample()), { serverResponseCode: 'TRYCREATE' })
  })
})

/** Text in Latin-1 by quoted-printable, and an attachment. */
const multipart = (attachment: Buffer): Buffer =>
  Buffer.from(
    [
      'From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@example.net>',
      'To: <alice@example.org>',
      'Subject: =?iso-8859-1?q?Gr=FC=DFe?= mit Anhang',
      'Message-ID: <parts@example.net>',
      'Date: Mon, 01 Jan 2024 10:00:00 +0100',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="=_b"',
      '',
      '--=_b',
      'Content-Type: text/plain; charset=iso-8859-1',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'Gr=FCne Gr=FC=DFe\r\n',
      '--=_b',
      'Content-Type: application/octet-stream',
      'Content-Disposition: attachment; filename=daten.bin',
      'Content-Transfer-Encoding: base64',
      '',
      ...attachment.toString('base64').match(/.{1,76}/g)!,
      '--=_b--',
      '',
    ].join('\r\n'),
  )
