/** What there is to tell about certificates. */
import { eventKind, number, text } from '#telemetry/event.ts'

export const certificateExpires = eventKind({
  name: 'cert.expires',
  level: 'warn',
  help: 'A certificate will soon be refused by clients, or is refused already. Told once a day.',
  fields: { certificate: text, names: text, notValidAfter: text, daysLeft: number },
})

export const dkimKeyUnusable = eventKind({
  name: 'cert.dkim-key-unusable',
  level: 'error',
  help: 'A DKIM key in the store cannot be read; mail of its domain is not signed with it.',
  fields: { domain: text, selector: text },
})
