/**
 * Objects with the properties that a request asks for: by what each of them is read is looked up once for all
 * objects, and what is at hand, as nearly everything is, is read without a promise.
 */
import { inTurn, type Maybe, whenThere } from '#base/maybe.ts'
import type { Json, JsonObject } from '../value.ts'
import type { AnswerBudget } from './source.ts'

/** Reads a value of a message, or of one of its parts. */
export type Reader<T, V extends Json = Json> = (of: T) => Maybe<V>

/** An object with these names, none of them of the client's choice, each value read in turn, and paid for before. */
export function objectReader<T>(
  properties: readonly (readonly [name: string, read: Reader<T>])[],
  budgetOf: (of: T) => AnswerBudget | undefined,
): Reader<T, JsonObject> {
  const names = properties.map(([name]) => name)
  const readers = properties.map(([, read]) => read)
  // Copies of an object that has all its properties are quicker made, and told, than objects that grow.
  const empty: Record<string, Json> = Object.fromEntries(names.map((name) => [name, null]))
  return (of) => {
    budgetOf(of)?.spendValues(names.length)
    return whenThere(
      inTurn(readers, (read) => read(of)),
      (values) => {
        const object = { ...empty }
        names.forEach((name, i) => {
          object[name] = values[i]!
        })
        return object
      },
    )
  }
}
