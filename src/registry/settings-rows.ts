/**
 * Settings kept in the store: for each object a row of the fields that were set, as JSON that the fields read.
 * A row of an object or with a field that this release does not know is kept and has no effect.
 */
import { isFault } from '#base/fault.ts'
import { json } from '#kv/codec.ts'
import { text } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Field } from '#settings/field.ts'
import type { GivenObject, GivenValue, Layer, Problem } from '#settings/layer.ts'
import { storeOrigin } from '#settings/merge.ts'
import type { AnySettingsObject } from '#settings/object.ts'
import { Secret } from '#settings/secret.ts'
import type { Values } from '#settings/values.ts'

/** By object and id; the id of an object of which there is one is empty. */
export const settingsTable = globalTable({
  name: 'settings',
  letter: 'S',
  key: [text(), text()],
  value: json<Values>(),
})

export interface StoredSettings {
  readonly layer: Layer
  /** Warnings: what cannot be read has no effect. */
  readonly problems: readonly Problem[]
}

export async function readStoredSettings(
  tx: ReadTx,
  objects: readonly AnySettingsObject[],
): Promise<StoredSettings> {
  const problems: Problem[] = []
  const layer = new Map<AnySettingsObject, readonly GivenObject[]>()
  for (const object of objects) {
    const rows = object.early ? [] : await tx.list(settingsTable, [object.name])
    const given = rows.map(([[, id], row]) => givenByRow(object, id, row, problems))
    if (given.length > 0) layer.set(object, given)
  }
  return { layer, problems }
}

/** A row as a source of settings. */
export function givenByRow(
  object: AnySettingsObject,
  id: string,
  row: Values,
  problems: Problem[],
): GivenObject {
  const at = object.many ? `${object.name}.${id}` : object.name
  const values = new Map<string, GivenValue>()
  for (const [name, field] of Object.entries(object.fields)) {
    if (!Object.hasOwn(row, name)) continue
    const key = `${at}.${name}`
    try {
      values.set(name, { value: field.read(row[name]), origin: storeOrigin, key })
    } catch (error) {
      if (!isFault(error, 'invalid')) throw error
      const text = `${key} ${error.publicText}; what the store holds of it has no effect`
      problems.push({ severity: 'warning', text })
    }
  }
  return { id, origin: storeOrigin, key: at, values }
}

/** A value as rows hold it. */
export function storedValue(field: Field<unknown>, value: unknown): unknown {
  if (value instanceof Secret) return value.reveal()
  if (field.kind === 'list' && field.item?.kind === 'secret')
    return (value as readonly Secret[]).map((one) => one.reveal())
  return field.show === undefined ? value : field.show(value)
}
