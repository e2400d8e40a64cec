/** The classic forms as JSON Schema, for the OpenAPI document. */
import { allPermissions } from '#account/permission.ts'
import type { JsonSchema } from '#settings/json-schema.ts'
import { mostOperations } from './principal-operations.ts'
import { principalTypes } from './principal-shape.ts'

const text: JsonSchema = { type: 'string' }
const texts: JsonSchema = { type: 'array', items: text }
const permissions: JsonSchema = { type: 'array', items: { type: 'string', enum: allPermissions } }
const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

const properties = {
  name: { ...text, description: 'An address, or the name of a domain or role.' },
  description: text,
  quota: { type: 'integer', minimum: 0, description: 'Bytes; 0: no limit.' },
  secrets: {
    oneOf: [text, texts],
    writeOnly: true,
    description: 'One password, or the hash of one that another server made.',
  },
  emails: { ...texts, description: 'The primary address first.' },
  memberOf: { ...texts, description: 'Groups.' },
  members: { ...texts, description: 'Of a group: accounts. Of a list: addresses.' },
  externalMembers: { ...texts, description: 'Of a list: further addresses.' },
  lists: { ...texts, description: 'The lists that an account is on.' },
  roles: texts,
  enabledPermissions: permissions,
  disabledPermissions: permissions,
  urls: { type: 'array', maxItems: 0 },
} as const

export const classicSchemas: Readonly<Record<string, JsonSchema>> = {
  NewPrincipal: {
    type: 'object',
    description: 'Fields without a meaning for the type may be there, empty.',
    required: ['type', 'name'],
    properties: { type: { type: 'string', enum: principalTypes }, ...properties },
  },
  Principal: {
    type: 'object',
    required: ['id', 'type'],
    properties: {
      id: { type: ['integer', 'string'] },
      type: { type: 'string', enum: principalTypes },
      ...properties,
      usedQuota: { type: 'integer' },
      enabled: { type: 'boolean' },
    },
  },
  PrincipalOperations: {
    type: 'array',
    minItems: 1,
    maxItems: mostOperations,
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['action', 'field', 'value'],
      properties: {
        action: { type: 'string', enum: ['set', 'addItem', 'removeItem'] },
        field: text,
        value: {},
      },
    },
  },
  PrincipalPage: {
    type: 'object',
    required: ['items', 'total'],
    properties: { items: { type: 'array', items: ref('Principal') }, total: { type: 'integer' } },
  },
  SettingsOperations: {
    type: 'array',
    minItems: 1,
    items: {
      type: 'object',
      required: ['type'],
      properties: {
        type: { type: 'string', enum: ['insert', 'delete', 'clear'] },
        prefix: { ...text, description: 'For insert and clear.' },
        values: {
          type: 'array',
          description: 'For insert: pairs of key and value.',
          items: { type: 'array', minItems: 2, maxItems: 2, items: text },
        },
        assert_empty: { type: 'boolean', description: 'For insert: only where nothing is below the prefix.' },
        keys: { ...texts, description: 'For delete.' },
      },
    },
  },
  AuthOperation: {
    type: 'object',
    required: ['type'],
    properties: {
      type: {
        type: 'string',
        enum: ['enableOtpAuth', 'disableOtpAuth', 'addAppPassword', 'removeAppPassword'],
      },
      currentSecret: { ...text, writeOnly: true },
      url: { ...text, writeOnly: true, description: 'For enableOtpAuth: the otpauth URL.' },
      code: { ...text, writeOnly: true },
      name: { ...text, description: 'Of the app password.' },
    },
  },
}
