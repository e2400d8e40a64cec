/** One run: random clients on one or two workers of a store, and whether all that they were told was true. */
import assert from 'node:assert/strict'
import { isFault } from '#base/fault.ts'
import type { MailboxId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import { logFloorTable } from '#kv/change-log.ts'
import type { Db } from '#kv/db.ts'
import { trimLog } from '#kv/trim-log.ts'
import type { WriteTx } from '#kv/tx.ts'
import { ingest } from '#mail/ingest.ts'
import { noLimits } from '#mail/limits.ts'
import { provisionAccount } from '#mail/mailbox.ts'
import { prepareBytes } from '#mail/test-message.ts'
import { AccountViews } from '#mail/view.ts'
import type { StreamConnection } from '#net/stream-connection.ts'
import { SearchIndexes } from '#search/indexes.ts'
import type { Bus } from '#bus/bus.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { Conversation } from '../../../test/harness/conversation.ts'
import { connectionPair } from '../../../test/harness/pipe.ts'
import { Random } from '../../../test/harness/random.ts'
import { AccountWatch } from '#account/account-watch.ts'
import { Client, type Fact, kinds, type Witness } from './client.test.ts'
import { checkFact } from './facts.test.ts'
import { Model, type Order, takesNumber, type Write } from './model.test.ts'
import { Player } from './player.test.ts'
import { account, createdAt } from '../../../test/harness/memory-accounts.ts'
import { ImapTestServer } from '../fixture.test.ts'
import { ImapProtocol } from '../protocol.ts'
import type { ImapServices } from '../services.ts'

export interface Handles {
  readonly db: Db
  readonly blobs: BlobStore
  readonly bus: Bus
}

export interface RunOptions {
  readonly seed: number
  /** One for each worker. */
  readonly workers: readonly Handles[]
  readonly clients: number
  /** Of each client. */
  readonly steps: number
}

const boxIds = [1, 6] as MailboxId[]

/** Lines of the trace that a failure shows. */
const shownLines = Number(process.env['POSTERN_TRACE'] ?? 150)

export class Run implements Witness, AsyncDisposable {
  readonly random: Random
  readonly #o: RunOptions
  readonly #disposed = new AsyncDisposableStack()
  readonly #services: ImapServices[] = []
  readonly #orders = new Map<string, Order>()
  readonly #writes: Write[] = []
  readonly #facts: Fact[] = []
  readonly #trace: string[] = []
  readonly #sessions: Promise<unknown>[] = []
  readonly #connections: StreamConnection[] = []
  readonly #players: Player[] = []
  /** What is done besides the clients' commands. */
  readonly #others: Promise<void>[] = []
  #start = 0
  #tokens = 0
  #steps = 0
  #cutting = 0
  #cut = 0
  isOver = false
  floor = 0
  ceiling = 0

  private constructor(o: RunOptions) {
    this.#o = o
    this.random = new Random(o.seed)
  }

  /** Throws an AssertionError with the trace where anything was not true. Returns how much happened. */
  static async play(o: RunOptions): Promise<{ writes: number; facts: number }> {
    await using run = new Run(o)
    try {
      await run.#play()
    } catch (error) {
      const lines = run.#trace.slice(-shownLines).join('\n')
      const how = `POSTERN_SEED=${o.seed} (${o.workers.length} workers, ${o.clients} clients, ${o.steps} steps)`
      throw new assert.AssertionError({ message: `${how}: ${(error as Error).message}\n${lines}` })
    }
    return { writes: run.#writes.length, facts: run.#facts.length }
  }

  get cut(): number {
    return Math.max(this.#cut, this.#cutting)
  }

  fact(fact: Fact): void {
    this.#facts.push(fact)
  }

  say(line: string): void {
    this.#trace.push(line.trimEnd().replaceAll('\r\n', '|'))
  }

  token(): string {
    return `m${++this.#tokens}`
  }

  give(order: Order): void {
    this.#orders.set(order.tag, order)
  }

  get steps(): number {
    return this.#steps
  }

  stepped(): void {
    this.#steps++
    if (this.#steps % 40 === 0) this.#others.push(this.#deliver())
    if (this.#steps % 150 === 0 && this.#cutting === 0) this.#others.push(this.#trim())
  }

  async connect(client: Client, worker: number): Promise<void> {
    const { server, client: stream } = connectionPair({ listener: 'imap' })
    this.#connections.push(server)
    const services = this.#services[worker]!
    let tag = ''
    const readLine = server.readLine.bind(server)
    server.readLine = (...args) => {
      const noted = (line: Buffer | undefined): Buffer | undefined => {
        tag = /^(c\d+t\d+) /.exec(line?.toString('latin1') ?? '')?.[1] ?? tag
        return line
      }
      const line = readLine(...args)
      return line instanceof Promise ? line.then(noted) : noted(line)
    }
    const db = this.#tapped(services.db, () => this.#orders.get(tag)!)
    const protocol = new ImapProtocol({ ...services, db })
    this.#sessions.push(protocol.serve(server).finally(() => void server.close()))
    const conversation = new Conversation(stream)
    await conversation.expect('* OK')
    await conversation.ask('in LOGIN fred@example.org secret', 'in OK')
    await client.begin(conversation, () => {
      conversation.destroy()
      server.destroy()
    })
  }

  /** Notes each commit: whose it is, what came of it, and the number it got. */
  #tapped(db: Db, whose: () => Order): Db {
    return {
      read: (body) => db.read(body),
      write: async (accounts, body, o) => {
        const order = whose()
        let modseq = 0
        const noting = (tx: WriteTx): ReturnType<typeof body> => {
          modseq = tx.modseq(account)
          this.ceiling = Math.max(this.ceiling, modseq)
          return body(tx)
        }
        const value = await db.write(accounts, noting, o)
        const write = { order, modseq, value }
        this.#writes.push(write)
        if (takesNumber(write)) this.floor = Math.max(this.floor, modseq)
        this.say(`-- ${order.tag} wrote ${modseq}: ${JSON.stringify(value)}`)
        return value
      },
    }
  }

  async #open(): Promise<void> {
    const memory = this.#disposed.use(await ImapTestServer.start())
    for (const [i, { db, blobs, bus }] of this.#o.workers.entries()) {
      const watch = this.#disposed.use(new AccountWatch(bus))
      // The second has so little room that its columns are dropped again and again.
      const views = new AccountViews({ db, budgetBytes: i === 0 ? 64 << 20 : 4000 })
      const telemetry = silentTelemetry
      const indexes = new SearchIndexes({ db, bus, blobs, telemetry, budgetBytes: 1 << 20 })
      this.#services.push({ ...memory.services, db, blobs, views, indexes, watch, telemetry })
    }
    const { db } = this.#services[0]!
    await db.write([account], (tx) => provisionAccount(tx, account, createdAt))
    this.#start = await db.read((tx) => tx.sequence(account))
    this.floor = this.ceiling = this.#start
  }

  async #play(): Promise<void> {
    await this.#open()
    for (let i = 0; i < this.#o.clients; i++) {
      const client = new Client(`c${i}`, kinds[i % kinds.length]!, this)
      const worker = i % this.#o.workers.length
      const random = new Random(this.#o.seed * 1000 + i)
      this.#players.push(new Player({ run: this, client, worker, random, number: i }))
    }
    for (let i = 0; i < 6; i++) await this.#deliver()
    await Promise.all(this.#players.map((player) => player.play(this.#o.steps)))
    await Promise.all(this.#others)
    // Nobody writes any more: all see the same now.
    await Promise.all(this.#players.map((player) => player.comeToRest()))
    await this.#compare()
  }

  async #compare(): Promise<void> {
    const { db } = this.#services[0]!
    const last = await db.read((tx) => tx.sequence(account))
    const model = new Model(this.#start)
    model.replay(this.#writes, last)
    await this.#compareStore(model)
    for (const fact of this.#facts) checkFact(model, fact)
    for (const order of this.#orders.values()) this.#checkOutcome(model, order)
    for (const { client } of this.#players) {
      const expected = model.alive(client.box!, last).map((entry) => {
        const { flags, modseq } = entry.states.at(-1)!
        return [entry.uid, flags.join(' '), client.isCondstore ? modseq : undefined]
      })
      const known = client.slots.map(({ uid, flags, modseq }) => [
        uid,
        flags?.join(' '),
        client.isCondstore ? modseq : undefined,
      ])
      assert.deepEqual(known, expected, `what ${client.kind} knows at the end`)
    }
  }

  /** The views of every worker, as they were kept up to date, and one that is made anew. */
  async #compareStore(model: Model): Promise<void> {
    for (const { db, views } of this.#services) {
      for (const each of [views, new AccountViews({ db, budgetBytes: 1 << 20 })]) {
        const view = await each.open(account)
        for (const [box, id] of boxIds.entries()) {
          const now = (await view.load(id))!
          const entries = [...model.boxes[box]!.entries.values()].filter(({ goneAt }) => goneAt === Infinity)
          const { highestModseq, uidNext } = now
          assert.deepEqual(
            Array.from({ length: now.count }, (_, i) => {
              const { keywords, deleted } = now.flagsAt(i)
              return `${now.uids.at(i)} ${now.modseqs.at(i)} ${keywords.join(' ')} ${deleted}`
            }),
            entries.map(
              ({ uid, states, message, deleted }) =>
                `${uid} ${states.at(-1)!.modseq} ${storedKeywords(message.keywords)} ${deleted}`,
            ),
            `the rows of mailbox ${box}`,
          )
          const { highestModseq: highest, uidNext: next } = model.boxes[box]!
          assert.ok(
            highest === 0 || highest === highestModseq,
            `HIGHESTMODSEQ ${highestModseq}, not ${highest}`,
          )
          assert.equal(uidNext, next)
        }
      }
    }
  }

  /** What was answered with OK was done. */
  #checkOutcome(model: Model, order: Order): void {
    const write = this.#writes.filter((one) => one.order === order)
    const { kind, status, line, uids } = order
    if (kind !== 'trim') assert.ok(write.length <= 1, `${line} is ${write.length} commits`)
    if (status === undefined || kind === 'trim') return
    const ceiling = order.ceiling!
    const isAlive = (uid: number): boolean => {
      const entry = model.entry(order.box, uid)
      return entry !== undefined && model.at(entry, ceiling) !== undefined
    }
    if (write.length === 1) {
      const { modified } = write[0]!.value as { modified?: readonly number[] }
      if (kind === 'store') assert.deepEqual(order.modified ?? [], modified, `MODIFIED of ${line}`)
      assert.ok(status === 'OK' || kind === 'store' || kind === 'fetch', `${line} was done, and is ${status}`)
      return
    }
    // Another worker wrote first too often: nothing was done, and the client may try again.
    if (order.code === 'UNAVAILABLE') assert.ok(this.#o.workers.length > 1, line)
    else if (status === 'NO') {
      const mayFail = ['copy', 'move', 'replace', 'fetch', 'peek'].includes(kind)
      assert.ok(mayFail && uids?.every(isAlive) !== true, `${line} is NO ${order.code}`)
    } else if (['copy', 'move', 'store'].includes(kind))
      assert.ok(!uids!.some(isAlive), `${line} did nothing`)
    else if (kind === 'expunge')
      assert.deepEqual(model.expunged(order, ceiling).surely, [], `${line} did nothing`)
    else assert.ok(!['append', 'replace'].includes(kind), `${line} did nothing`)
  }

  async #deliver(): Promise<void> {
    const { db, blobs } = this.#services[this.random.below(this.#services.length)]!
    const token = this.token()
    const messages = [{ token, flags: [] }]
    const tag = `d-${token}`
    const order: Order = { tag, line: tag, kind: 'append', box: 0, messages, floor: this.floor }
    this.give(order)
    const bytes = Buffer.from(`Subject: ${token}\r\n\r\n${token}`)
    const message = await prepareBytes(blobs, bytes, { receivedAt: createdAt })
    const options = { mailbox: boxIds[0]!, keywords: [], savedAt: createdAt, limits: noLimits }
    const writing = this.#tapped(db, () => order).write([account], async (tx) => [
      await ingest(tx, account, message, options),
    ])
    await writing.catch((error: unknown) => {
      if (!isFault(error, 'unavailable')) throw error
    })
  }

  /** The change log loses all but the last changes. */
  async #trim(): Promise<void> {
    const order = { tag: 'trim', line: 'trim', kind: 'trim', box: 0, floor: this.floor }
    this.#cutting = this.ceiling
    const { db } = this.#services[0]!
    await trimLog(
      this.#tapped(db, () => order),
      account,
      60,
    )
    this.#cut = (await db.read((tx) => tx.get(logFloorTable, account))) ?? 0
    this.#cutting = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOver = true
    for (const { client } of this.#players) if (client.isConnected) client.cut()
    // Also those of clients that were just signing in.
    for (const connection of this.#connections) connection.destroy()
    await Promise.allSettled([...this.#sessions, ...this.#others])
    await this.#disposed.disposeAsync()
  }
}

const storedKeywords = (flags: ReadonlySet<string>): string =>
  [...flags]
    .map((flag) => flag.replace('\\', '$'))
    .sort()
    .join(' ')
