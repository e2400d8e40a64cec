import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '#report/dmarc-report-fields.ts'
import { addCounted } from '#report/pending.ts'
import { putReceived } from '#report/received.ts'
import { dmarcReceivedTable } from '#report/tables.ts'
import { makeApi } from './fixture.test.ts'

const day = 86_400_000
const at = Date.UTC(2026, 2, 4)

async function withReports() {
  const api = await makeApi()
  for (const domain of ['a.example', 'b.example']) {
    const policy = { domain, p: 'none' } as const
    await api.db.write([], async (tx) => {
      const report = digestOf({
        orgName: 'Other',
        email: 'x@other.example',
        reportId: domain,
        begin: at / 1000,
        end: (at + day) / 1000 - 1,
        errors: [],
        policy,
        extensions: [],
        records: [],
      })
      const mail = { from: 'x@other.example', to: ['postmaster@example.org'], subject: domain, dmarc: 'pass' }
      await putReceived(tx, dmarcReceivedTable, { ...mail, receivedAt: at, problems: [], report }, at)
      const period = { begin: at, end: at + day }
      await addCounted(tx, [{ period, reported: { domain, policy, rua: [], errors: [] }, records: [] }])
    })
  }
  const data = async (method: string, path: string, status = 200): Promise<never> => {
    const answer = await api.call(method, path)
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    return (answer.body as { data: never }).data
  }
  return { ...api, data }
}

test('reports that came in: listed by ids, shown, removed', async () => {
  const { data } = await withReports()
  const { items, total } = (await data('GET', '/api/reports/dmarc')) as { items: string[]; total: number }
  assert.deepEqual([items.length, total], [2, 2])
  assert.deepEqual(await data('GET', '/api/reports/dmarc?domain=a.example'), { items: [items[1]], total: 1 })
  assert.deepEqual(await data('GET', '/api/reports/dmarc?page=2&limit=1'), { items: [items[1]], total: 2 })
  const shown = (await data('GET', `/api/reports/dmarc/${items[1]}`)) as Record<string, unknown>
  const { report, ...rest } = shown
  assert.deepEqual(rest, {
    type: 'dmarc',
    id: items[1],
    from: 'x@other.example',
    to: ['postmaster@example.org'],
    subject: 'a.example',
  })
  assert.equal((report as { policyDomain: string }).policyDomain, 'a.example')
  assert.equal(await data('DELETE', `/api/reports/dmarc/${items[1]}`), true)
  await data('DELETE', `/api/reports/dmarc/${items[1]}`, 404)
  assert.equal(await data('DELETE', '/api/reports/dmarc?text=nothing-like-it'), false)
  assert.equal(await data('DELETE', '/api/reports/dmarc'), true)
  assert.deepEqual(await data('GET', '/api/reports/dmarc'), { items: [], total: 0 })
})

test('reports that wait', async () => {
  const { data } = await withReports()
  const ids = ['a.example:1772582400', 'b.example:1772582400']
  assert.deepEqual(await data('GET', '/api/queue/reports'), { items: ids, total: 2 })
  assert.deepEqual(await data('GET', '/api/queue/reports?text=b.'), { items: [ids[1]], total: 1 })
  const shown = (await data('GET', `/api/queue/reports/${ids[0]}`)) as Record<string, unknown>
  assert.deepEqual(
    [shown['type'], shown['domain'], shown['range_from'], shown['range_to'], shown['rua']],
    ['dmarc', 'a.example', '2026-03-04T00:00:00Z', '2026-03-05T00:00:00Z', []],
  )
  assert.equal(await data('DELETE', `/api/queue/reports/${ids[0]}`), true)
  assert.equal(await data('DELETE', '/api/queue/reports'), true)
  assert.deepEqual(await data('GET', '/api/queue/reports'), { items: [], total: 0 })
})

test('all that match are removed or sent over the objects as well', async () => {
  const { call, data } = await withReports()
  const { body } = await call('PATCH', '/api/object/DmarcInternalReport?text=a.example', {
    deliverAt: '2030-01-01T00:00:00Z',
  })
  assert.deepEqual(body, { data: { changed: 1 } })
  const shown = (await data('GET', '/api/object/DmarcInternalReport/a.example:1772582400')) as object
  assert.equal((shown as { deliverAt: string }).deliverAt, '2030-01-01T00:00:00Z')
  for (const object of ['DmarcInternalReport', 'DmarcExternalReport'])
    assert.deepEqual(await data('DELETE', `/api/object/${object}?all=true`), { changed: 2 })
})
