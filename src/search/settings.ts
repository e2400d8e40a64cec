/** Settings of search indexes. */
import { boolean, size } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

export const searchSettings = settingsObject({
  name: 'Search',
  title: 'Search',
  help: 'How mail is searched.',
  many: false,
  fields: {
    indexEmail: boolean({
      fallback: true,
      help: 'Whether the words of messages are indexed. Without it searches find the same, and read every message for it.',
    }),
    memory: size({
      fallback: 128 << 20,
      min: 1 << 20,
      help: 'Memory for the indexes of accounts that are searched, per worker.',
      restart: true,
    }),
  },
})
