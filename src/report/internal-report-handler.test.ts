import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import type { Scope } from '#registry/managed-object.ts'
import { Management } from '#registry/management.ts'
import { checked, hour, makeReports, startedAt } from './fixture.test.ts'
import { InternalReportHandler } from './internal-report-handler.ts'

const object = 'DmarcInternalReport'
const scope: Scope = {
  account: 0 as never,
  actor: {
    account: 0 as never,
    name: 'admin',
    ip: '127.0.0.1',
    protocol: 'http',
    permissions: new Set(['Get', 'Query', 'Update', 'Destroy'].map((verb) => `sys${object}${verb}`)),
  },
}
const id = `sender.example:${Date.UTC(2026, 2, 4) / 1000}`
const zone = { '_dmarc.other.example': [{ TXT: 'v=DMARC1; p=none; rua=mailto:r@other.example,https://x/' }] }

async function withReports() {
  const r = makeReports({ zone })
  for (const from of ['alice@sender.example', 'bob@other.example']) {
    const message = await checked(r.resolver, from)
    for (let i = 0; i < 2; i++) r.recorder.record(message)
  }
  await r.recorder.flush()
  const management = new Management({ ...r, handlers: [new InternalReportHandler(r)] })
  const ids = async (filter: object = {}) =>
    (await management.query(object, { filter, position: 0, limit: 10 }, scope)).ids
  return { ...r, management, ids }
}

test('what waits is shown with what is counted', async () => {
  const { management, ids, rows } = await withReports()
  assert.deepEqual(await ids(), [id.replace('sender', 'other'), id])
  assert.deepEqual(await ids({ text: 'SENDER' }), [id])
  const { values } = await management.get(object, id, scope)
  const { report, ...rest } = values as { report: Record<string, unknown> }
  const { deliverAt } = (await rows()).reports.find(([[, domain]]) => domain === 'sender.example')![1]
  assert.deepEqual(rest, {
    domain: 'sender.example',
    createdAt: '2026-03-04T00:00:00Z',
    deliverAt: new Date(deliverAt).toISOString().replace('.000Z', 'Z'),
    rua: ['mailto:dmarc@sender.example'],
  })
  assert.deepEqual(
    [report['policyDomain'], report['policyDisposition'], report['messages'], report['passed']],
    ['sender.example', 'reject', 2, 2],
  )
  assert.equal((report['records'] as readonly { count: number }[])[0]!.count, 2)
  for (const other of ['sender.example:0', 'sender.example', '', `${id}x`, ':1', 'a:99999999999'])
    await assert.rejects(management.get(object, other, scope), (error) => isFault(error, 'notFound'), other)
})

test('sent before its time it is about what came until then, and what comes later is in the next', async () => {
  const r = await withReports()
  const deliverAt = new Date(startedAt - hour).toISOString()
  await r.management.update(object, id, { deliverAt }, scope)
  await r.pass(1000)
  assert.deepEqual(
    (await r.rows()).recipients.map(([, { address }]) => address),
    ['dmarc@sender.example'],
  )
  const again = await r.management.get(object, id, scope)
  assert.equal((again.values['report'] as { messages: number }).messages, 0)
  r.recorder.record(await checked(r.resolver, 'alice@sender.example'))
  await r.recorder.flush()
  await r.pass(48 * hour)
  const texts = (await r.sent()).map(String)
  const ranges = texts.flatMap(
    (one) => /\tname="mx\.example\.org!sender\.example!(\d+)!(\d+)/.exec(one) ?? [],
  )
  const now = startedAt / 1000 + 1
  assert.deepEqual(ranges.slice(1, 3).map(Number), [Date.UTC(2026, 2, 4) / 1000, now - 1])
  assert.deepEqual(ranges.slice(4, 6).map(Number), [now, Date.UTC(2026, 2, 5) / 1000 - 1])
  const { reports, records, periods, tasks } = await r.rows()
  assert.deepEqual([reports, records, periods, tasks], [[], [], [], []])
})

test('one that is taken out is not sent', async () => {
  const r = await withReports()
  await r.management.destroy(object, id, scope)
  assert.deepEqual(await r.ids(), [id.replace('sender', 'other')])
  await assert.rejects(r.management.destroy(object, id, scope), (error) => isFault(error, 'notFound'))
  await r.pass(48 * hour)
  assert.deepEqual(
    (await r.rows()).recipients.map(([, { address }]) => address),
    ['r@other.example'],
  )
})

test('only the time can be changed', async () => {
  const { management } = await withReports()
  for (const patch of [{ domain: 'x.example' }, { rua: [] }, { report: {} }, { deliverAt: 'soon' }, { x: 1 }])
    await assert.rejects(management.update(object, id, patch, scope), (error) => isFault(error, 'invalid'))
})
