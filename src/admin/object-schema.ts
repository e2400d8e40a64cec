/** Objects of the management as JSON Schema: as they are shown, created and changed. */
import { createHash } from 'node:crypto'
import type { ManagedObject } from '#registry/managed-object.ts'
import type { Management, ManagementVerb } from '#registry/management.ts'
import { type JsonSchema, objectSchema } from '#settings/json-schema.ts'
import type { Fields } from '#settings/values.ts'

type Settable = Fields[string]['settable']

const those = (fields: Fields, isWanted: (settable: Settable, name: string) => boolean): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name, { settable }]) => isWanted(settable, name)))

const about = ({ title, help }: ManagedObject) => ({ title, description: help })

/** What is secret is not shown, and what is shown once comes with the answer that makes it. */
function shownSchema(object: ManagedObject): JsonSchema {
  const shown = Object.fromEntries(Object.entries(object.fields).filter(([, { kind }]) => kind !== 'secret'))
  const { properties, ...rest } = objectSchema(shown, { required: false })
  const id = { type: 'string', description: 'What it is called in paths.', readOnly: true }
  const revision = { type: 'string', description: 'What If-Match takes.', readOnly: true }
  return {
    ...about(object),
    ...rest,
    properties: { id, ...(properties as object), revision },
    required: ['id', 'revision'],
  }
}

const newSchema = (object: ManagedObject): JsonSchema => ({
  ...about(object),
  ...objectSchema(
    those(object.fields, (settable) => settable !== 'never'),
    { required: true },
  ),
})

const patchSchema = (object: ManagedObject): JsonSchema => ({
  ...about(object),
  ...objectSchema(
    those(object.fields, (settable) => settable === undefined),
    { required: false },
  ),
})

/** What a verb's body is called among the schemas. */
const schemaNames = (object: ManagedObject) => ({
  shown: object.name,
  create: `${object.name}New`,
  update: `${object.name}Patch`,
})

/** All of them by name. */
export function objectSchemas(management: Management): Readonly<Record<string, JsonSchema>> {
  const entries = management.objects.flatMap((object): [string, JsonSchema][] => {
    const verbs: readonly ManagementVerb[] = management.verbsOf(object.name)
    const names = schemaNames(object)
    return [
      [names.shown, shownSchema(object)],
      ...(verbs.includes('create') ? [[names.create, newSchema(object)] as [string, JsonSchema]] : []),
      ...(verbs.includes('update') ? [[names.update, patchSchema(object)] as [string, JsonSchema]] : []),
    ]
  })
  return Object.fromEntries(entries)
}

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

/** Of the OpenAPI document. */
export const objectRefs = (object: ManagedObject) => {
  const { shown, create, update } = schemaNames(object)
  const items = { type: 'array', items: ref(shown) }
  const isMore = { const: true, description: 'There may be more than total: they were not all counted.' }
  const page = {
    type: 'object',
    required: ['items', 'total'],
    properties: { items, total: { type: 'integer' }, isMore },
  }
  return { shown: ref(shown), create: ref(create), update: ref(update), page }
}

/** One document of all objects, named by its hash: who has it, has it for good. */
export function schemaDocument(management: Management): {
  readonly hash: string
  readonly document: JsonSchema
} {
  const definitions = objectSchemas(management)
  const hash = createHash('sha256').update(JSON.stringify(definitions)).digest('hex')
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `/api/schema/${hash}`,
    title: 'Objects of the management',
    hash,
    objects: management.objects.map((object) => ({
      name: object.name,
      kind: object.kind,
      ofAccount: object.ofAccount === true,
      verbs: management.verbsOf(object.name),
    })),
    $defs: definitions,
  }
  return { hash, document }
}
