import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import type { Scope } from '#registry/managed-object.ts'
import { Management } from '#registry/management.ts'
import { digestOf } from './dmarc-report-fields.ts'
import { hour, makeReports, startedAt } from './fixture.test.ts'
import { putReceived, receivedId, receivedKey, trimReceived } from './received.ts'
import { receivedDmarc } from './received-dmarc.ts'
import { ReceivedReportHandler } from './received-handler.ts'
import { dmarcReceivedTable } from './tables.ts'

const object = 'DmarcExternalReport'
const day = 24 * hour
const scope: Scope = {
  account: 0 as never,
  actor: {
    account: 0 as never,
    name: 'admin',
    ip: '127.0.0.1',
    protocol: 'http',
    permissions: new Set(['Get', 'Query', 'Destroy'].map((verb) => `sys${object}${verb}`)),
  },
}

function withManagement() {
  const r = makeReports()
  const handler = new ReceivedReportHandler(receivedDmarc, { db: r.db, keepReports: () => 30 * day })
  const management = new Management({ ...r, handlers: [handler] })
  const put = (domain: string, at: number, from = 'x@other.example') =>
    r.db.write([], (tx) =>
      putReceived(
        tx,
        dmarcReceivedTable,
        {
          from,
          to: ['postmaster@example.org'],
          subject: `Report Domain: ${domain}`,
          receivedAt: at,
          dmarc: 'pass',
          problems: [],
          report: digestOf({
            orgName: 'Other',
            email: 'x@other.example',
            reportId: domain,
            // Others may say anything.
            begin: 1e15,
            end: 0,
            errors: ['odd'],
            policy: { domain, p: 'reject', sp: 'none', isTesting: true },
            extensions: [],
            records: [],
          }),
        },
        at,
      ),
    )
  const find = (filter: object = {}, page = { position: 0, limit: 10 }) =>
    management.query(object, { ...page, filter }, scope)
  return { ...r, management, put, find }
}

test('the newest first, by what they are about', async () => {
  const { put, find, management } = withManagement()
  const domains = ['a.example', 'b.example', 'a.example']
  for (const [i, domain] of domains.entries()) await put(domain, startedAt + i * hour)
  await put('c.example', startedAt + 3 * day, 'Nora@third.example')
  const { ids, total } = await find()
  assert.equal(total, 4)
  const shown = await Promise.all(ids.map((id) => management.get(object, id, scope)))
  assert.deepEqual(
    shown.map(({ values }) => (values['report'] as { policyDomain: string }).policyDomain),
    ['c.example', 'a.example', 'b.example', 'a.example'],
  )
  assert.deepEqual((await find({ domain: 'A.example' })).ids, [ids[1], ids[3]])
  assert.deepEqual((await find({ text: 'nora@' })).ids, [ids[0]])
  assert.deepEqual((await find({ text: 'b.ex' })).ids, [ids[2]])
  assert.deepEqual(await find({}, { position: 1, limit: 2 }), { ids: ids.slice(1, 3), total: 4 })
  const { receivedAt, expiresAt } = shown[0]!.values
  const report = shown[0]!.values['report'] as Record<string, unknown>
  assert.deepEqual([receivedAt, expiresAt], ['2026-03-07T05:06:07Z', '2026-04-06T05:06:07Z'])
  assert.deepEqual(
    [report['dateRangeBegin'], report['policySubdomainDisposition'], report['policyTestingMode']],
    ['9999-12-31T23:59:59Z', 'none', true],
  )
})

test('they are thrown away, one by one or by age', async () => {
  const { put, find, management, db } = withManagement()
  for (let i = 0; i < 5; i++) await put('a.example', startedAt + Math.floor(i / 2) * day)
  const { ids } = await find()
  await management.destroy(object, ids[0]!, scope)
  await assert.rejects(management.destroy(object, ids[0]!, scope), (error) => isFault(error, 'notFound'))
  const trim = (before: number) => db.write([], (tx) => trimReceived(tx, dmarcReceivedTable, before, 1))
  assert.equal(await trim(startedAt), false)
  let rounds = 0
  while (await trim(startedAt + day)) rounds++
  assert.equal(rounds, 2)
  assert.deepEqual((await find()).ids, ids.slice(1, 3))
})

test('ids are read as they are written, and others are none', async () => {
  for (const key of [
    [0, 0],
    [20_516, 99_999],
  ] as const)
    assert.deepEqual(receivedKey('d', receivedId('d', key)), key)
  const { management } = withManagement()
  for (const id of ['', 'd', 'd-1', 'dA', 'dzzzzzzzzz', 'd1.5', 'x1', '1'])
    await assert.rejects(management.get(object, id, scope), (error) => isFault(error, 'notFound'), id)
})

test('many that come at once have places of their own', async () => {
  const { put, find } = withManagement()
  const all = await Promise.all(Array.from({ length: 20 }, () => put('a.example', startedAt)))
  assert.ok(all.every(Boolean))
  assert.equal((await find()).total, 20)
})
