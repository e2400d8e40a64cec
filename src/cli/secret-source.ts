/**
 * Secrets in files: `{"fromEnv": "NAME"}` and `{"fromFile": "/path"}` in place of the text, so that the file
 * can be kept where others read it. A text in clear is taken too, and warned about.
 */
import { readFile } from 'node:fs/promises'
import { holdsSecret } from './assignment.ts'
import { CliFailure } from './failure.ts'
import type { FieldDescription, Fields, Values } from './object-client.ts'
import { firstLine } from './sign-in.ts'

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Told the path of each secret that stands in clear. */
  readonly foundInClear: (path: string) => void
}

/** The values with their secrets in place. `where` is said in messages. Throws CliFailure. */
export async function resolveSecrets(
  values: Values,
  fields: Fields,
  where: string,
  o: SecretSources,
): Promise<Values> {
  const entries: [string, unknown][] = []
  for (const [name, value] of Object.entries(values)) {
    const field = Object.hasOwn(fields, name) ? fields[name]! : undefined
    const isAffected = field !== undefined && holdsSecret(field)
    entries.push([name, isAffected ? await resolved(value, field, `${where}.${name}`, o) : value])
  }
  return Object.fromEntries(entries)
}

async function resolved(
  value: unknown,
  field: FieldDescription,
  path: string,
  o: SecretSources,
): Promise<unknown> {
  if (field.kind === 'secret') return secretOf(value, path, o)
  if (Array.isArray(value) && field.item !== undefined) {
    const items: unknown[] = []
    for (const [i, one] of value.entries()) items.push(await resolved(one, field.item, `${path}[${i}]`, o))
    return items
  }
  if (typeof value === 'object' && value !== null && field.parts !== undefined)
    return resolveSecrets(value as Values, field.parts, path, o)
  return value
}

/** Hashes may be seen, if not by everybody: `$argon2id$...`, `{SSHA512}...`. */
const isHash = (text: string): boolean => /^(?:\$[\w-]+\$|\{[\w.-]+\}|SCRAM-SHA-)/.test(text)

async function secretOf(value: unknown, path: string, o: SecretSources): Promise<unknown> {
  if (typeof value === 'string' && !isHash(value)) o.foundInClear(path)
  if (typeof value !== 'object' || value === null) return value
  const { fromEnv, fromFile, ...rest } = value as { fromEnv?: unknown; fromFile?: unknown }
  if (Object.keys(rest).length === 0 && typeof fromEnv === 'string' && fromFile === undefined) {
    const text = o.env[fromEnv]
    if (text === undefined || text === '') throw missing(path, `the environment has no ${fromEnv}`)
    return text
  }
  if (Object.keys(rest).length === 0 && typeof fromFile === 'string' && fromEnv === undefined) {
    const text = await readFile(fromFile, 'utf8').catch(() => {
      throw missing(path, `${fromFile} cannot be read`)
    })
    // A key of several lines is whole; a password ends with its line.
    return text.trimEnd().includes('\n') ? text : firstLine(text)
  }
  throw missing(path, 'say {"fromEnv": "NAME"} or {"fromFile": "/path"}')
}

const missing = (path: string, why: string): CliFailure => new CliFailure(`${path} is secret: ${why}`)
