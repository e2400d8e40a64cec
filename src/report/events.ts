/** What there is to tell about reports: about mail, to others, and from them. */
import { error, eventKind, list, number, text } from '#telemetry/event.ts'

export const countsDropped = eventKind({
  name: 'report.counts-dropped',
  level: 'warn',
  help: 'Messages are in no DMARC report: too many different ones, or of too many domains, came in a short time.',
  fields: { messages: number },
})

export const countsUnwritten = eventKind({
  name: 'report.counts-unwritten',
  level: 'error',
  help: 'What was counted for DMARC reports could not be written; it is tried again.',
  fields: { error },
})

export const aggregateSent = eventKind({
  name: 'report.aggregate-sent',
  level: 'info',
  help: 'A DMARC aggregate report is in the queue.',
  fields: { domain: text, to: list, report: text, messages: number, queued: text },
  count: 'reports_aggregate_sent_total',
})

export const destinationRefused = eventKind({
  name: 'report.destination-refused',
  level: 'info',
  help: 'A report is not sent to an address that a domain names: that address is of others, who do not say in the DNS that they want it.',
  fields: { domain: text, to: text, reason: text },
})

export const reportTooLarge = eventKind({
  name: 'report.too-large',
  level: 'warn',
  help: 'Messages are left out of a DMARC report, which would be too large with them.',
  fields: { domain: text, leftOut: number },
})
