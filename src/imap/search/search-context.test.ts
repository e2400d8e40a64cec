/**
 * Faults that were planted, each of which turns the random test red, and most the others: what is gone told after
 * EXPUNGE, or not at all; what changed not looked at, or for UIDs in place of numbers.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { account, createdAt } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox } from '../fixture.test.ts'

const setFlags = (server: ImapTestServer, uids: number[], how: 'add' | 'remove', keyword: string) =>
  server.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, uids as Uid[], { how, keywords: [keyword] }),
  )
const expunge = (server: ImapTestServer, uids: number[]) =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, uids as Uid[], { onlyDeleted: false }),
  )

test('[CONTEXT=SEARCH] the dialogue of RFC 5267 §4.2 to §4.3.5 in a smaller mailbox', async () => {
  await using server = await ImapTestServer.start({ maxSearchContexts: 1 })
  await server.fill(3)
  await server.fill(2, { keywords: ['$junk'], deleted: true })
  const client = await server.selected()
  await ask(client, 'A01 SEARCH RETURN (CONTEXT COUNT) UNDELETED UNKEYWORD $Junk', [
    '* ESEARCH (TAG "A01") COUNT 3',
    'A01 OK SEARCH completed',
  ])
  await ask(client, 'B01 UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk', [
    '* ESEARCH (TAG "B01") UID COUNT 2',
    'B01 OK UID SEARCH completed',
  ])
  await ask(client, 'B01 SEARCH RETURN (UPDATE) FLAGGED', ['B01 BAD Tag of a search with UPDATE'])
  await ask(client, 'B02 UID SEARCH RETURN (UPDATE COUNT) KEYWORD $Junk', [
    '* ESEARCH (TAG "B02") UID COUNT 2',
    '* NO [NOUPDATE "B02"] The result is not kept up to date',
    'B02 OK UID SEARCH completed',
  ])
  await ask(client, 'B03 STORE 2 FLAGS ($Junk \\Seen)')
  await ask(client, 'B04 STORE 1:2 +FLAGS (\\Deleted)', [
    '* 1 FETCH (FLAGS (\\Deleted))',
    '* 2 FETCH (FLAGS (\\Seen \\Deleted $Junk))',
    '* ESEARCH (TAG "B01") UID ADDTO (0 2)',
    'B04 OK STORE completed',
  ])
  await ask(client, 'B05 UID EXPUNGE 2', [
    '* ESEARCH (TAG "B01") UID REMOVEFROM (0 2)',
    '* 2 EXPUNGE',
    'B05 OK [HIGHESTMODSEQ 9] UID EXPUNGE completed',
  ])
  await ask(client, 'B06 CANCELUPDATE "B01"', ['B06 OK No further updates'])
  await ask(client, 'B07 STORE 2:3 -FLAGS.SILENT (\\Deleted)', ['B07 OK STORE completed'])
  await ask(client, 'B08 CANCELUPDATE "B01"', ['B08 NO No search with that tag and UPDATE'])
  await ask(client, 'B01 SEARCH RETURN (UPDATE) FLAGGED', [
    '* ESEARCH (TAG "B01")',
    'B01 OK SEARCH completed',
  ])
})

test('[CONTEXT=SEARCH] PARTIAL: the examples of RFC 5267 §4.4; UPDATE tells of all results', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(8)
  const client = await server.selected()
  await ask(client, 'A02 UID SEARCH RETURN (UPDATE PARTIAL 5:10) UNFLAGGED', [
    '* ESEARCH (TAG "A02") UID PARTIAL (5:10 5:8)',
    'A02 OK UID SEARCH completed',
  ])
  await ask(client, 'A03 STORE 1 +FLAGS.SILENT (\\Flagged)', [
    '* ESEARCH (TAG "A02") UID REMOVEFROM (0 1)',
    'A03 OK STORE completed',
  ])
  await ask(client, 'A04 UID SEARCH RETURN (PARTIAL 8:12) UNFLAGGED', [
    '* ESEARCH (TAG "A04") UID PARTIAL (8:12 NIL)',
    'A04 OK UID SEARCH completed',
  ])
})

test('message numbers are those of the moment: gone before EXPUNGE, new after EXISTS', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(5)
  const client = await server.selected()
  await ask(client, 'a SEARCH RETURN (UPDATE ALL) UNSEEN')
  await expunge(server, [2, 4])
  await server.fill(2)
  await setFlags(server, [5], 'add', '$seen')
  // RFC 5267 §A.3: told at once, while message numbers stay.
  await ask(client, 'b FETCH 5 UID', [
    '* 5 FETCH (UID 5)',
    '* ESEARCH (TAG "a") REMOVEFROM (0 2,4)',
    '* 7 EXISTS',
    '* 5 FETCH (UID 5 FLAGS (\\Seen))',
    '* ESEARCH (TAG "a") REMOVEFROM (0 5)',
    '* ESEARCH (TAG "a") ADDTO (0 6:7)',
    'b OK FETCH completed',
  ])
  await expunge(server, [1])
  await ask(client, 'c NOOP', [
    '* ESEARCH (TAG "a") REMOVEFROM (0 1)',
    '* 4 EXPUNGE',
    '* 2 EXPUNGE',
    '* 1 EXPUNGE',
    'c OK NOOP completed',
  ])
  await ask(client, 'd SEARCH UNSEEN', ['* SEARCH 1 3 4', 'd OK SEARCH completed'])
  await setFlags(server, [5], 'remove', '$seen')
  await ask(client, 'e NOOP', [
    '* 2 FETCH (UID 5 FLAGS ())',
    '* ESEARCH (TAG "a") ADDTO (0 2)',
    'e OK NOOP completed',
  ])
})

test('IDLE tells of results; an end of the selection is the end of them', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected()
  await ask(client, 'a UID SEARCH RETURN (UPDATE) TEXT "number 3"')
  await ask(client, 'b UID SEARCH RETURN (UPDATE) UNSEEN SUBJECT number')
  client.send('c IDLE')
  await client.expect('+ ')
  await server.fill(1)
  await client.expectLines([/^\* 3 EXISTS$/, /^\* ESEARCH \(TAG "b"\) UID ADDTO \(0 3\)$/])
  await server.deliver('Subject: number 3\n\nbody\n')
  await client.expectLines([
    /^\* 4 EXISTS$/,
    /^\* ESEARCH \(TAG "a"\) UID ADDTO \(0 4\)$/,
    /^\* ESEARCH \(TAG "b"\) UID ADDTO \(0 4\)$/,
  ])
  await expunge(server, [4])
  await client.expectLines([
    /^\* ESEARCH \(TAG "a"\) UID REMOVEFROM \(0 4\)$/,
    /^\* ESEARCH \(TAG "b"\) UID REMOVEFROM \(0 4\)$/,
    /^\* 4 EXPUNGE$/,
  ])
  client.send('DONE')
  await client.expect('c OK')
  await ask(client, 'd UNSELECT')
  await ask(client, 'e SELECT INBOX')
  await server.fill(1)
  await ask(client, 'f NOOP', ['* 4 EXISTS', 'f OK NOOP completed'])
  await ask(client, 'a UID SEARCH RETURN (UPDATE COUNT) ALL', [
    '* ESEARCH (TAG "a") UID COUNT 4',
    'a OK UID SEARCH completed',
  ])
})

test('numbers and $ in the criteria are those of the command, UIDs also those to come', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await server.selected()
  await ask(client, 'a SEARCH RETURN (SAVE) 1:2')
  await ask(client, 'b UID SEARCH RETURN (UPDATE) 3:* UNSEEN')
  await ask(client, 'c UID SEARCH RETURN (UPDATE) UID 3:* UNSEEN')
  await ask(client, 'd UID SEARCH RETURN (UPDATE) UID $ UNSEEN')
  await ask(client, 'e UID SEARCH RETURN (UPDATE) UID 6:9 UNSEEN')
  await ask(client, 'f SEARCH RETURN (SAVE) 4')
  await expunge(server, [1])
  await ask(client, 'g NOOP', [
    '* ESEARCH (TAG "d") UID REMOVEFROM (0 1)',
    '* 1 EXPUNGE',
    'g OK NOOP completed',
  ])
  await server.fill(2)
  await ask(client, 'h NOOP', [
    '* 5 EXISTS',
    '* ESEARCH (TAG "c") UID ADDTO (0 5:6)',
    '* ESEARCH (TAG "e") UID ADDTO (0 6)',
    'h OK NOOP completed',
  ])
  await setFlags(server, [2, 3], 'add', '$seen')
  assert.deepEqual(
    (await ask(client, 'i NOOP')).filter((line) => line.includes('ESEARCH')),
    [
      '* ESEARCH (TAG "b") UID REMOVEFROM (0 3)',
      '* ESEARCH (TAG "c") UID REMOVEFROM (0 3)',
      '* ESEARCH (TAG "d") UID REMOVEFROM (0 2)',
    ],
  )
})

test('CANCELUPDATE wants tags in quotes, and cancels those that it knows', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  for (const line of [
    'a CANCELUPDATE',
    'a CANCELUPDATE b',
    'a CANCELUPDATE "b" ',
    'a CANCELUPDATE {1+}\r\nb',
  ])
    assert.match((await ask(client, line)).join(), /^a BAD /, line)
  await ask(client, 'b SEARCH RETURN (UPDATE) ALL')
  await ask(client, 'c SEARCH RETURN (UPDATE) ALL')
  await ask(client, 'd CANCELUPDATE "b" "x" "c"', ['d NO No search with that tag and UPDATE'])
  await server.fill(1)
  await ask(client, 'e NOOP', ['* 1 EXISTS', 'e OK NOOP completed'])
  await ask(client, 'f UNSELECT')
  await ask(client, 'g CANCELUPDATE "b"', ['g BAD Select a mailbox first'])
})

test('[CONTEXT=SORT] the examples of RFC 5267 §4.3.1, §4.3.3 and §4.3.4 for sorted results', async () => {
  await using server = await ImapTestServer.start({ maxSearchContexts: 1 })
  await server.fill(3)
  await server.fill(2, { keywords: ['$seen'] })
  await server.deliver('Subject: a\n\n', { receivedAt: createdAt + 1000 })
  await server.deliver('Subject: b\n\n', { receivedAt: createdAt + 500 })
  const client = await server.selected()
  await ask(client, 'C01 UID SORT RETURN (UPDATE ALL) (REVERSE ARRIVAL) UTF-8 UNSEEN', [
    '* ESEARCH (TAG "C01") UID ALL 6:7,1:3',
    'C01 OK UID SORT completed',
  ])
  await ask(client, 'C01 SORT RETURN (UPDATE) (SIZE) UTF-8 ALL', ['C01 BAD Tag of a search with UPDATE'])
  await ask(client, 'B02 UID SORT RETURN (UPDATE COUNT) (SIZE) UTF-8 UNKEYWORD $Junk', [
    '* ESEARCH (TAG "B02") UID COUNT 7',
    '* NO [NOUPDATE "B02"] The result is not kept up to date',
    'B02 OK UID SORT completed',
  ])
  await setFlags(server, [4, 5], 'remove', '$seen')
  await setFlags(server, [1, 6], 'add', '$seen')
  assert.deepEqual(
    (await ask(client, 'd NOOP')).filter((line) => line.includes('ESEARCH')),
    ['* ESEARCH (TAG "C01") UID REMOVEFROM (1 6 2 1)', '* ESEARCH (TAG "C01") UID ADDTO (4 4:5)'],
  )
  await server.deliver('Subject: c\n\n', { receivedAt: createdAt + 700 })
  await server.deliver('Subject: d\n\n', { receivedAt: createdAt + 200 })
  await expunge(server, [2, 3])
  await ask(client, 'e FETCH 1 UID', [
    '* 1 FETCH (UID 1)',
    '* ESEARCH (TAG "C01") UID REMOVEFROM (2 2:3)',
    '* 9 EXISTS',
    '* ESEARCH (TAG "C01") UID ADDTO (1 8 3 9)',
    'e OK FETCH completed',
  ])
  await ask(client, 'f UID SORT (REVERSE ARRIVAL) UTF-8 UNSEEN', [
    '* SORT 8 7 9 4 5',
    '* 3 EXPUNGE',
    '* 2 EXPUNGE',
    'f OK UID SORT completed',
  ])
})

const programs = [
  'ALL',
  'UNSEEN',
  'OR FLAGGED SEEN',
  'NOT 2:4',
  'UID 3:*',
  'UNFLAGGED SUBJECT "1"',
  'UNDELETED',
]
const commands = ['SEARCH', 'SORT (REVERSE SIZE) UTF-8', 'SORT (SUBJECT REVERSE ARRIVAL) UTF-8']

interface Step {
  readonly what: string
  readonly uid: number
  readonly keyword: string
}

const step = fc.record<Step>({
  what: fc.constantFrom('deliver', 'flag', 'unflag', 'unflagAll', 'expunge', 'noop', 'fetch', 'store'),
  uid: fc.integer({ min: 1, max: 22 }),
  keyword: fc.constantFrom('$seen', '$flagged'),
})

const deliver = (server: ImapTestServer, mark: number, keywords: string[] = []) =>
  server.deliver(`Subject: number ${mark % 5}\n\n${'x'.repeat(mark % 3)}`, {
    keywords,
    receivedAt: createdAt + (mark % 7) * 1000,
  })

async function followed(
  command: string,
  keys: string,
  byUid: boolean,
  steps: readonly Step[],
): Promise<void> {
  await using server = await ImapTestServer.start()
  for (let i = 1; i <= 20; i++) await deliver(server, i * 11, i % 2 === 0 ? ['$seen', '$flagged'] : [])
  const client = await server.selected()
  const follower = new Follower(client, `${byUid ? 'UID ' : ''}${command}`, keys)
  await follower.start()
  for (const { what, uid, keyword } of steps) {
    if (what === 'deliver') await deliver(server, uid)
    else if (what === 'flag') await setFlags(server, [uid], 'add', keyword)
    else if (what === 'unflag') await setFlags(server, [uid], 'remove', keyword)
    else if (what === 'unflagAll') await setFlags(server, evenUids, 'remove', keyword)
    else if (what === 'expunge') await expunge(server, [uid])
    else if (what === 'fetch') await follower.say('FETCH 1 UID')
    else if (what === 'store') await follower.say(`UID STORE ${uid} -FLAGS.SILENT (\\Seen)`)
    else await follower.check()
  }
  await follower.check()
}

const evenUids = Array.from({ length: 10 }, (_, i) => 2 * i + 2)

test('whatever happens, a client that follows has what a new search finds', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...commands),
      fc.constantFrom(...programs),
      fc.boolean(),
      fc.array(step, { minLength: 5, maxLength: 20, size: 'max' }),
      followed,
    ),
    { numRuns: 40 },
  )
})

/** A client that keeps a result only by what it is told. */
class Follower {
  readonly #client: Conversation
  readonly #command: string
  readonly #keys: string
  #count = 20
  /** Message numbers or UIDs. */
  #result: number[] = []
  #tags = 0

  constructor(client: Conversation, command: string, keys: string) {
    this.#client = client
    this.#command = command
    this.#keys = keys
  }

  async start(): Promise<void> {
    const command = this.#command.replace(/(?<=SEARCH|SORT)/, ' RETURN (UPDATE ALL)')
    const [line] = await ask(this.#client, `x ${command} ${this.#keys}`)
    this.#result = numbersIn(/ALL (\S+)/.exec(line!)?.[1] ?? '')
  }

  async say(command: string): Promise<void> {
    for (const line of await ask(this.#client, `t${this.#tags++} ${command}`)) this.#hear(line)
  }

  get #byUid(): boolean {
    return this.#command.startsWith('UID')
  }

  #hear(line: string): void {
    const exists = /^\* (\d+) EXISTS/.exec(line)
    if (exists !== null) this.#count = Number(exists[1])
    const expunged = /^\* (\d+) EXPUNGE/.exec(line)
    if (expunged !== null) this.#forget(Number(expunged[1]))
    const told = /^\* ESEARCH \(TAG "x"\)(?: UID)? (ADDTO|REMOVEFROM) \((.*)\)$/.exec(line)
    if (told === null) return
    for (const [, at, set] of told[2]!.matchAll(/(\d+) (\S+)/g))
      if (told[1] === 'ADDTO') this.#add(Number(at), numbersIn(set!))
      else this.#remove(Number(at), numbersIn(set!))
  }

  #forget(number: number): void {
    this.#count--
    if (this.#byUid) return
    assert.ok(!this.#result.includes(number), this.#client.transcript)
    this.#result = this.#result.map((other) => (other > number ? other - 1 : other))
  }

  #add(at: number, numbers: readonly number[]): void {
    for (const number of numbers) {
      assert.ok(!this.#result.includes(number), this.#client.transcript)
      assert.ok(this.#byUid || number <= this.#count, this.#client.transcript)
    }
    if (at > 0) this.#result.splice(at - 1, 0, ...numbers)
    else this.#result = [...this.#result, ...numbers].sort((a, b) => a - b)
  }

  #remove(at: number, numbers: readonly number[]): void {
    for (const number of numbers) assert.ok(this.#result.includes(number), this.#client.transcript)
    if (at > 0)
      assert.deepEqual(this.#result.splice(at - 1, numbers.length), numbers, this.#client.transcript)
    else this.#result = this.#result.filter((number) => !numbers.includes(number))
  }

  async check(): Promise<void> {
    await this.say('NOOP')
    // Numbers in the keys were those of the beginning, when they were the UIDs.
    const keys = this.#keys === 'NOT 2:4' ? 'NOT UID 2:4' : this.#keys
    const [line] = await ask(this.#client, `c${this.#tags++} ${this.#command} ${keys}`)
    assert.deepEqual(this.#result, line!.split(' ').slice(2).map(Number), this.#client.transcript)
  }
}

const numbersIn = (set: string): number[] =>
  set === ''
    ? []
    : set.split(',').flatMap((range) => {
        const [first, last = first] = range.split(':').map(Number) as [number, number?]
        return Array.from({ length: last - first + 1 }, (_, i) => first + i)
      })
