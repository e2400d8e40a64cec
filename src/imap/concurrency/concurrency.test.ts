/**
 * Several sessions change two mailboxes at once, on one worker and on two, and all that any of them is told must be
 * true: random clients (IMAP4rev1, IMAP4rev2, CONDSTORE, QRESYNC) append, store, copy, move, replace, expunge,
 * search, idle, pipeline, hang up and come back by an earlier picture, while mail is delivered and the change log is
 * cut. `client.test.ts` believes what it is told and refuses what the standard forbids at that moment, `model.test.ts`
 * replays the commits, and `facts.test.ts` looks whether each fact was true in that history.
 *
 * Planted faults that turned it red, by where it was seen. What is forbidden at that moment: expunges shown during
 * STORE, during SEARCH. The history of commits: UNCHANGEDSINCE off by one, writers of a commit that share a MODSEQ, a
 * moved message that stays behind, flags of a copy that keep their MODSEQ, workers that do not see each other's
 * commits. Facts and what is known at the end: a vanished UID that is dropped, CHANGEDSINCE off by one, the same when
 * a client comes back, a cut log taken for a whole one, a view that misses an expunge or new flags, a change that the
 * log forgets.
 *
 * POSTERN_SEED=N repeats a run, POSTERN_RUNS=N makes so many with the seeds from there on, POSTERN_TRACE=N shows so
 * many lines of what happened.
 *
 * Faults that were planted by hand, each of which turned this red with the seeds below. Refused at that moment by the
 * client: EXPUNGE shown within STORE, or within FETCH; one of several UIDs left out of VANISHED, or out of VANISHED
 * (EARLIER); FETCH with a number from before the EXPUNGE ahead of it; CHANGEDSINCE off by one; a cut log not noticed.
 * By the replay: numbers used twice by writers that share a commit; commits that do not look whether another worker
 * was first; UNCHANGEDSINCE not asked; EXPUNGE that does not look again whether a message is still marked; flags of
 * other entries of a message changed under their old MODSEQ. By the outcome of each command: MOVE in two commits. By
 * the facts: flags of QRESYNC off by one; SELECT of what was there before; HIGHESTMODSEQ told while an EXPUNGE waits;
 * STORE with SILENT that hides what others did; changes shown between commands.
 */
import { test } from 'node:test'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { openTestStore } from '../../../test/harness/store.ts'
import { type Handles, Run } from './run.test.ts'

const first = Number(process.env['POSTERN_SEED'] ?? 1)
const runs = Number(process.env['POSTERN_RUNS'] ?? 2)
const seeds = Array.from({ length: runs }, (_, i) => first + i)

function memoryWorkers(count: number): Handles[] {
  const blobs = new MemoryBlobs()
  const engine = new MemoryEngine(blobs)
  const bus = new LocalBus({
    onError: (error) => {
      throw error
    },
  })
  return Array.from({ length: count }, () => ({ db: new KvDb(engine, bus), blobs, bus }))
}

for (const count of [1, 2]) {
  for (const seed of seeds) {
    test(`in memory, ${count} workers, seed ${seed}: every view is true`, async () => {
      await Run.play({ seed, workers: memoryWorkers(count), clients: 5, steps: 60 })
    })
  }
  test(`on disk, ${count} workers, seed ${first}: every view is true`, async () => {
    await using store = await openTestStore('lmdb')
    const { bus } = store
    const workers = [store, ...Array.from({ length: count - 1 }, () => store.another())].map(
      ({ db, blobs }) => ({ db, blobs, bus }),
    )
    await Run.play({ seed: first, workers, clients: 5, steps: 60 })
  })
}
