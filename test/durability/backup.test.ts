/**
 * `postern backup` of a server under load, twice to the same place: each copy is as a store was at one moment, not
 * before the second or two that a checkpoint takes, and a server starts on it.
 *
 * Faults that turn it red, each planted by hand and seen: segments are copied before the rows; the rows are copied to
 * the place of the earlier ones; segments that only the earlier copy has go before its rows do; an unfinished first
 * copy is taken for an empty store.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chooseEngine, type EmbeddedEngine } from '#server/store/engine-choice.ts'
import { Random } from '../harness/random.ts'
import { startServer } from '../harness/server.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { SmtpClient } from './client.ts'
import { expectCleanCheck, inspectStore } from './inspect.ts'
import { expectedStates } from './ledger.ts'
import { Load, password } from './load.ts'
import { createAccounts, enginesUnderTest, loadConfig } from './load-accounts.ts'
import type { LoadAccount } from './load-user.ts'
import { messageOf } from './messages.ts'
import { differences } from './verify.ts'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

async function postern(...args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

/** What is wrong with a copy: it is to be as each account was at some moment of this time. */
async function wrongWith(
  engine: EmbeddedEngine,
  copy: string,
  accounts: readonly LoadAccount[],
  [from, to]: readonly [number, number],
): Promise<string[]> {
  await expectCleanCheck(copy)
  const { accounts: found, wrong } = await inspectStore(engine, copy)
  const all = [...wrong]
  for (const { name, base, steps, used } of accounts) {
    const { keywords } = found.get(name)!
    const times = steps.flatMap(({ answeredAt = 0 }) =>
      answeredAt >= from && answeredAt <= to ? [answeredAt] : [],
    )
    // Near the last message that is there, most likely.
    const last = steps.findLast(({ action }) => 'key' in action && keywords.has(action.key))?.answeredAt ?? to
    const wrongAt = (moment: number): readonly string[] =>
      differences(
        expectedStates(base, steps, used, (step) => (step.answeredAt ?? to + 1) <= moment),
        found.get(name)!,
      )
    const moments = [...new Set([from, ...times])].toSorted((a, b) => Math.abs(a - last) - Math.abs(b - last))
    if (!moments.some((moment) => wrongAt(moment).length === 0)) all.push(`${name}:`, ...wrongAt(moments[0]!))
  }
  return all
}

for (const engine of enginesUnderTest)
  describe(`backup, ${engine}`, () => {
    it('of a server under load is the store of one moment, and a server starts on it', async () => {
      const directory = temporaryDirectory()
      try {
        const copies: { readonly place: string; readonly time: readonly [number, number] }[] = []
        let accounts: LoadAccount[]
        const target = join(directory, 'copy')
        {
          await using server = await startServer({ engine, directory, config: loadConfig })
          accounts = await createAccounts(server, 3)
          const load = new Load({ ports: server, accounts, random: new Random(), run: 'r0', senders: 3 })
          await load.start()
          for (const name of ['first', 'second']) {
            await wait(500)
            const from = performance.now()
            // What is answered until now is only in the journal, for a second.
            await wait(2500)
            const { code, output } = await postern('backup', target, '--data', join(directory, 'data'))
            assert.equal(code, 0, output)
            const place = join(directory, name)
            cpSync(target, place, { recursive: true, preserveTimestamps: true })
            copies.push({ place, time: [from, performance.now()] })
          }
          await load.stop()
        }
        for (const { place, time } of copies) {
          const wrong = await wrongWith(engine, place, accounts, time)
          assert.deepEqual(wrong, [], wrong.join('\n'))
        }
        rmSync(join(directory, 'data'), { recursive: true })
        cpSync(target, join(directory, 'data'), { recursive: true })
        await using restored = await startServer({ engine, directory, config: loadConfig })
        assert.equal((await restored.process.stop()).code, 0)
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    })

    it('that fails halfway leaves the earlier copy whole, and none where there was none', async () => {
      const directory = temporaryDirectory()
      try {
        const data = join(directory, 'data')
        const target = join(directory, 'copy')
        const name = 'user0@example.org'
        const copyNow = (): ReturnType<typeof postern> => postern('backup', target, '--data', data)
        const there = async (): Promise<readonly string[]> => {
          await expectCleanCheck(target)
          const { accounts, wrong } = await inspectStore(engine, target)
          assert.deepEqual(wrong, [])
          return [...accounts.get(name)!.keywords.keys()]
        }
        const runServer = async (key: string): Promise<void> => {
          await using server = await startServer({ engine, directory, config: loadConfig })
          if (server.adminPassword !== undefined) await server.createAccount(name, password)
          const smtp = await SmtpClient.open(server.smtpPort)
          assert.equal((await smtp.deliver([name], messageOf(key))).code, 250)
          assert.equal((await server.process.stop()).code, 0)
        }
        await runServer('d1')
        const draft = join(target, 'blobs/00000001.seg.new')
        mkdirSync(draft, { recursive: true })
        writeFileSync(join(target, 'COPY'), '')
        assert.equal((await copyNow()).code, 1)
        assert.throws(() => chooseEngine(target, engine), /holds mail, but its file STORE is missing/)
        rmSync(draft, { recursive: true })
        assert.equal((await copyNow()).code, 0)
        assert.deepEqual(await there(), ['d1'])

        await runServer('d2')
        mkdirSync(draft)
        const onlyThere = join(target, 'blobs/00000009.seg')
        writeFileSync(onlyThere, '')
        assert.equal((await copyNow()).code, 1)
        assert.ok(existsSync(onlyThere))
        rmSync(draft, { recursive: true })
        assert.deepEqual(await there(), ['d1'])

        assert.equal((await copyNow()).code, 0)
        assert.deepEqual(await there(), ['d1', 'd2'])
        assert.equal(existsSync(onlyThere), false)
        const left = readdirSync(target, { recursive: true, encoding: 'utf8' })
        assert.deepEqual(
          left.filter((name) => name.includes('.new')),
          [],
        )
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    })

    it('has what only the journal of a killed server had', async () => {
      const directory = temporaryDirectory()
      try {
        const data = join(directory, 'data')
        const target = join(directory, 'copy')
        const server = await startServer({ engine, directory, config: loadConfig })
        await createAccounts(server, 1)
        await server.process.stop('SIGKILL')
        assert.equal((await postern('backup', target, '--data', data)).code, 0)
        await expectCleanCheck(target)
        assert.equal((await inspectStore(engine, target)).accounts.has('user0@example.org'), true)
        // It writes over nothing that is no copy.
        rmSync(join(data, 'COPY'), { force: true })
        const { code, output } = await postern('backup', data, '--data', target)
        assert.equal(code, 1)
        assert.match(output, /holds something else than a copy/)
        assert.ok(existsSync(join(data, 'STORE')))
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    })
  })
