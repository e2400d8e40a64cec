import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { attemptAt, day, makeQueue, startedAt } from './fixture.test.ts'
import { recordResults } from './record.ts'
import { scheduleOf } from './settings.ts'
import type { RecipientResult } from './transport.ts'

const delayed = (at: number, more: Partial<RecipientResult> = {}): RecipientResult =>
  ({ kind: 'delayed', status: '4.2.0', attempt: attemptAt(at, '450 later'), ...more }) as RecipientResult
const failed = (at: number): RecipientResult => ({
  kind: 'failed',
  status: '5.1.1',
  attempt: attemptAt(at, '550 5.1.1 no such user'),
})
const ok: RecipientResult = {
  kind: 'delivered',
  attempt: attemptAt(startedAt, '250 ok'),
  passedOn: false,
  byPassedOn: false,
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const minutes = (n: number): number => n * 60_000

test('what comes in is sent at once, with what stands before it, and nothing is left', async () => {
  const q = makeQueue()
  await using manager = q.start()
  await q.put(['bob@remote.example'])
  await q.pass(manager, 0)
  assert.deepEqual(q.sent, [
    {
      to: ['bob@remote.example'],
      from: 'alice@example.org',
      text: 'Received: by us\r\nSubject: hello\r\n\r\nhello\r\n',
    },
  ])
  const { messages, recipients, due } = await q.rows()
  assert.deepEqual([messages, recipients, due], [[], [], []])
})

test('what was taken is not sent again because the disk was full when it was to be written down', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const write = q.db.write.bind(q.db)
  let refused = 0
  q.world.answer = () => {
    q.db.write = () => {
      if (++refused === 2) q.db.write = write
      return Promise.reject(new Error('disk full'))
    }
    return ok
  }
  await q.put(['bob@remote.example'])
  await q.pass(manager, 0)
  assert.deepEqual([refused, q.world.attempts, q.sent.length], [2, 1, 1])
  assert.deepEqual((await q.rows()).messages, [])
  assert.equal(q.told.filter(({ event }) => event === 'queue.attempt-failed').length, 2)
})

test('recipients of one domain go together, those of others by themselves', async () => {
  const q = makeQueue()
  await using manager = q.start()
  await q.put(['a@one.example', 'b@two.example', 'c@one.example'])
  await q.pass(manager, 0)
  assert.deepEqual(q.sent.map(({ to }) => to.join()).toSorted(), [
    'a@one.example,c@one.example',
    'b@two.example',
  ])
})

test('what is refused for now is tried again at the times of the schedule, and given up in the end', async () => {
  const q = makeQueue()
  await using manager = q.start()
  q.world.answer = (address) => (address === 'alice@example.org' ? ok : delayed(q.clock.now()))
  await q.put(['bob@remote.example'])
  await q.pass(manager, 0)
  const tries: number[] = [0]
  for (const wait of [2, 5, 10, 15, 30, 60, 120]) {
    await q.pass(manager, minutes(wait) - 1)
    assert.equal(q.world.attempts, tries.length, `not before ${wait} minutes`)
    await q.pass(manager, 1)
    tries.push(wait)
    assert.equal(q.world.attempts, tries.length)
  }
  // A day, and then what is left of three.
  await q.pass(manager, day)
  await q.pass(manager, 0)
  const delay = q.sent.find(({ text }) => text.includes('Action: delayed'))
  assert.match(delay!.text, /Your message is delayed/)
  await q.pass(manager, 3 * day)
  await q.pass(manager, 0)
  const bounce = q.sent.at(-1)!
  assert.deepEqual([bounce.to, bounce.from], [['alice@example.org'], ''])
  assert.match(bounce.text, /Action: failed\r\nStatus: 4\.4\.7/)
  assert.match(bounce.text, /Diagnostic-Code: smtp; 450 later/)
  assert.deepEqual((await q.rows()).messages, [])
})

test('a notification names the server that said something, and none that did not answer', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const silent = attemptAt(q.clock.now(), 'connect ECONNREFUSED')
  q.world.answer = (address) => {
    if (address === 'alice@example.org') return ok
    const attempt = address.startsWith('refused') ? attemptAt(q.clock.now(), '550 no') : silent
    return { kind: 'failed', status: '5.0.0', attempt }
  }
  await q.put(['refused@remote.example'])
  await q.put(['silent@remote.example'])
  await q.pass(manager, 0)
  await q.pass(manager, 0)
  const [refused, unanswered] = ['refused', 'silent'].map((name) =>
    q.sent.find(({ text }) => text.includes(`Final-Recipient: rfc822; ${name}@`)),
  )
  assert.match(refused!.text, /Remote-MTA: dns; mx\.example\r\nDiagnostic-Code: smtp; 550 no\r\n/)
  assert.doesNotMatch(unanswered!.text, /Remote-MTA|Diagnostic-Code/)
  assert.match(unanswered!.text, /With the server mx\.example \(192\.0\.2\.1\): connect ECONNREFUSED/)
})

test('a notification is signed, in front of it', async () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const key = {
    domain: 'example.org',
    selector: 's',
    algorithm: 'ed25519-sha256',
    privateKey,
    canonicalization: 'relaxed/relaxed',
    headers: [],
    expireSeconds: undefined,
  } as const
  const q = makeQueue({ keys: [key] })
  await using manager = q.start()
  q.world.answer = (address) =>
    address === 'alice@example.org'
      ? ok
      : { kind: 'failed', status: '5.0.0', attempt: attemptAt(q.clock.now(), '550 no') }
  await q.put(['refused@remote.example'])
  await q.pass(manager, 0)
  await q.pass(manager, 0)
  assert.match(q.sent.at(-1)!.text, /^DKIM-Signature: v=1; a=ed25519-sha256; [^]*\r\nFrom: /)
})

test('each recipient has its own fate, and the failed ones come back in one notification', async () => {
  const q = makeQueue()
  await using manager = q.start()
  q.world.answer = (address) =>
    address.startsWith('bad')
      ? failed(q.clock.now())
      : address.startsWith('slow')
        ? delayed(q.clock.now())
        : ok
  await q.put(['bad1@remote.example', 'good@remote.example', 'slow@remote.example', 'bad2@remote.example'])
  await q.pass(manager, 0)
  await q.pass(manager, 0)
  assert.deepEqual(q.sent[0]!.to, ['good@remote.example'])
  const bounce = q.sent[1]!
  assert.deepEqual(bounce.to, ['alice@example.org'])
  assert.match(bounce.text, /Final-Recipient: rfc822; bad1@remote\.example/)
  assert.match(bounce.text, /Final-Recipient: rfc822; bad2@remote\.example/)
  assert.doesNotMatch(bounce.text, /slow@|good@/)
  const { recipients } = await q.rows()
  assert.deepEqual(
    recipients.map(([, row]) => row.address),
    ['slow@remote.example'],
  )
})

test('nobody is told who does not want to be, and nobody is told about a notification', async () => {
  const q = makeQueue()
  await using manager = q.start()
  q.world.answer = () => failed(q.clock.now())
  await q.put([{ notify: [] }])
  await q.put(['bob@remote.example'], { from: '' })
  await q.pass(manager, 0)
  await q.pass(manager, 0)
  assert.deepEqual(q.sent, [])
  assert.deepEqual((await q.rows()).messages, [])
})

test('success is told where it was asked for, unless the next server tells it', async () => {
  const q = makeQueue()
  await using manager = q.start()
  await q.put([{ notify: ['success'], originalRecipient: 'rfc822;Bob@remote.example' }], {
    envelopeId: 'QQ1',
  })
  await q.pass(manager, 0)
  await q.pass(manager, 0)
  assert.match(q.sent[1]!.text, /Original-Envelope-Id: QQ1\r\n/)
  assert.match(
    q.sent[1]!.text,
    /Original-Recipient: rfc822; Bob@remote\.example\r\nFinal-Recipient: rfc822; bob@remote\.example\r\nAction: relayed\r\nStatus: 2\.0\.0/,
  )
  q.sent.length = 0
  q.world.answer = () => ({
    kind: 'delivered',
    attempt: attemptAt(startedAt, '250 ok'),
    passedOn: true,
    byPassedOn: false,
  })
  await q.put([{ notify: ['success'] }])
  await q.pass(manager, 0)
  await q.pass(manager, 0)
  assert.equal(q.sent.length, 1)
})

test('a dead destination does not delay another, and is not asked a thousand times', async () => {
  const q = makeQueue()
  await using manager = q.start()
  q.world.answer = (address) =>
    address.endsWith('@dead.example') ? delayed(q.clock.now(), { unreachable: true }) : ok
  await manager.pause('admin')
  for (let i = 0; i < 300; i++) await q.put([`user${i}@dead.example`])
  await q.put(['bob@alive.example'])
  await manager.resume('admin')
  await manager.settled()
  assert.deepEqual(
    q.sent.map(({ to }) => to),
    [['bob@alive.example']],
  )
  assert.ok(q.world.attempts <= 12, `${q.world.attempts} attempts`)
  assert.equal((await q.rows()).recipients.length, 300)
})

test('a destination that never answers holds ten of its own, and all others go', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const end = Promise.withResolvers<void>()
  q.world.answer = async (address) => {
    if (!address.endsWith('@silent.example')) return ok
    await end.promise
    return delayed(q.clock.now(), { unreachable: true })
  }
  await manager.pause('admin')
  // More than wait in memory.
  for (let i = 0; i < 2500; i++) await q.put([`user${i}@silent.example`])
  for (let i = 0; i < 60; i++) await q.put([`user${i}@alive${i % 3}.example`])
  const write = q.db.write.bind(q.db)
  let writes = 0
  q.db.write = (...given) => (writes++, write(...given))
  await manager.resume('admin')
  while (q.sent.length < 60) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(q.world.running, 10)
  assert.equal(q.world.attempts, 70)
  // What was sent, the 490 that find no place, and no others.
  while (manager.active > 10) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(writes < 60 + 490 / 50 + 5, `${writes} writes`)
  end.resolve()
  await manager.settled()
  assert.equal(q.world.attempts, 70)
  assert.equal((await q.rows()).due.length, 2500)
})

test('what waits for a destination that cannot be reached is given up in time, and told late, unasked', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const isDead = (address: string): boolean => address.endsWith('@dead.example')
  q.world.answer = (address) => (isDead(address) ? delayed(q.clock.now(), { unreachable: true }) : ok)
  for (let i = 0; i < 40; i++) await q.put([`user${i}@dead.example`])
  const told = (action: string): readonly string[] =>
    q.sent
      .map(({ text }) => text)
      .filter((text) => text.includes(`Action: ${action}`))
      .map((text) => /Final-Recipient: rfc822; (\S+)/.exec(text)![1]!)
  const goBy = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += minutes(10)) await q.pass(manager, minutes(10))
  }
  await goBy(day - minutes(10))
  assert.deepEqual(told('delayed'), [])
  await goBy(minutes(30))
  // Those that were tried themselves are told at their next attempt, which may be a day later.
  assert.ok(told('delayed').length >= 30)
  await goBy(2 * day)
  assert.equal(new Set(told('failed')).size, 40)
  assert.equal(new Set(told('delayed')).size, 40)
  assert.deepEqual([told('delayed').length, told('failed').length], [40, 40])
  assert.deepEqual((await q.rows()).messages, [])
  const asked = q.world.attempts - q.sent.length
  assert.ok(asked < 3 * 24 * 6 + 20, `${asked} attempts`)
})

test('a hint that is lost delays nothing for good', async () => {
  const q = makeQueue()
  await using manager = q.start()
  await manager.settled()
  q.bus.publish = () => undefined
  await q.put(['bob@remote.example'])
  await manager.settled()
  assert.equal(q.world.attempts, 0)
  await q.pass(manager, 0)
  assert.equal(q.sent.length, 1)
})

test('only so many messages go to one destination at a time, and in all', async () => {
  const q = makeQueue({
    config: 'MtaOutboundStrategy.maxPerDestination = 3\n[MtaVirtualQueue.remote]\nthreadsPerNode = 5\n',
  })
  await using manager = q.start()
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  q.world.answer = async () => {
    await gate
    return ok
  }
  for (let i = 0; i < 10; i++) await q.put([`user${i}@one.example`])
  manager.kick()
  while (q.world.running < 3) await new Promise((resolve) => setImmediate(resolve))
  for (let i = 0; i < 10; i++) await q.put([`user${i}@other${i}.example`])
  while (q.world.running < 5) await new Promise((resolve) => setImmediate(resolve))
  release()
  await manager.settled()
  assert.equal(q.world.mostRunning, 5)
  for (let i = 0; i < 20; i++) await q.pass(manager, 1000)
  assert.equal(q.sent.length, 20)
})

test('what is held waits for its time', async () => {
  const q = makeQueue()
  await using manager = q.start()
  await q.put(['bob@remote.example'], { heldUntil: startedAt + minutes(60) })
  await q.pass(manager, minutes(59))
  assert.equal(q.world.attempts, 0)
  await q.pass(manager, minutes(1))
  assert.equal(q.sent.length, 1)
})

test('what was under way when the server stopped is tried again by the next one', async () => {
  const q = makeQueue()
  {
    await using manager = q.start()
    const begun = Promise.withResolvers<void>()
    q.world.answer = () =>
      new Promise((_resolve, reject) => {
        begun.resolve()
        setImmediate(() => reject(new Error('cut off')))
      })
    await q.put(['bob@remote.example'])
    manager.kick()
    await begun.promise
  }
  q.world.answer = () => ok
  await using manager = q.start()
  await q.pass(manager, minutes(1))
  assert.equal(q.sent.length, 1)
})

test('trouble of our own makes mail wait, and is told', async () => {
  const q = makeQueue()
  await using manager = q.start()
  q.world.answer = () => {
    throw new Error('planned')
  }
  await q.put(['bob@remote.example'])
  await q.pass(manager, 0)
  assert.ok(q.told.some(({ event }) => event === 'queue.attempt-failed'))
  const { recipients } = await q.rows()
  assert.equal(recipients[0]![1].attempts, 0)
  q.world.answer = () => ok
  await q.pass(manager, 30_000)
  assert.equal(q.sent.length, 1)
})

test('an attempt that ends while its row is read is not made again', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const gate = Promise.withResolvers<void>()
  const tried: string[] = []
  q.world.answer = async (address) => {
    tried.push(address)
    if (address === 'b@two.example') return delayed(q.clock.now())
    await gate.promise
    return ok
  }
  const id = await q.put(['a@one.example', 'b@two.example'])
  while (tried.length < 2 || manager.isTaken(id, 1)) await turn()
  // The other one is due again, so the message is read; before that is over the first one's attempt is.
  const read = q.db.read.bind(q.db)
  let isRead = false
  q.db.read = async (body) => {
    const found = await read(body)
    const [first] = Array.isArray(found) ? (found as { recipients?: unknown[] }[]) : []
    if (isRead || first?.recipients === undefined) return found
    isRead = true
    assert.equal(first.recipients.length, 2)
    gate.resolve()
    while (manager.isTaken(id, 0)) await turn()
    return found
  }
  q.clock.advance(minutes(2))
  manager.kick()
  await manager.settled()
  assert.ok(isRead)
  assert.deepEqual(tried, ['a@one.example', 'b@two.example', 'b@two.example'])
})

test('a message whose bytes are lost is tried by the schedule, and comes back without them', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const lost = await q.put(['bob@remote.example'], { before: 'Message-ID: <1@x>\r\n' })
  const isLost = (hash: string): boolean => hash === blob
  const [[, { blob }] = assert.fail()] = (await q.rows()).messages
  const { read, readRange } = { read: q.blobs.read.bind(q.blobs), readRange: q.blobs.readRange.bind(q.blobs) }
  q.blobs.read = (hash, ...range) => read((isLost(hash) ? 'gone' : hash) as typeof hash, ...range)
  q.blobs.readRange = async (hash, ...range) =>
    readRange((isLost(hash) ? 'gone' : hash) as typeof hash, ...range)
  await q.pass(manager, 0)
  await q.pass(manager, minutes(2) - 1)
  assert.equal(q.world.attempts, 1)
  await q.pass(manager, 1)
  assert.equal(q.world.attempts, 2)
  const told = q.told.filter(({ event }) => event === 'queue.message-unreadable')
  assert.deepEqual(
    told.map(({ message }) => message),
    [lost.toString(36), lost.toString(36)],
  )
  assert.ok(!q.told.some(({ event }) => event === 'queue.attempt-failed'))
  await q.pass(manager, 3 * day)
  await q.pass(manager, 0)
  const [{ to, from, text } = assert.fail()] = q.sent
  assert.deepEqual([to, from, q.sent.length], [['alice@example.org'], '', 1])
  assert.match(text, /Action: failed\r\nStatus: 4\.4\.7/)
  assert.match(
    text.replaceAll(/\s+/g, ' '),
    /The reason is: this server cannot read the message.* Send it again/,
  )
  assert.match(text, /About your message of Wed, 04 Mar 2026 05:06:07 GMT\r\n/)
  assert.match(text, /^In-Reply-To: <1@x>\r$/m)
  assert.doesNotMatch(text, /message\/rfc822|rfc822-headers|Subject: hello/)
  assert.match(text, /\r\n\r\n--=_(\S+)--\r\n$/)
  assert.deepEqual((await q.rows()).messages, [])
})

test('of a message that is damaged behind its header, the header comes back', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const readRange = q.blobs.readRange.bind(q.blobs)
  q.world.answer = (address) => (address === 'alice@example.org' ? ok : failed(q.clock.now()))
  const long = `Subject: long\r\n\r\n${'text\r\n'.repeat(20_000)}`
  await q.put(['bob@remote.example'], {}, long)
  q.blobs.readRange = async (hash, start, end) => {
    if (end > 65_536 && Number.isFinite(end)) throw new Error('damaged blob')
    return readRange(hash, start, end)
  }
  await q.pass(manager, 0)
  await q.pass(manager, 0)
  assert.match(q.sent[0]!.text, /Content-Type: text\/rfc822-headers[^]*\r\nSubject: long\r\n\r\n--/)
  assert.ok(q.told.some(({ event }) => event === 'queue.message-unreadable'))
})

test('DELIVERBY: returned when its time is over, or only told', async () => {
  const q = makeQueue()
  await using manager = q.start()
  q.world.answer = (address) =>
    address === 'alice@example.org'
      ? { kind: 'delivered', attempt: attemptAt(startedAt, '250'), passedOn: false, byPassedOn: false }
      : delayed(q.clock.now())
  const by = startedAt + minutes(3)
  await q.put([{ expiresAt: by }], { by: { at: by, mode: 'return' } })
  await q.put(['carol@remote.example'], { by: { at: by, mode: 'notify' } })
  await q.pass(manager, 0)
  await q.pass(manager, minutes(2))
  await q.pass(manager, minutes(1))
  await q.pass(manager, 0)
  assert.match(q.sent[0]!.text, /Action: failed\r\nStatus: 5\.4\.7/)
  assert.match(q.sent[0]!.text, /Deliver-By-Date: /)
  assert.match(q.sent[0]!.text.replaceAll(/\s+/g, ' '), /the time is over .*; the last time: 450 later/)
  assert.match(
    q.sent[1]!.text,
    /Final-Recipient: rfc822; carol@remote\.example\r\nAction: delayed\r\nStatus: 4\.4\.7/,
  )
  assert.deepEqual(
    (await q.rows()).recipients.map(([, row]) => row.address),
    ['carol@remote.example'],
  )
})

test('DELIVERBY: what was to be returned is not tried after its time, neither here nor elsewhere', async () => {
  const q = makeQueue()
  await using manager = q.start()
  await manager.pause('admin')
  const by = startedAt + minutes(3)
  for (const address of ['bob@remote.example', 'carol@example.org'])
    await q.put([{ address, expiresAt: by }], { by: { at: by, mode: 'return' } })
  q.clock.advance(minutes(3))
  await manager.resume('admin')
  await manager.settled()
  await q.pass(manager, 0)
  assert.deepEqual(
    q.sent.map(({ to }) => to.join()),
    ['alice@example.org', 'alice@example.org'],
  )
  for (const { text } of q.sent) assert.match(text, /Action: failed\r\nStatus: 5\.4\.7/)
})

test('DELIVERBY: who traces it, or where the next server does not know of it, hears that it was passed on', async () => {
  const q = makeQueue()
  await using manager = q.start()
  const by = startedAt + minutes(3)
  const told = async (
    o: { trace?: true; mode?: 'return'; at?: number; notify?: readonly 'success'[]; to?: string },
    byPassedOn: boolean,
  ): Promise<boolean> => {
    q.sent.length = 0
    q.world.answer = () => ({ ...ok, attempt: attemptAt(startedAt, '250'), passedOn: true, byPassedOn })
    const { notify, to = 'bob@remote.example', at = by, mode = 'notify', trace } = o
    const queue = to.endsWith('@example.org') ? 'local' : 'remote'
    const recipient = { address: to, queue, ...(notify === undefined ? {} : { notify }) }
    await q.put([recipient], { by: { at, mode, ...(trace === undefined ? {} : { trace }) } })
    await q.pass(manager, 0)
    await q.pass(manager, 0)
    assert.equal(q.sent[0]!.to[0], to)
    if (q.sent.length > 1) assert.match(q.sent[1]!.text, /Action: relayed\r\nStatus: 2\.0\.0/)
    return q.sent.length > 1
  }
  assert.equal(await told({}, false), true)
  assert.equal(await told({}, true), false)
  assert.equal(await told({ notify: ['success'] }, false), true)
  assert.equal(await told({ notify: [] }, false), false)
  assert.equal(await told({ at: startedAt - 1000 }, false), false)
  assert.equal(await told({ to: 'carol@example.org' }, false), false)
  assert.equal(await told({ trace: true }, true), true)
  assert.equal(await told({ trace: true, mode: 'return' }, true), true)
  assert.equal(await told({ trace: true, notify: [] }, true), false)
})

test('attempts that end the last recipients at the same moment leave nothing behind', async () => {
  const q = makeQueue()
  const id = await q.put(['a@one.example', 'b@two.example'])
  const { messages, recipients } = await q.rows()
  const o = { now: q.clock.now(), schedule: scheduleOf(q.settings, 'remote') }
  await Promise.all(
    recipients.map(([[, n], { address }]) => {
      const job = { id, message: messages[0]![1], recipients: [{ n, address }] }
      return q.db.write([], (tx) => recordResults(tx, job, [ok], o))
    }),
  )
  const left = await q.rows()
  assert.deepEqual([left.messages, left.recipients, left.due], [[], [], []])
})
