/** What management tells. */
import { eventKind, text } from '#telemetry/event.ts'

export const objectChanged = eventKind({
  name: 'registry.object-changed',
  level: 'info',
  help: 'Somebody changed an object of the management; the audit log has the values.',
  fields: { ip: text, by: text, what: text },
})
