/** The IMAP operations that are measured, as a table: what happens before the clock starts, and one step. */
import type { ImapClient } from './imap-client.ts'
import { mailboxMessage, searchWords, stampMessageId } from './messages.ts'
import type { Random } from '../../harness/random.ts'

export interface Surroundings {
  readonly mailbox: string
  readonly messages: number
  /** A session does what is measured and nothing before. */
  readonly isCold: boolean
  readonly user: string
  readonly password: string
  connect(): Promise<ImapClient>
  signIn(): Promise<ImapClient>
}

export interface Session {
  /** One operation. Returns its milliseconds where that is not simply how long the call took. */
  step(): Promise<number | undefined>
  /** How many messages one operation lists. */
  readonly found?: number
  close(): void
}

export interface Operation {
  /** Once, before the connections are opened. */
  prepare?(client: ImapClient, around: Surroundings): Promise<void>
  open(around: Surroundings, random: Random, connection: number): Promise<Session>
}

const poolSize = 64
const movedMessages = 4000

async function makeAnew(client: ImapClient, mailbox: string): Promise<void> {
  await client.command(`DELETE ${mailbox}`).catch(() => '')
  await client.command(`CREATE ${mailbox}`)
}

/** A command in the selected mailbox. `counted`: what to count in its first answer, before the clock starts. */
function inMailbox(
  command: (random: Random, around: Surroundings) => string,
  counted?: (answer: string) => number,
): Operation {
  return {
    open: async (around, random) => {
      const client = await around.signIn()
      await client.command(`SELECT ${around.mailbox}`)
      const found = around.isCold ? undefined : counted?.(await client.ask(command(random, around)))
      const step = async () => {
        await client.command(command(random, around))
        return undefined
      }
      return { step, ...(found === undefined ? {} : { found }), close: () => client.close() }
    },
  }
}

/** How many messages the response of this name lists. */
const listed = (response: string) => (answer: string) =>
  new RegExp(`^\\* ${response}([ \\d()]*)`, 'm').exec(answer)?.[1]?.match(/\d+/g)?.length ?? 0

function search(criteria: string, form = 'SEARCH'): Operation {
  return inMailbox(() => `${form} ${criteria}`, listed('SEARCH'))
}

function randomUid(random: Random, around: Surroundings): number {
  return 1 + random.below(around.messages)
}

const append: Operation = {
  prepare: (client) => makeAnew(client, 'bench-append'),
  open: async (around, random, connection) => {
    const client = await around.signIn()
    const pool = Array.from({ length: poolSize }, () => mailboxMessage(1 + random.below(50_000)))
    // The clock, then the connection, then the message: no two runs append the same.
    let number = (Date.now() % 1e7) * 1e7 + connection * 1e5
    const step = async () => {
      const message = pool[number % poolSize]!
      stampMessageId(message, ++number)
      await client.append('bench-append', [['(\\Seen)', message]])
      return undefined
    }
    return { step, close: () => client.close() }
  },
}

const login: Operation = {
  open: async (around) => ({
    step: async () => {
      const client = await around.connect()
      await client.login(around.user, around.password)
      await client.command(`SELECT ${around.mailbox}`)
      await client.command('LOGOUT')
      client.close()
      return undefined
    },
    close: () => {},
  }),
}

/** Sets the flag where it is not set, takes it where it is: every step is a change. */
const storeRandom: Operation = {
  prepare: async (client, around) => {
    await client.command(`SELECT ${around.mailbox}`)
    await client.command('STORE 1:* -FLAGS.SILENT (\\Flagged)')
  },
  open: async (around, random) => {
    const client = await around.signIn()
    await client.command(`SELECT ${around.mailbox}`)
    const flagged = new Set<number>()
    const step = async () => {
      const uid = randomUid(random, around)
      const sign = flagged.delete(uid) ? '-' : '+'
      if (sign === '+') flagged.add(uid)
      await client.command(`UID STORE ${uid} ${sign}FLAGS (\\Flagged)`)
      return undefined
    }
    return { step, close: () => client.close() }
  },
}

function copy(count: number): Operation {
  return {
    prepare: (client) => makeAnew(client, 'bench-copy'),
    open: (around, random) =>
      inMailbox(() => {
        const first = 1 + random.below(around.messages - count + 1)
        return `COPY ${count === 1 ? first : `${first}:${first + count - 1}`} bench-copy`
      }).open(around, random, 0),
  }
}

/** To and fro between two mailboxes of each connection; selecting the other one is not part of an operation's time. */
function move(count: number): Operation {
  return {
    open: async (around, _random, connection) => {
      const client = await around.signIn()
      const total = Math.min(movedMessages, around.messages)
      let [from, to, left] = [`bench-from${connection}`, `bench-to${connection}`, total]
      for (const mailbox of [from, to]) await makeAnew(client, mailbox)
      await client.command(`SELECT ${around.mailbox}`)
      await client.command(`COPY 1:${total} ${from}`)
      await client.command(`SELECT ${from}`)
      const step = async () => {
        if (left < count) {
          ;[from, to, left] = [to, from, total - left]
          await client.command(`SELECT ${from}`)
        }
        const startedAt = performance.now()
        await client.command(`MOVE ${count === 1 ? '1' : `1:${count}`} ${to}`)
        left -= count
        return performance.now() - startedAt
      }
      return { step, close: () => client.close() }
    },
  }
}

/** Of messages that are marked right before; marking them is not part of an operation's time, but of its CPU. */
function expunge(count: number): Operation {
  return {
    open: async (around, _random, connection) => {
      const client = await around.signIn()
      const mailbox = `bench-expunge${connection}`
      let left = 0
      const fill = async () => {
        await client.command(`SELECT ${around.mailbox}`)
        await makeAnew(client, mailbox)
        left = Math.min(movedMessages, around.messages)
        await client.command(`COPY 1:${left} ${mailbox}`)
        await client.command(`SELECT ${mailbox}`)
      }
      await fill()
      const step = async () => {
        if (left < count) await fill()
        await client.command(`STORE ${count === 1 ? '1' : `1:${count}`} +FLAGS.SILENT (\\Deleted)`)
        const startedAt = performance.now()
        await client.command('EXPUNGE')
        left -= count
        return performance.now() - startedAt
      }
      return { step, close: () => client.close() }
    },
  }
}

/** What many people's programs do at a time: mostly looking, now and then changing something. */
const mixed: Operation = {
  prepare: async (client) => makeAnew(client, 'bench-mixed'),
  open: async (around, random, connection) => {
    const client = await around.signIn()
    await client.command(`SELECT ${around.mailbox}`)
    const message = mailboxMessage(1 + random.below(50_000))
    let number = (Date.now() % 1e7) * 1e7 + connection * 1e5
    const step = async () => {
      const uid = randomUid(random, around)
      const dice = random.below(100)
      if (dice < 35) await client.command(`UID FETCH ${uid} (BODY.PEEK[])`)
      else if (dice < 55)
        await client.command(`UID FETCH ${uid}:${uid + 49} (FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE)`)
      else if (dice < 70)
        await client.command(`UID STORE ${uid} ${random.chance(0.5) ? '+' : '-'}FLAGS (\\Flagged)`)
      else if (dice < 85) await client.command('NOOP')
      else if (dice < 90) await client.command('UID SEARCH UNSEEN')
      else if (dice < 95) await client.command(`STATUS ${around.mailbox} (MESSAGES UNSEEN)`)
      else {
        stampMessageId(message, ++number)
        await client.append('bench-mixed', [['', message]])
      }
      return undefined
    }
    return { step, close: () => client.close() }
  },
}

/** From the start of an APPEND on one connection until another one, idling in that mailbox, hears of it. */
const idleWake: Operation = {
  prepare: (client) => makeAnew(client, 'bench-idle'),
  open: async (around) => {
    const idling = await around.signIn()
    const writing = await around.signIn()
    await idling.command('SELECT bench-idle')
    let number = (Date.now() % 1e9) * 1000
    const message = mailboxMessage(1)
    const step = async () => {
      stampMessageId(message, ++number)
      await idling.idle()
      const heard = idling.waitForExists()
      const startedAt = performance.now()
      const [ms] = await Promise.all([
        heard.then(() => performance.now() - startedAt),
        writing.append('bench-idle', [['', message]]),
      ])
      await idling.done()
      return ms
    }
    const close = () => {
      idling.close()
      writing.close()
    }
    return { step, close }
  },
}

/** A session at work, alone or while somebody guesses passwords: what it takes should be the same. */
function atWork(guessesPerSecond: number): Operation {
  const whole = inMailbox((random, around) => `UID FETCH ${randomUid(random, around)} (FLAGS ENVELOPE)`)
  return {
    open: async (around, random, connection) => {
      const session = await whole.open(around, random, connection)
      const guesses = guessPasswords(around, guessesPerSecond)
      const close = () => {
        guesses[Symbol.dispose]()
        session.close()
      }
      return { ...session, close }
    },
  }
}

/** More guesses than these do not wait at a time: a server that is slow to refuse is asked less. */
const maxGuesses = 1000
const guessEveryMs = 20

/** Wrong passwords for an account that exists, each over a connection of its own. */
function guessPasswords(around: Surroundings, perSecond: number): Disposable {
  let [made, open] = [0, 0]
  const guess = async () => {
    open++
    try {
      const client = await around.connect()
      await client.login(around.user, `guess ${made++}`).catch(() => '')
      client.close()
    } finally {
      open--
    }
  }
  const timer = setInterval(() => {
    for (let i = 0; i < (perSecond * guessEveryMs) / 1000 && open < maxGuesses; i++)
      guess().catch(() => undefined)
  }, guessEveryMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

const fetched = (answer: string) => answer.match(/^\* \d+ FETCH/gm)?.length ?? 0

export const operations: Readonly<Record<string, Operation>> = {
  append,
  'login+select+logout': login,
  'fetch one': atWork(0),
  'fetch one during 500 guesses/s': atWork(500),
  select: {
    open: async (around) => {
      const client = await around.signIn()
      const step = async () => {
        await client.command(`SELECT ${around.mailbox}`)
        return undefined
      }
      return { step, close: () => client.close() }
    },
  },
  noop: inMailbox(() => 'NOOP'),
  'fetch flags of all': inMailbox(() => 'FETCH 1:* (UID FLAGS)', fetched),
  'fetch envelope of all': inMailbox(() => 'FETCH 1:* (ENVELOPE)', fetched),
  'fetch envelope+bodystructure of all': inMailbox(() => 'FETCH 1:* (ENVELOPE BODYSTRUCTURE)', fetched),
  'fetch body random': inMailbox(
    (random, around) => `UID FETCH ${randomUid(random, around)} (BODY.PEEK[])`,
    fetched,
  ),
  'store flag random': storeRandom,
  'search unseen': search('UNSEEN', 'UID SEARCH'),
  'search subject': search(`SUBJECT "${searchWords.subject}"`),
  'search from': search(`FROM "${searchWords.from}"`),
  'search body': search(`BODY "${searchWords.rare}"`),
  'search text': search(`TEXT "${searchWords.rare}"`),
  'sort by date': inMailbox(() => 'SORT (REVERSE DATE) UTF-8 ALL', listed('SORT')),
  'sort by subject': inMailbox(() => 'SORT (SUBJECT) UTF-8 ALL', listed('SORT')),
  thread: inMailbox(() => 'THREAD REFERENCES UTF-8 ALL', listed('THREAD')),
  'copy 1': copy(1),
  'copy 100': copy(100),
  'move 1': move(1),
  'move 100': move(100),
  'expunge 1': expunge(1),
  'expunge 100': expunge(100),
  mixed,
  'idle wake': idleWake,
}
