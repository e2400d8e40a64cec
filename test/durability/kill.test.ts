/**
 * The server is killed at random moments under load, again and again on one data directory. After each restart
 * what clients were told must be true: every acknowledged message is there once and whole, flags, copies and
 * deletions are as answered, UIDs were never used twice, and counters are a recount.
 *
 * POSTERN_KILL_ROUNDS: rounds for each engine, 20 by default. POSTERN_ENGINES: a part of the engines.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { ServerProcess, startServer, type TestServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { rm } from 'node:fs/promises'
import { ignoreEnd, Load } from './load.ts'
import type { LoadAccount } from './load-user.ts'
import { createAccounts, enginesUnderTest, loadConfig } from './load-accounts.ts'
import { expectedStates } from './ledger.ts'
import { Random } from '../harness/random.ts'
import { readAccount } from './read-account.ts'
import { expectCleanCheck, expectSoundStore } from './inspect.ts'
import { differences, noteAll } from './verify.ts'

const rounds = Number(process.env['POSTERN_KILL_ROUNDS'] ?? 20)
/** In each round at least: a kill of a server that did nothing shows nothing. */
const leastAnswers = 11

/** Compares every account with what its clients were told, and takes what is there as the new beginning. */
async function verify(
  imapPort: number,
  accounts: readonly LoadAccount[],
  everything: boolean,
): Promise<string[]> {
  const wrong: string[] = []
  for (const account of accounts) {
    const reading = await readAccount(imapPort, account.name, everything ? undefined : account.base)
    const expected = expectedStates(account.base, account.steps, account.used, (step) => step.answered)
    wrong.push(...reading.wrong)
    for (const sentence of differences(expected, reading.state)) wrong.push(`${account.name} ${sentence}`)
    for (const [path, uids] of expected[0]!.used) account.used.set(path, new Map(uids))
    noteAll(account.used, reading.state)
    account.base = reading.state
    account.steps = []
  }
  return wrong
}

// Side by side: they wait most of the time.
describe('kills', { concurrency: true }, () => {
  for (const engine of enginesUnderTest) {
    describe(`kill -9, ${engine}`, () => {
      it(`keeps every promise over ${rounds} rounds`, async () => {
        const directory = temporaryDirectory()
        const start = (workers: number) => startServer({ engine, directory, workers, config: loadConfig })
        let server = await start(1)
        try {
          const random = new Random()
          const accounts = await createAccounts(server, 4)
          let answered = 0
          for (let round = 1; round <= rounds; round++) {
            await loadUntilKilled(server, accounts, random, round)
            for (const { steps } of accounts) answered += steps.filter((step) => step.answered).length
            if (random.chance(0.3)) await killStarting(directory, random)
            server = await start(1 + (round % 2))
            const wrong = await verify(server.imapPort, accounts, round === rounds)
            assert.deepEqual(wrong, [], `round ${round}, seed ${random.seed}:\n${wrong.join('\n')}`)
          }
          assert.ok(answered >= rounds * leastAnswers, `only ${answered} steps were answered`)
          await server.process.stop()
          await expectSoundStore(engine, join(directory, 'data'))
          await expectCleanCheck(join(directory, 'data'))
        } finally {
          await server.process.stop('SIGKILL')
          await rm(directory, { recursive: true, force: true })
        }
      })
    })
  }
})

async function loadUntilKilled(
  server: TestServer,
  accounts: readonly LoadAccount[],
  random: Random,
  round: number,
): Promise<void> {
  const load = new Load({ ports: server, accounts, random, run: `r${round}`, senders: 4 })
  await load.start().catch(ignoreEnd)
  // Every fourth round lasts long enough for checkpoints.
  await wait(100 + random.below(round % 4 === 0 ? 1600 : 700))
  await load.untilAnswered(leastAnswers)
  await server.process.stop('SIGKILL')
  await load.stop()
}

/** A crash while the last one is being recovered from. */
async function killStarting(directory: string, random: Random): Promise<void> {
  const starting = new ServerProcess([
    '--config',
    join(directory, 'server.toml'),
    '--data',
    join(directory, 'data'),
  ])
  await wait(200 + random.below(600))
  await starting.stop('SIGKILL')
}
