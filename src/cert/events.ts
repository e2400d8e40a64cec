/** What there is to tell about certificates. */
import { eventKind, number, text } from '#telemetry/event.ts'

export const certificateExpires = eventKind({
  name: 'cert.expires',
  level: 'warn',
  help: 'A certificate will soon be refused by clients, or is refused already. Told once a day.',
  fields: { certificate: text, names: text, notValidAfter: text, daysLeft: number },
})
