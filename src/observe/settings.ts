/** Where the log goes and how much of it. Without any, there is one: text at level info to standard output. */
import { boolean, oneOf, path } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'
import { levels } from '#telemetry/level.ts'

export const tracer = settingsObject({
  name: 'Tracer',
  title: 'Logs',
  help: 'A destination for the log. There may be several, each with its own level and format.',
  many: true,
  classic: 'tracer',
  fields: {
    enable: boolean({ fallback: true, help: 'Whether this log is written.' }),
    type: oneOf(['stdout', 'log'], {
      fallback: 'stdout',
      help: 'Standard output, or the file named by path.',
    }),
    level: oneOf(levels, { fallback: 'info', help: 'The least important events that are written.' }),
    format: oneOf(['text', 'json'], {
      fallback: 'text',
      help: 'Lines for people, or one JSON object per line.',
    }),
    path: path({ fallback: undefined, help: 'The file, which is appended to. Only for type log.' }),
    ansi: boolean({
      fallback: undefined,
      help: 'Whether the level is coloured. By default it is where standard output is a terminal.',
    }),
  },
  check: ({ type, path: file }) =>
    type === 'log' && file === undefined
      ? [{ field: 'path', text: 'is missing: a log of type "log" needs it' }]
      : [],
})
