/**
 * An organisation of 1,000 accounts on real servers: described by a file, taken down as a snapshot, put up on
 * a second server; the snapshots of both are the same bytes, and applying again writes nothing.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runLine } from '#cli/fixture.test.ts'
import { organisation } from '#cli/plan/organisation.test.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const accounts = 1000
const objects = accounts + 65

async function postern({ httpPort, directory }: TestServer, line: string): Promise<string> {
  const url = `http://127.0.0.1:${httpPort}`
  const { code, out, err } = await runLine(`--url ${url} --data ${join(directory, 'data')} ${line}`)
  assert.equal(code, 0, `${line}: ${err.slice(0, 2000)}`)
  return out
}

test('an organisation of 1,000 accounts moves from one server to another by its snapshot', async () => {
  await using one = await startServer()
  await using other = await startServer({ engine: 'sqlite' })
  const plan = join(one.directory, 'plan.json')
  writeFileSync(plan, JSON.stringify(organisation(accounts)))
  const counted = objects.toLocaleString('en')
  assert.match(
    (await postern(one, `apply ${plan} --yes --jobs 32`)).slice(-80),
    new RegExp(`Done: ${counted} of ${counted} things`),
  )
  const nothing = `Nothing to do: ${counted} objects are as the plan says.\n`
  assert.equal(await postern(one, `apply ${plan}`), nothing)
  const snapshot = join(one.directory, 'snapshot.json')
  await postern(one, `snapshot ${snapshot}`)
  await postern(other, `apply ${snapshot} --yes --jobs 32`)
  assert.equal(await postern(other, 'snapshot'), readFileSync(snapshot, 'utf8'))
  for (const server of [one, other]) {
    const before = await postern(server, 'audit --limit 100000 --json')
    assert.equal(await postern(server, `apply ${snapshot} --prune --yes`), nothing)
    assert.equal(await postern(server, 'audit --limit 100000 --json'), before)
  }
})
