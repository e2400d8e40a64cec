import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeStore } from './fixture.test.ts'

async function withUsers() {
  const store = makeStore()
  const { accounts } = store
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createDomain({ name: 'bücher.example' })
  await accounts.createAccount({
    name: 'alice@example.org',
    emails: ['alice@example.org', 'a.liddell@example.org', 'alice+vip@example.org', 'jürgen@bücher.example'],
  })
  await accounts.createAccount({ name: 'bob@example.org', emails: ['bob@example.org', '@bücher.example'] })
  /** Who it is and with which detail, in short. */
  const who = async (recipient: string): Promise<string> => {
    const resolved = await accounts.resolve(recipient)
    if (resolved.kind !== 'local') return resolved.kind
    return resolved.account.name.split('@')[0]! + (resolved.detail === undefined ? '' : ` ${resolved.detail}`)
  }
  return { ...store, who }
}

const cases: readonly [string, string][] = [
  ['alice@example.org', 'alice'],
  ['ALICE@Example.ORG', 'alice'],
  ['"alice"@example.org', 'alice'],
  ['a.liddell@example.org', 'alice'],
  ['alice+Lists@example.org', 'alice Lists'],
  ['alice+a+b@example.org', 'alice a+b'],
  ['alice+@example.org', 'alice '],
  ['"alice+Lists"@example.org', 'alice lists'],
  ['alice+vip@example.org', 'alice'],
  ['a.liddell+x@example.org', 'alice x'],
  ['JÜRGEN@BÜCHER.example', 'alice'],
  ['ju\u0308rgen@xn--bcher-kva.example', 'alice'],
  ['anybody@bücher.example', 'bob'],
  ['any+body@bücher.example', 'bob'],
  ['+x@bücher.example', 'bob'],
  ['+x@example.org', 'unknownUser'],
  ['nobody@example.org', 'unknownUser'],
  ['nobody+alice@example.org', 'unknownUser'],
  ['alice@example.net', 'remote'],
  ['alice@sub.example.org', 'remote'],
  ['alice@[192.0.2.1]', 'remote'],
  ['alice', 'unknownUser'],
  ['@example.org', 'unknownUser'],
  ['', 'unknownUser'],
  ['a@b@example.org', 'unknownUser'],
  [`${'a'.repeat(10_000)}@example.org`, 'unknownUser'],
]
test('recipients are found by address, detail and catch-all', async () => {
  const { who } = await withUsers()
  for (const [recipient, expected] of cases)
    assert.equal(await who(recipient), expected, recipient.slice(0, 80))
  // Once more, from memory.
  for (const [recipient, expected] of cases)
    assert.equal(await who(recipient), expected, recipient.slice(0, 80))
})

test('the address is the one asked for, its domain normalised', async () => {
  const { accounts } = await withUsers()
  const resolved = await accounts.resolve('Alice+Lists@EXAMPLE.org')
  assert.ok(resolved.kind === 'local')
  assert.equal(resolved.address, 'Alice+Lists@example.org')
})

test('a known recipient costs no read, until something changes or a minute has passed', async () => {
  const { accounts, engine, clock, who } = await withUsers()
  await who('alice@example.org')
  let reads = 0
  const snapshot = engine.snapshot.bind(engine)
  engine.snapshot = () => {
    reads++
    return snapshot()
  }
  await who('alice@example.org')
  assert.equal(reads, 0)
  clock.advance(61_000)
  await who('alice@example.org')
  assert.equal(reads, 1)
  assert.equal(await who('carol@example.org'), 'unknownUser')
  await accounts.createAccount({ name: 'carol@example.org' })
  assert.equal(await who('carol@example.org'), 'carol')
  reads = 0
  await who('alice@example.org')
  assert.equal(reads, 1)
})

test('an answer that was read before a change is not kept after it', async () => {
  const { accounts, bus, engine, who } = await withUsers()
  let reads = 0
  const snapshot = engine.snapshot.bind(engine)
  engine.snapshot = () => {
    reads++
    const opened = snapshot()
    if (reads === 1) bus.publish({ kind: 'forget', cache: 'account', key: 'alice@example.org' })
    return opened
  }
  await who('alice@example.org')
  await accounts.resolve('alice@example.org')
  assert.equal(reads, 2)
})
