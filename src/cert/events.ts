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

export const dkimKeyCreated = eventKind({
  name: 'cert.dkim-key-created',
  level: 'info',
  help: 'A DKIM key was made. It signs nothing until its record is in the DNS; `postern domain dns` shows that.',
  fields: { domain: text, selector: text, algorithm: text },
})

export const dkimKeyStage = eventKind({
  name: 'cert.dkim-key-stage',
  level: 'info',
  help: 'A DKIM key came to another stage of its life: `active` signs, `retiring` signs no more, the record of `retired` is to be removed.',
  fields: { domain: text, selector: text, stage: text },
})

export const dkimKeyDeleted = eventKind({
  name: 'cert.dkim-key-deleted',
  level: 'info',
  help: 'A DKIM key that was over was deleted.',
  fields: { domain: text, selector: text },
})
