import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProbeStep, Relay } from '#queue/transport.ts'
import { LiveSettings } from '#registry/live.ts'
import { resolverOf, ScriptedServer, type Script, toDomain, type Zone } from './fixture.test.ts'
import { SmtpProber } from './probe.ts'
import { mtaConnection } from './settings.ts'

const never = new AbortController().signal
const here: Zone = {
  'MX remote.example': [{ preference: 10, exchange: 'mx.remote.example' }],
  'A mx.remote.example': [{ ip: '127.0.0.1' }],
}

async function probeIn(
  zone: Zone,
  port: number,
  o: { config?: string; relay?: Relay; recipient?: string } = {},
) {
  const settings = new LiveSettings([mtaConnection])
  settings.loadText(`MtaConnectionStrategy.port = ${port}\n${o.config ?? ''}`, 'test.toml')
  const prober = new SmtpProber({ resolver: resolverOf(zone), settings, hostname: () => 'mail.example.org' })
  const steps: ProbeStep[] = []
  const to =
    o.relay === undefined
      ? toDomain('remote.example')
      : { key: 'relay r', route: { kind: 'relay', ...o.relay } as const }
  const envelope = { from: '', to: o.recipient ?? 'bob@remote.example' }
  const accepted = await prober.probe(to, envelope, { signal: never, tell: (step) => void steps.push(step) })
  return { accepted, steps, brief: steps.map(({ step, result }) => `${step} ${result}`) }
}

async function probe(script: Script, o: { config?: string; recipient?: string } = {}) {
  await using server = await ScriptedServer.start(script)
  return { ...(await probeIn(here, server.port, o)), commands: server.sessions, messages: server.messages }
}

test('all steps up to the recipient, and no message', async () => {
  const { accepted, brief, steps, commands, messages } = await probe({ offers: ['PIPELINING', 'SIZE 1000'] })
  assert.equal(accepted, true)
  assert.deepEqual(brief, [
    'MX ok',
    'address ok',
    'connect ok',
    'greeting ok',
    'EHLO ok',
    'TLS note',
    'MAIL ok',
    'RCPT ok',
  ])
  assert.match(steps[0]!.said, /remote\.example takes mail at mx\.remote\.example \(10\)/)
  assert.match(steps[4]!.said, /offers PIPELINING, SIZE 1000/)
  assert.deepEqual(commands[0]!.slice(0, 4), [
    'EHLO mail.example.org',
    'MAIL FROM:<>',
    'RCPT TO:<bob@remote.example>',
    'RSET',
  ])
  assert.deepEqual(messages, [])
})

test('a recipient beyond ASCII is asked for as mail would do it, and only where that can be', async () => {
  const recipient = 'jürgen@remote.example'
  const { accepted, commands } = await probe({ offers: ['SMTPUTF8'] }, { recipient })
  assert.equal(accepted, true)
  const sent = Buffer.from(`RCPT TO:<${recipient}>`).toString('latin1')
  assert.deepEqual(commands[0]!.slice(1, 3), ['MAIL FROM:<> SMTPUTF8', sent])
  const refused = await probe({}, { recipient })
  assert.equal(refused.accepted, false)
  assert.equal(refused.brief.at(-1), 'SMTPUTF8 problem')
  assert.ok(!refused.commands.flat().some((line) => line.startsWith('MAIL')))
})

test('a server out of step is told of as such', async () => {
  const { accepted, steps } = await probe({ answers: { MAIL: '354 go on' } })
  assert.equal(accepted, false)
  assert.match(steps.at(-1)!.said, /out of step/)
})

test('a server says no: its words, and what to do', async () => {
  for (const [answers, last, advice] of [
    [{ RCPT: '550 5.1.1 no such user' }, 'RCPT problem', /mistake in the address/],
    [{ RCPT: '450 4.2.0 greylisted' }, 'RCPT problem', /tried again by itself/],
    [{ RCPT: '550 5.7.1 listed' }, 'RCPT problem', /policy/],
    [{ MAIL: '554 go away' }, 'MAIL problem', /policy/],
  ] as const) {
    const { accepted, brief, steps } = await probe({ answers })
    assert.equal(accepted, false)
    assert.equal(brief.at(-1), last)
    assert.match(steps.at(-1)!.advice!, advice)
  }
})

test('nobody is there, no domain, no mail taken, DNS that fails', async () => {
  const closed = await ScriptedServer.start({})
  const { port } = closed
  await closed[Symbol.asyncDispose]()
  const refused = await probeIn(here, port)
  assert.deepEqual(refused.brief, ['MX ok', 'address ok', 'connect problem'])
  assert.match(refused.steps[2]!.advice!, /port 25/)
  for (const [zone, said] of [
    [{}, /no domain/],
    [{ 'MX remote.example': 'fail' }, /did not say/],
    [{ 'MX remote.example': [{ preference: 0, exchange: '.' }] }, /takes no mail/],
  ] as const) {
    const { brief, steps } = await probeIn(zone, 25)
    assert.deepEqual(brief, ['MX problem'])
    assert.match(steps[0]!.said, said)
    assert.ok(steps[0]!.advice !== undefined)
  }
})
