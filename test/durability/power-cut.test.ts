/**
 * Power cuts: a killed process leaves the page cache, so what only a sync guarantees is shown from a record of
 * everything that the server wrote and synced. At many moments of one run the disk is put back to what was
 * synced by then, with any part of the rest, and must hold whatever the server had answered by then.
 *
 * POSTERN_CUTS: moments for each engine, 24 by default. POSTERN_RECORD_ANSWERS: commands in the run. POSTERN_ENGINES: a part of the engines.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { startServer } from '../harness/server.ts'
import { openTestStore, temporaryDirectory } from '../harness/store.ts'
import { needs } from '../interop/program.ts'
import type { EmbeddedEngine } from '#server/store/engine-choice.ts'
import { deliverMore } from './deliver-more.ts'
import { Disk } from './disk.ts'
import { inspectStore, readStore, type StoreReading } from './inspect.ts'
import { expectedStates, type Step } from './ledger.ts'
import { enginesUnderTest } from './load-accounts.ts'
import { Random } from '../harness/random.ts'
import { recordRun, type RecordedRun } from './recorded-run.ts'
import { brokenOrders } from './sync-order.ts'
import { differences } from './verify.ts'

const cuts = Number(process.env['POSTERN_CUTS'] ?? 24)
const answers = Number(process.env['POSTERN_RECORD_ANSWERS'] ?? 1000)
/** How much of what was not synced survives: often nothing, sometimes all. */
const shares = [0, 0, 0.5, 0.9, 1] as const

for (const engine of enginesUnderTest) {
  describe(`power cut, ${engine}`, needs('strace'), () => {
    const random = new Random()
    let run: RecordedRun

    before(async () => {
      run = await recordRun(engine, random, answers)
    })

    it('syncs the journal before every answer, segments before the engine, the engine before the journal goes', () => {
      const wrong = brokenOrders(run)
      assert.deepEqual(wrong.slice(0, 20), [], wrong.slice(0, 20).join('\n'))
    })

    it(`keeps every promise at ${cuts} moments`, async () => {
      const wrong: string[] = []
      const disk = new Disk(run.directory)
      let next = 0
      for (const moment of chooseMoments(run, random)) {
        while (next < run.events.length && run.events[next]!.at <= moment) disk.apply(run.events[next++]!)
        // At the end, when the journal was given back, nothing but what was synced.
        const share = next === run.events.length ? 0 : random.pick(shares)
        for (const sentence of await cutAt(disk, { engine, run, moment, share, random }))
          wrong.push(`at ${moment}, ${share}: ${sentence}`)
      }
      assert.deepEqual(wrong.slice(0, 30), [], `seed ${random.seed}:\n${wrong.slice(0, 30).join('\n')}`)
    })

    it('starts after a cut during its first start', async () => {
      const firstAnswer = Math.min(...run.answeredAt.values())
      const early = run.events.filter(({ at }) => at < firstAnswer)
      const some = Array.from({ length: 2 }, () => ({
        moment: random.below(early.length),
        share: random.pick(shares),
      }))
      // What says which store it is comes first: with all that was written until then, it is whole or not there.
      // Planted fault: STORE is written under its own name.
      const ofStore = early.flatMap((event, i) =>
        'path' in event && basename(event.path).startsWith('STORE') ? [{ moment: i + 1, share: 1 }] : [],
      )
      assert.ok(ofStore.length >= 3)
      const disk = new Disk(run.directory)
      let next = 0
      for (const { moment, share } of [...some, ...ofStore].toSorted((a, b) => a.moment - b.moment)) {
        while (next < moment) disk.apply(early[next++]!)
        await startAfterCut(disk, engine, { random, share })
      }
    })
  })
}

/** Ascending. Half of them right behind an answer, when it is most likely to have come too early. */
function chooseMoments({ events, answeredAt }: RecordedRun, random: Random): readonly number[] {
  const answers = [...answeredAt.values()].toSorted((a, b) => a - b)
  const from = events.findIndex(({ at }) => at >= answers[0]!)
  const moments = [events.at(-1)!.at]
  while (moments.length < cuts) {
    const any = events[from + random.below(events.length - from)]!.at
    moments.push(moments.length % 2 === 0 ? any : random.pick(answers))
  }
  return moments.toSorted((a, b) => a - b)
}

/** What is wrong with the store after a cut, and after it was used further. */
async function cutAt(
  disk: Disk,
  o: { engine: EmbeddedEngine; run: RecordedRun; moment: number; share: number; random: Random },
): Promise<readonly string[]> {
  const directory = temporaryDirectory()
  try {
    disk.cut(directory, o.random, o.share)
    {
      await using store = await openTestStore(o.engine, { directory })
      const found = compareAll(o.run, o.moment, await readStore(store))
      if (found.length > 0) return found
      await deliverMore(store, `c${o.moment}`)
    }
    return (await inspectStore(o.engine, directory)).wrong.map((sentence) => `later ${sentence}`)
  } catch (error) {
    return [`the store cannot be opened: ${(error as Error).message}`]
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function compareAll(run: RecordedRun, moment: number, { accounts, wrong }: StoreReading): readonly string[] {
  const answered = ({ token }: Step): boolean =>
    token !== undefined && (run.answeredAt.get(token) ?? Number.POSITIVE_INFINITY) <= moment
  const found = [...wrong]
  for (const { name, base, steps, used } of run.accounts) {
    const actual = accounts.get(name)
    if (actual === undefined) found.push(`${name} is lost`)
    else
      for (const sentence of differences(expectedStates(base, steps, used, answered), actual))
        found.push(`${name} ${sentence}`)
  }
  return found
}

/** The server itself on what a cut leaves, at a moment when it may not have finished its first start. */
async function startAfterCut(
  disk: Disk,
  engine: EmbeddedEngine,
  { random, share }: { readonly random: Random; readonly share: number },
): Promise<void> {
  const directory = temporaryDirectory()
  try {
    disk.cut(join(directory, 'data'), random, share)
    await using server = await startServer({ engine, directory })
    assert.equal((await server.process.stop()).code, 0, server.process.output)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
