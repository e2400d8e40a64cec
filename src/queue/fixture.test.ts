/** A queue in memory for the tests of this folder: a clock that stands, a world of servers that do as told. */
import { fixedClock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import type { DkimSigningKey } from '#mailauth/dkim-sign.ts'
import { LiveSettings } from '#registry/live.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { attempt } from './attempt.ts'
import { enqueue, type NewMessage, type NewRecipient, QueueIds } from './enqueue.ts'
import { QueueManager } from './manager.ts'
import { notify } from './notify.ts'
import type { QueueControl } from './control.ts'
import { destinationOf } from './route.ts'
import { queueSettings } from './settings.ts'
import { dueTable, type Paused, queuedMessageTable, queuedRecipientTable, type QueueId } from './tables.ts'
import {
  type Job,
  type LocalTransport,
  type RecipientResult,
  type Transport,
  unreadable,
  UnreadableMessage,
} from './transport.ts'

export const startedAt = Date.UTC(2026, 2, 4, 5, 6, 7)
export const day = 86_400_000

export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

export interface Sent {
  readonly to: readonly string[]
  readonly from: string
  readonly text: string
}

type Answer = (address: string, job: Job) => Promise<RecipientResult> | RecipientResult

export const attemptAt = (at: number, said: string) => ({
  at,
  elapsedMs: 5,
  step: 'RCPT',
  said,
  host: 'mx.example',
  ip: '192.0.2.1',
})

export function makeQueue(
  o: {
    config?: string
    engine?: MemoryEngine
    blobs?: MemoryBlobs
    /** What notifications are signed with. */
    keys?: readonly DkimSigningKey[]
  } = {},
) {
  const blobs = o.blobs ?? new MemoryBlobs()
  const engine = o.engine ?? new MemoryEngine(blobs)
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  const db = new KvDb(engine, bus)
  const clock = fixedClock(startedAt)
  const told: Told[] = []
  const telemetry: Telemetry = {
    ...silentTelemetry,
    emit: (kind, values) => void told.push({ event: kind.name, ...values }),
  }
  const settings = new LiveSettings([...queueSettings] as never)
  if (o.config !== undefined) settings.loadText(o.config, 'test.toml')
  const ids = new QueueIds()
  const sent: Sent[] = []
  const world: { answer: Answer; attempts: number; running: number; mostRunning: number } = {
    attempts: 0,
    running: 0,
    mostRunning: 0,
    answer: () => ({
      kind: 'delivered',
      attempt: attemptAt(clock.now(), '250 ok'),
      passedOn: false,
      byPassedOn: false,
    }),
  }
  const results = async (job: Job): Promise<readonly RecipientResult[]> => {
    world.attempts++
    world.running++
    world.mostRunning = Math.max(world.mostRunning, world.running)
    try {
      const all: RecipientResult[] = []
      for (const { address } of job.recipients) all.push(await world.answer(address, job))
      const to = job.recipients.filter((_, i) => all[i]!.kind === 'delivered').map(({ address }) => address)
      const pieces: Uint8Array[] = []
      try {
        for await (const piece of job.message.read()) pieces.push(piece)
      } catch (error) {
        if (!(error instanceof UnreadableMessage)) throw error
        const { kind, status, step, said } = unreadable
        return all.map(() => ({ kind, status, attempt: { ...attemptAt(clock.now(), said), step } }))
      }
      if (to.length > 0) sent.push({ to, from: job.from, text: Buffer.concat(pieces).toString() })
      return all
    } finally {
      world.running--
    }
  }
  const remote: Transport = { deliver: (job) => results(job) }
  const local: LocalTransport = {
    async deliver(job, finish) {
      const found = await results(job)
      await db.write(job.locks, (tx) => finish(tx, found))
    },
  }
  const deps = {
    db,
    blobs,
    clock,
    settings,
    telemetry,
    ids,
    hostname: () => 'mail.example.org',
    keysOfHost: async () => o.keys ?? [],
  }
  const start = () =>
    new QueueManager({
      db,
      bus,
      clock,
      settings,
      telemetry,
      work: {
        destinationOf: (address) =>
          destinationOf({ settings, isLocal: (one) => one.endsWith('@example.org') }, address),
        attempt: (work, o) => attempt({ ...deps, remote, local }, work, o),
        notify: (work) => notify(deps, work),
      },
    })
  const put = async (
    to: readonly (string | Partial<NewRecipient>)[],
    message: Partial<NewMessage> = {},
    text = 'Subject: hello\r\n\r\nhello\r\n',
  ): Promise<QueueId> => {
    const stager = blobs.stager({ maxBytes: 1e6 })
    await stager.write(Buffer.from(text))
    const staged = await stager.finish()
    const recipients = to.map((one) => ({
      queue: 'remote',
      expiresAt: clock.now() + 3 * day,
      ...(typeof one === 'string' ? { address: one } : { address: 'bob@remote.example', ...one }),
    }))
    const id = await db.write([], (tx) =>
      enqueue(
        tx,
        ids,
        staged,
        {
          before: 'Received: by us\r\n',
          added: {},
          is8bit: false,
          needsUtf8: false,
          from: 'alice@example.org',
          source: 'submitted',
          account: 1 as AccountId,
          receivedAt: clock.now(),
          heldUntil: 0,
          ...message,
        },
        recipients,
      ),
    )
    bus.publish({ kind: 'queue', message: id })
    return id
  }
  const rows = async () =>
    db.read(async (tx) => ({
      messages: await tx.list(queuedMessageTable, []),
      recipients: await tx.list(queuedRecipientTable, []),
      due: await tx.list(dueTable, []),
    }))
  /** Lets a time go by, and what is then due be done. */
  const pass = async (manager: QueueManager, ms: number): Promise<void> => {
    clock.advance(ms)
    manager.kick()
    await manager.settled()
  }
  return { ...deps, bus, engine, told, world, sent, start, put, rows, pass }
}

/** For what manages a queue in which nothing moves. `taken`: message and recipient, as in `7 0`. */
export function stillQueue() {
  const state = { paused: undefined as Paused | undefined, hurried: [] as string[], taken: new Set<string>() }
  const queue: QueueControl = {
    get paused() {
      return state.paused
    },
    active: 0,
    pause: async (by) => void (state.paused = { at: startedAt, by }),
    resume: async () => void (state.paused = undefined),
    isTaken: (id, n) => state.taken.has(`${id} ${n}`),
    hurry: (addresses) => void state.hurried.push(...addresses),
  }
  return { queue, state }
}
