import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, NotifyWord } from '#queue/transport.ts'
import { jobFor, ScriptedServer, startedAt, toDomain, transportTo, type Zone } from './fixture.test.ts'

const never = new AbortController().signal
const zone: Zone = { 'A remote.example': [{ ip: '127.0.0.1' }] }

/** The clock of the transport stands at `startedAt`. */
async function send(
  by: NonNullable<Job['by']>,
  offers: readonly string[],
  notify?: readonly NotifyWord[],
): Promise<{ kind: string; status: string; mail: string; rcpt: string }> {
  await using server = await ScriptedServer.start({ offers })
  using transport = transportTo(zone, `MtaConnectionStrategy.port = ${server.port}`)
  const recipient = { address: 'bob@remote.example', ...(notify === undefined ? {} : { notify }) }
  const [result] = await transport.deliver(jobFor(toDomain('remote.example'), [recipient], { by }), never)
  const after = (start: string): string =>
    server.sessions[0]!.find((line) => line.startsWith(start))
      ?.replace(/^[^>]*>/, '')
      .trim() ?? ''
  const status = result!.kind === 'delivered' ? String(result!.byPassedOn) : result!.status
  return { kind: result!.kind, status, mail: after('MAIL'), rcpt: after('RCPT') }
}

const inSeconds = (seconds: number): number => startedAt + seconds * 1000

test('the next server is told how many seconds are left, or ago it was', async () => {
  for (const [by, mail] of [
    [{ at: inSeconds(120), mode: 'return' }, 'BY=120;R'],
    [{ at: inSeconds(120) - 1, mode: 'return', trace: true }, 'BY=119;RT'],
    [{ at: inSeconds(120), mode: 'notify' }, 'BY=120;N'],
    [{ at: inSeconds(0), mode: 'notify' }, 'BY=0;N'],
    [{ at: inSeconds(-7), mode: 'notify', trace: true }, 'BY=-7;NT'],
    [{ at: inSeconds(1e10), mode: 'notify' }, 'BY=999999999;N'],
    [{ at: inSeconds(-1e10), mode: 'notify' }, 'BY=-999999999;N'],
  ] as const)
    assert.deepEqual(await send(by, ['DELIVERBY']), { kind: 'delivered', status: 'true', mail, rcpt: '' })
})

test('what is to be returned goes only where that is promised, in the time that is left', async () => {
  const by = { at: inSeconds(60), mode: 'return' } as const
  const refused = { kind: 'failed', mail: '', rcpt: '' }
  assert.deepEqual(await send(by, ['DSN']), { ...refused, status: '5.3.3' })
  assert.deepEqual(await send(by, ['DELIVERBY 61']), { ...refused, status: '5.3.3' })
  assert.equal((await send(by, ['DELIVERBY 60'])).mail, 'BY=60;R')
  // Not a number: no minimum that could be understood.
  assert.equal((await send(by, ['DELIVERBY soon'])).mail, 'BY=60;R')
  const over = { at: startedAt + 999, mode: 'return' } as const
  assert.deepEqual(await send(over, ['DELIVERBY']), { ...refused, status: '5.4.7' })
})

test('where it is only told, a server that does not know of it is asked to tell of a delay', async () => {
  const by = { at: inSeconds(60), mode: 'notify' } as const
  const rcpt = async (
    notify: readonly NotifyWord[] | undefined,
    offers: readonly string[],
    when: NonNullable<Job['by']> = by,
  ) => (await send(when, offers, notify)).rcpt
  const original = 'ORCPT=rfc822;bob@remote.example'
  assert.equal(await rcpt(undefined, ['DSN']), `NOTIFY=FAILURE,DELAY ${original}`)
  assert.equal(await rcpt(['success'], ['DSN']), `NOTIFY=SUCCESS,DELAY ${original}`)
  assert.equal(await rcpt(['delay'], ['DSN']), `NOTIFY=DELAY ${original}`)
  assert.equal(await rcpt([], ['DSN']), `NOTIFY=NEVER ${original}`)
  assert.equal(await rcpt(undefined, []), '')
  assert.equal(await rcpt(undefined, ['DSN', 'DELIVERBY']), '')
  assert.equal(await rcpt(undefined, ['DSN'], { ...by, at: inSeconds(-1) }), '')
  assert.deepEqual((await send(by, [])).status, 'false')
})
