/** Limits of mailboxes. */
import { integer } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

export const sharingSettings = settingsObject({
  name: 'Sharing',
  title: 'Sharing',
  help: 'What users may give each other access to.',
  many: false,
  fields: {
    maxShares: integer({
      fallback: 100,
      min: 1,
      max: 1000,
      help: 'How many users and groups one mailbox can be shared with. To reach more, share it with a group.',
    }),
  },
})
