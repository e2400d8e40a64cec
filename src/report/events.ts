/** What there is to tell about reports: about mail, to others, and from them. */
import { error, eventKind, list, maybe, number, text } from '#telemetry/event.ts'

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

export const dmarcReceived = eventKind({
  name: 'report.dmarc-received',
  level: 'info',
  help: 'Another server tells how much mail in the name of a domain of ours it got, and how much of it passed DMARC.',
  fields: {
    from: text,
    org: text,
    domain: text,
    report: text,
    messages: number,
    passed: number,
    dmarc: text,
  },
  count: 'reports_dmarc_received_total',
})

export const reportUnread = eventKind({
  name: 'report.unread',
  level: 'warn',
  help: 'Mail to an address for reports looks like one and cannot be read as one. It was delivered as all mail is.',
  fields: { from: text, to: list, reason: text, error: maybe(error) },
})

export const tooManyReceived = eventKind({
  name: 'report.too-many-received',
  level: 'warn',
  help: 'A report is not kept for the management, since too many came today. It was delivered as all mail is.',
  fields: { to: list },
})

export const feedbackReceived = eventKind({
  name: 'report.feedback-received',
  level: 'info',
  help: 'Another server tells of a message: somebody complained about it, or it failed authentication.',
  fields: { from: text, type: text, domains: list, source: maybe(text), incidents: number, dmarc: text },
  count: 'reports_feedback_received_total',
})

export const failureSent = eventKind({
  name: 'report.failure-sent',
  level: 'info',
  help: 'A report about a message that failed authentication is in the queue.',
  fields: { domain: text, to: text, failure: text, queued: text },
  count: 'reports_failure_sent_total',
})

export const failureRateLimited = eventKind({
  name: 'report.failure-rate-limited',
  level: 'debug',
  help: 'An address gets no more failure reports today.',
  fields: { domain: text, to: text },
})

export const failureUnsent = eventKind({
  name: 'report.failure-unsent',
  level: 'error',
  help: 'A failure report could not be made or queued; it is not sent.',
  fields: { domain: text, error },
})
