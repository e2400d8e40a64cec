/** What look-ups tell. Nothing above debug for a single one: a mail server asks for names all the time. */
import { durationMs, eventKind, text } from '#telemetry/event.ts'
import { gaugeKind } from '#telemetry/gauge.ts'

export const queryAnswered = eventKind({
  name: 'dns.query-answered',
  level: 'debug',
  help: 'A name server answered a question.',
  fields: { name: text, type: text, server: text, took: durationMs },
  count: 'dns_queries_total',
  time: 'took',
})

export const lookupFailed = eventKind({
  name: 'dns.lookup-failed',
  level: 'debug',
  help: 'No name server could say whether there is something or not.',
  fields: { name: text, type: text, why: text, reason: text },
  count: 'dns_failures_total',
})

export const cacheHit = eventKind({
  name: 'dns.cache-hit',
  level: 'debug',
  help: 'A question was answered from memory.',
  fields: { name: text, type: text },
  count: 'dns_cache_hits_total',
})

export const resolvConfUnreadable = eventKind({
  name: 'dns.resolv-conf-unreadable',
  level: 'warn',
  help: 'The list of name servers of the system could not be read. Those that were known before are asked, or a server on this machine.',
  fields: { path: text, reason: text },
})

export const cacheBytes = gaugeKind({
  name: 'dns_cache_bytes',
  help: 'Memory of the answers that are kept, roughly.',
  workers: 'sum',
})
