import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boolean, duration, list, oneOf, record, secret, socketAddress, text } from './field.ts'
import { objectSchema } from './json-schema.ts'

test('each kind of field, and what may be done with it', () => {
  const help = ''
  const fields = {
    name: text({ fallback: '', required: true, settable: 'atCreation', help: 'Its name.' }),
    idle: duration({ fallback: 60_000, help, restart: true, classic: 'imap.timeout.idle' }),
    level: oneOf(['low', 'high'], { fallback: undefined, help }),
    password: secret({ fallback: undefined, help }),
    bind: list(socketAddress({ fallback: undefined, help }), {
      fallback: [{ ip: '::', port: 25 }],
      help,
    }),
    made: text({ fallback: '', settable: 'never', help }),
    alias: record({ on: boolean({ fallback: true, help }) }, { fallback: { on: true }, help }),
  }
  const schema = objectSchema(fields, { required: true })
  assert.deepEqual(schema, {
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: {
      name: { type: 'string', maxLength: 65_536, title: 'Its name.', description: 'Must be a text.' },
      idle: {
        type: ['integer', 'string'],
        minimum: 0,
        description: `Must be ${fields.idle.allowed}.`,
        default: 60_000,
        'x-restart': true,
        'x-classic': 'imap.timeout.idle',
      },
      level: {
        type: ['string', 'null'],
        enum: ['low', 'high', null],
        description: 'Must be one of "low", "high".',
      },
      password: {
        type: ['string', 'null'],
        description: 'Must be a text that is not empty.',
        writeOnly: true,
      },
      bind: {
        type: 'array',
        items: { type: 'string' },
        description: `Must be ${fields.bind.allowed}.`,
        default: ['[::]:25'],
      },
      made: { type: 'string', maxLength: 65_536, description: 'Must be a text.', readOnly: true },
      alias: {
        type: 'object',
        additionalProperties: false,
        properties: { on: { type: 'boolean', default: true } },
        default: { on: true },
      },
    },
  })
  assert.equal(objectSchema(fields, { required: false })['required'], undefined)
})
