/**
 * One run of the real server under load with everything recorded: what it did to its files and said to its
 * clients, and what the clients had asked for.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import type { EmbeddedEngine } from '#server/store/engine-choice.ts'
import { Disk } from './disk.ts'
import { Load } from './load.ts'
import type { LoadAccount } from './load-user.ts'
import { createAccounts, loadConfig } from './load-accounts.ts'
import type { Random } from '../harness/random.ts'
import { readRecording, straceCommand, type TraceEvent } from './recording.ts'

export interface RecordedRun {
  /** The data directory that the events are about; it is gone. */
  readonly directory: string
  readonly events: readonly TraceEvent[]
  readonly accounts: readonly LoadAccount[]
  /** When each step's answer was about to be sent, by its token. */
  readonly answeredAt: ReadonlyMap<string, number>
}

/** Until the accounts' own sessions were answered so often, which takes a busy machine longer. */
export async function recordRun(
  engine: EmbeddedEngine,
  random: Random,
  answers: number,
): Promise<RecordedRun> {
  const directory = temporaryDirectory()
  const record = join(directory, 'record.strace')
  try {
    const server = await startServer({
      engine,
      directory,
      config: loadConfig,
      through: straceCommand(record),
    })
    let accounts: LoadAccount[]
    try {
      accounts = await createAccounts(server, 3)
      const load = new Load({ ports: server, accounts, random, run: 'r0', senders: 3 })
      await load.start()
      await load.untilAnswered(answers)
      await load.stop()
    } finally {
      await server.process.stop()
    }
    const data = join(directory, 'data')
    const events = await readRecording(record, data)
    expectComplete(events, data)
    return { directory: data, events, accounts, answeredAt: findAnswers(events) }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Fails where the events do not make the files that are there: then something was not recorded. */
function expectComplete(events: readonly TraceEvent[], directory: string): void {
  const disk = new Disk(directory)
  for (const event of events) disk.apply(event)
  for (const path of disk.paths()) {
    // Written through a memory map, and of no account after a restart.
    if (path.endsWith('-lock') || path.endsWith('-shm')) continue
    assert.ok(disk.contentOf(path).equals(readFileSync(path)), `the record of ${path} is not complete`)
  }
}

const answers = /^250 2\.0\.0 .* id (\S+)\r$|^(r0\w+x) OK /gm

function findAnswers(events: readonly TraceEvent[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const event of events) {
    if (event.kind !== 'sent') continue
    for (const [, id, tag] of event.data.toString('latin1').matchAll(answers)) {
      const token = id ?? tag!
      if (!found.has(token)) found.set(token, event.at)
    }
  }
  return found
}
