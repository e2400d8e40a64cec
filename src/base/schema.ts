/**
 * Shapes of data that comes from outside or from disk: task payloads, JMAP arguments, bodies of the REST API.
 *
 * This is the only file that imports zod, so that the set of constructs in use stays small and can be
 * replaced. It is zod's function-only build, of which a bundle keeps what is used. Hot paths (protocol
 * grammars, rows, telemetry fields, settings) have their own readers and do not come here.
 */
import { safeParse, type ZodMiniType } from 'zod/mini'
import { Fault } from './fault.ts'

export { array, enum as oneOf, int, object, optional, string, toJSONSchema } from 'zod/mini'

/** A reader of untrusted values that gives a T. */
export type Schema<T> = ZodMiniType<T>
/** What a schema gives. */
export type Shape<S> = S extends ZodMiniType<infer T> ? T : never

/**
 * Reads an untrusted value. Throws Fault `invalid` whose detail names the wrong properties as dotted paths
 * and whose public text says what was expected there; the value itself is never repeated.
 */
export function readAs<T>(schema: Schema<T>, input: unknown): T {
  const result = safeParse(schema, input)
  if (result.success) return result.data
  const properties = result.error.issues.map((issue) => issue.path.map(String).join('.'))
  const texts = result.error.issues.map((issue, i) =>
    properties[i] === '' ? issue.message : `${properties[i]}: ${issue.message}`,
  )
  throw new Fault('invalid', texts.join('; '), {
    properties: [...new Set(properties)].filter((p) => p !== ''),
  })
}
