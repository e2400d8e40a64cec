/** The DNS records of a domain, as the server tells them. */
import type { ShownRecord } from '#admin/dns-records.ts'
import { isNotFound } from './failure.ts'
import { missing } from './object-client.ts'
import { notUnderstood } from './server-answer.ts'
import type { ServerApi } from './server-api.ts'

const results = ['ok', 'missing', 'wrong', 'foreign', 'unknown'] as const

export async function askRecords(
  api: ServerApi,
  domain: string,
  o: { readonly check: boolean },
): Promise<readonly ShownRecord[]> {
  const query = o.check ? '?check=true' : ''
  const found = await api
    .ask('GET', `/api/dns/records/${encodeURIComponent(domain)}${query}`)
    .catch((error: unknown) => {
      throw isNotFound(error) ? missing('Domain', domain) : error
    })
  if (!Array.isArray(found)) throw notUnderstood()
  return found.map(readRecord)
}

function readRecord(given: unknown): ShownRecord {
  const one = (given ?? {}) as Partial<Record<keyof ShownRecord, unknown>>
  const text = (name: keyof ShownRecord): string => {
    const value = one[name]
    if (typeof value !== 'string') throw notUnderstood()
    return value
  }
  const maybe = <K extends 'note' | 'onlyIf' | 'said'>(name: K) =>
    (typeof one[name] === 'string' ? { [name]: one[name] } : {}) as { readonly [N in K]?: string }
  const result = results.find((known) => known === one.result)
  const found = one.found
  return {
    type: text('type') as ShownRecord['type'],
    purpose: text('purpose') as ShownRecord['purpose'],
    name: text('name'),
    content: text('content'),
    ...(typeof one.ttl === 'number' ? { ttl: one.ttl } : {}),
    ...maybe('note'),
    ...maybe('onlyIf'),
    ...maybe('said'),
    ...(result === undefined ? {} : { result }),
    ...(Array.isArray(found) ? { found: found.filter((line) => typeof line === 'string') } : {}),
  }
}
