/**
 * The OpenAPI 3.1 document of everything that is answered over HTTP, made of the routes and the objects that
 * the router is made of. What must always hold: a route that is not in it does not exist, and the other way
 * round (`openapi.test.ts`).
 */
import type { Management } from '#registry/management.ts'
import { fieldSchema, type JsonSchema } from '#settings/json-schema.ts'
import { objectSchemas } from './object-schema.ts'
import { classicSchemas } from './principal-schema.ts'
import type { ApiRoute, PlainRoute } from './route.ts'

const schemaRef = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

const problem: JsonSchema = {
  type: 'object',
  description: 'A problem document (RFC 9457).',
  required: ['type', 'title', 'status', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'For people.' },
    requestId: {
      type: 'string',
      description: 'Also in the log of the server, where something is wrong with it.',
    },
    properties: { type: 'array', items: { type: 'string' }, description: 'The names of wrong properties.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: {
          pointer: { type: 'string', description: 'JSON Pointer into the body (RFC 6901 §6).' },
          detail: { type: 'string' },
        },
      },
    },
  },
}

const answers: Readonly<Record<number, string>> = {
  400: 'Something given is wrong, each property by its pointer; nothing has changed.',
  401: 'Nobody signed in.',
  403: 'You may not do this.',
  404: 'It is not there, or not for you.',
  409: 'It is in the way of something else.',
  412: 'If-Match does not hold any more.',
  413: 'The body is too large.',
  415: 'The body is no JSON.',
  429: 'Too often: Retry-After says when.',
  503: 'The server cannot now.',
}

const reading = [401, 403, 404, 429, 503]
const writing = [400, ...reading, 409, 412, 413, 415]

const problemAnswer = (status: number) => ({
  description: answers[status],
  content: { 'application/problem+json': { schema: schemaRef('Problem') } },
})

function parametersOf({ path, query = {}, changes }: ApiRoute): readonly object[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = Object.entries(query).map(([name, field]) => ({
    name,
    in: 'query',
    description: field.help,
    schema: fieldSchema(field),
  }))
  const ifMatch = {
    name: 'If-Match',
    in: 'header',
    description: 'The revision that is to be changed, in quotes: another one is left alone.',
    schema: { type: 'string' },
  }
  return [...inPath, ...inQuery, ...(changes === true ? [ifMatch] : [])]
}

function operationOf(route: ApiRoute): object {
  const { method, tag, summary, permissions, body, data = {}, status = 200, bare, type } = route
  const parameters = parametersOf(route)
  const schema = bare === true ? data : { type: 'object', required: ['data'], properties: { data } }
  const failures = (method === 'GET' ? [400, ...reading] : writing).map((one) => [one, problemAnswer(one)])
  return {
    tags: [tag],
    summary,
    operationId: operationId(route),
    ...(permissions.length === 0 ? {} : { description: `Needs the permission ${permissions.join(' or ')}.` }),
    'x-permissions': permissions,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      [status]: { description: 'Done.', content: { [type ?? 'application/json']: { schema } } },
      ...(Object.fromEntries(failures) as object),
    },
  }
}

/** `getApiObjectAccountKey`. */
const operationId = ({ method, path }: ApiRoute): string =>
  method.toLowerCase() +
  path
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')

const plainOperation = ({ summary, type, open }: PlainRoute): object => ({
  tags: ['Server'],
  summary,
  ...(open === true ? { security: [] } : {}),
  responses: {
    200: { description: 'Done.', content: { [type]: { schema: { type: 'string' } } } },
    ...(open === true
      ? { 503: { description: 'Not now.', content: { [type]: { schema: { type: 'string' } } } } }
      : { 401: problemAnswer(401), 403: problemAnswer(403) }),
  },
})

const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}')

export function openApiDocument(o: {
  readonly management: Management
  readonly routes: readonly ApiRoute[]
  readonly plain: readonly PlainRoute[]
  readonly version: string
}): JsonSchema {
  const paths: Record<string, Record<string, object>> = {}
  const add = (path: string, method: string, operation: object): void => {
    const template = templateOf(path)
    paths[template] = { ...paths[template], [method.toLowerCase()]: operation }
  }
  for (const route of o.routes) add(route.path, route.method, operationOf(route))
  for (const route of o.plain) add(route.path, 'GET', plainOperation(route))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Postern',
      version: o.version,
      description: 'Administration of the mail server, and what people do with their own accounts.',
      license: { name: 'AGPL-3.0-only', identifier: 'AGPL-3.0-only' },
    },
    servers: [{ url: '/' }],
    security: [{ basic: [] }, { bearer: [] }],
    tags: [...new Set([...o.routes.map(({ tag }) => tag), 'Server'])].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, or the admin token on the server.',
        },
      },
      schemas: { Problem: problem, ...classicSchemas, ...objectSchemas(o.management) },
    },
  }
}
