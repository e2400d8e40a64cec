/**
 * Several sessions on one mailbox do random things; each client builds its picture from nothing but what it is
 * told, by the rules of RFC 9051. At every NOOP the picture must be the mailbox.
 *
 * Faults planted in the view, each of which must be noticed: EXPUNGE shown during FETCH, never shown, shown for
 * the wrong number; EXISTS not shown; flags of others taken for told; flags told of the wrong message; nothing
 * shown at all.
 */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { Random } from '../../../test/harness/random.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'
import { SessionView } from './view.ts'
import { ResponseWriter } from '../wire/writer.ts'

interface Known {
  uid: number | undefined
  /** Sorted; undefined until fetched. */
  flags: string | undefined
}

const sorted = (list: string): string =>
  list
    .split(' ')
    .filter((flag) => flag !== '')
    .sort()
    .join(' ')

/** What a client knows of its mailbox. */
class Picture {
  readonly client: Conversation
  readonly messages: Known[] = []
  #tag = 0

  constructor(client: Conversation) {
    this.client = client
  }

  async do(command: string): Promise<string[]> {
    const tag = `t${++this.#tag}`
    const hidesExpunges = /^(FETCH|STORE|SEARCH) /.test(command)
    const lines = await ask(this.client, `${tag} ${command}`)
    for (const line of lines.slice(0, -1)) this.#hear(line, hidesExpunges)
    return lines
  }

  #hear(line: string, hidesExpunges: boolean): void {
    const said = /^\* (\d+) (EXISTS|EXPUNGE|FETCH) ?(.*)$/.exec(line)
    if (said === null) return
    const number = Number(said[1])
    const known = this.messages[number - 1]
    if (said[2] === 'EXISTS') {
      assert.ok(number >= this.messages.length, `EXISTS falls: ${line}`)
      while (this.messages.length < number) this.messages.push({ uid: undefined, flags: undefined })
      return
    }
    assert.ok(known !== undefined, `no message with that number: ${line}`)
    if (said[2] === 'EXPUNGE') {
      assert.ok(!hidesExpunges, 'EXPUNGE while numbers are in use')
      this.messages.splice(number - 1, 1)
      return
    }
    const uid = /UID (\d+)/.exec(said[3]!)
    if (uid !== null) {
      assert.ok(known.uid === undefined || known.uid === Number(uid[1]), `another UID: ${line}`)
      known.uid = Number(uid[1])
    }
    const flags = /FLAGS \(([^)]*)\)/.exec(said[3]!)
    if (flags !== null) known.flags = sorted(flags[1]!)
  }

  /** As clients do after EXISTS. */
  async learn(): Promise<void> {
    const first = this.messages.findIndex(({ uid, flags }) => uid === undefined || flags === undefined)
    if (first !== -1) await this.do(`FETCH ${first + 1}:${this.messages.length} (UID FLAGS)`)
  }

  /** What SILENT leaves to the client. Only for messages that are still there. */
  silently(position: number, sign: '+' | '-' | '', flag: string): void {
    const known = this.messages[position]
    if (known?.flags === undefined) return
    const flags = new Set(sign === '' ? [] : known.flags.split(' '))
    if (sign === '-') flags.delete(flag)
    else flags.add(flag)
    known.flags = sorted([...flags].join(' '))
  }
}

const someFlags = ['\\Seen', '\\Flagged', '\\Deleted', 'work']

async function step(pictures: readonly Picture[], server: ImapTestServer, random: Random): Promise<void> {
  const picture = random.pick(pictures)
  const count = picture.messages.length
  const position = count === 0 ? 0 : random.below(count)
  const flag = random.pick(someFlags)
  const sign = random.pick(['+', '-', ''] as const)
  const other = random.pick(pictures)
  switch (random.below(count === 0 ? 3 : 11)) {
    case 0:
      await server.fill(1 + random.below(3))
      return
    case 1:
      await picture.do('NOOP')
      return
    case 2:
      await picture.do('EXPUNGE')
      return
    case 3:
      await picture.do(`STORE ${position + 1} ${sign}FLAGS (${flag})`)
      return
    case 4: {
      // The client works the result out first: what it is told on top of that is the last word.
      picture.silently(position, sign, flag)
      await picture.do(`STORE ${position + 1} ${sign}FLAGS.SILENT (${flag})`)
      return
    }
    case 5:
      await picture.do(`FETCH ${position + 1}:* (FLAGS)`)
      return
    case 6:
      await picture.do(`UID FETCH 1:* (FLAGS)`)
      return
    case 7:
      await picture.do(`COPY ${position + 1} INBOX`)
      return
    case 8:
      await picture.do(`MOVE ${position + 1} Archive`)
      return
    case 9:
      await picture.do(`SEARCH ${flag === 'work' ? 'KEYWORD work' : flag.slice(1)}`)
      return
    default:
      await Promise.all([
        picture.do(`STORE 1:* +FLAGS (${flag})`),
        ...(other === picture ? [] : [other.do(`UID STORE 1:* -FLAGS (${flag})`)]),
      ])
  }
}

/** The mailbox as a client that has just come sees it. */
async function truth(server: ImapTestServer): Promise<readonly Known[]> {
  const picture = new Picture(await server.signedIn())
  await picture.do('SELECT INBOX')
  await picture.learn()
  await picture.do('LOGOUT')
  return picture.messages
}

async function play(seed: number, steps: number): Promise<void> {
  await using server = await ImapTestServer.start()
  const random = new Random(seed)
  const pictures: Picture[] = []
  for (let i = 0; i < 3; i++) pictures.push(new Picture(await server.signedIn()))
  await server.fill(4)
  for (const picture of pictures) {
    await picture.do('SELECT INBOX')
    await picture.learn()
  }
  for (let i = 0; i < steps; i++) {
    await step(pictures, server, random)
    if (random.below(6) > 0) continue
    const picture = random.pick(pictures)
    await picture.do('NOOP')
    await picture.learn()
    assert.deepEqual(picture.messages, await truth(server), `seed ${seed}, step ${i}`)
  }
}

test('three sessions on one mailbox stay true to it', async () => {
  for (let seed = 1; seed <= 15; seed++) await play(seed, 60)
})

// oxlint-disable-next-line typescript/unbound-method -- called with a view as `this` below
const { show, tell } = SessionView.prototype

const faults: Readonly<Record<string, () => void>> = {
  'EXPUNGE is shown during FETCH': () =>
    void mock.method(
      SessionView.prototype,
      'show',
      function (this: SessionView, ...args: Parameters<typeof show>) {
        return show.call(this, args[0], args[1], { ...args[2], expunges: true })
      },
    ),
  'EXPUNGE is never shown': () =>
    void mock.method(
      SessionView.prototype,
      'show',
      function (this: SessionView, ...args: Parameters<typeof show>) {
        return show.call(this, args[0], args[1], { ...args[2], expunges: false })
      },
    ),
  'EXPUNGE is shown for the wrong number': () =>
    plantInOutput((line) => line.replace(/^\* (\d+) EXPUNGE/, '* 1 EXPUNGE')),
  'EXISTS is not shown': () => plantInOutput((line) => (line.includes('EXISTS') ? '' : line)),
  'flags that others changed are taken for told': () =>
    void mock.method(
      SessionView.prototype,
      'show',
      function (this: SessionView, ...args: Parameters<typeof show>) {
        const locate = this.locator(args[1])
        for (let i = 0; i < this.count; i++)
          if (locate(i) !== -1) tell.call(this, i, args[1], args[1].indexOfUid(this.uidAt(i)), true)
        show.apply(this, args)
      },
    ),
  'flags are told of the wrong message': () =>
    void mock.method(
      SessionView.prototype,
      'tell',
      function (this: SessionView, ...args: Parameters<typeof tell>) {
        const next = (args[0] + 1) % this.count
        const index = args[1].indexOfUid(this.uidAt(next))
        if (index !== -1) tell.call(this, next, args[1], index, args[3])
      },
    ),
  'nothing is shown': () => void mock.method(SessionView.prototype, 'show', () => {}),
}

/** Changes what `show` writes, line by line. */
function plantInOutput(change: (line: string) => string): void {
  mock.method(SessionView.prototype, 'show', function (this: SessionView, ...args: Parameters<typeof show>) {
    const [out, now, o] = args
    let text = ''
    const caught = new ResponseWriter({
      unsent: 1,
      write: (...chunks) => void (text += Buffer.concat(chunks).toString('latin1')),
    })
    const toldGone = show.call(this, caught, now, o)
    void caught.end()
    out.ascii(
      text
        .split(/(?<=\r\n)/)
        .map(change)
        .join(''),
    )
    return toldGone
  })
}

test('each planted fault is noticed', async () => {
  for (const [name, plant] of Object.entries(faults)) {
    plant()
    try {
      await assert.rejects(
        async () => {
          for (let seed = 1; seed <= 15; seed++) await play(seed, 60)
        },
        // Noticed by the player, and by what reads all responses.
        (error) => error instanceof assert.AssertionError || error instanceof SuppressedError,
        name,
      )
    } finally {
      mock.restoreAll()
    }
  }
})

test('an idle view shares the columns, and tells nothing twice', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await server.fill(1, { keywords: ['$seen'] })
  await ask(client, 'a1 NOOP', ['* 4 EXISTS', 'a1 OK NOOP completed'])
  await ask(client, 'a2 NOOP', ['a2 OK NOOP completed'])
  await ask(client, 'a3 STORE 1 +FLAGS (work)', ['* 1 FETCH (FLAGS (work))', 'a3 OK STORE completed'])
  await ask(client, 'a4 NOOP', ['a4 OK NOOP completed'])
})
