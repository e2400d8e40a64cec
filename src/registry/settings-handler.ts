/**
 * Settings as objects that are managed: each declaration becomes one, read with what the file and the
 * environment say and written to the store.
 *
 * What must always hold: a value that the file or the environment gives cannot be changed here, since it would
 * come back; what is written is valid together with all that is in force; secrets are shown as set or not, and
 * giving the mark that is shown leaves them as they are.
 */
import { Fault, invalidProperties, type PropertyProblem } from '#base/fault.ts'
import type { Bus } from '#bus/bus.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { type Field, record, text } from '#settings/field.ts'
import { type ObjectValues, storeOrigin } from '#settings/merge.ts'
import type { AnySettingsObject } from '#settings/object.ts'
import { Secret } from '#settings/secret.ts'
import type { Values } from '#settings/values.ts'
import type { LiveSettings } from './live.ts'
import { type ManagedObject, type ObjectHandler, type Plan, singletonId } from './managed-object.ts'
import { sameValue } from './same-value.ts'
import { givenByRow, settingsTable, storedValue } from './settings-rows.ts'

export interface SettingsHandlerOptions {
  readonly settings: LiveSettings
  readonly bus: Bus
  /** What only this machine can tell of values that are right: a port that another program has. */
  readonly refuse?: (object: AnySettingsObject, instance: ObjectValues) => Promise<readonly PropertyProblem[]>
}

/** How a secret is shown that is set. */
const secretMark = '[secret]'

/** One for each object of the catalog that has none of its own. */
export const settingsHandlers = (o: SettingsHandlerOptions): readonly ObjectHandler[] =>
  o.settings.objects
    .filter(({ hasOwnHandler }) => hasOwnHandler !== true)
    .map((object) => settingsHandler(object, o))

const idField = text({
  fallback: '',
  required: true,
  settable: 'atCreation',
  allowed: 'a name of letters, digits, "-", "_" and "."',
  normalise: (id) => (/^[A-Za-z0-9_][\w.-]{0,63}$/.test(id) ? id : undefined),
  help: 'Its name, which is the key in the configuration file.',
})

/** The declaration as management and its reference see it. */
function managedSettings(object: AnySettingsObject): ManagedObject {
  const origins = Object.fromEntries(
    Object.keys(object.fields).map((name) => [
      name,
      text({ fallback: undefined, help: `Where ${name} is from.` }),
    ]),
  )
  return {
    name: object.name,
    title: object.title,
    help: object.help + (object.notYet === undefined ? '' : ` For now ${object.notYet}`),
    kind: object.many ? 'collection' : 'singleton',
    fields: {
      ...(object.many ? { name: idField } : {}),
      ...Object.fromEntries(
        Object.entries(object.fields).map(([name, field]) => [
          name,
          secretAware(object.early ? serverSet(field) : field),
        ]),
      ),
      ...object.facts?.fields,
      origins: record(origins, {
        fallback: undefined,
        settable: 'never',
        help: 'Where each value is from that is not the default: `store`, `environment`, or file and line.',
      }),
    },
    filters: {},
  }
}

const serverSet = (field: Field<unknown>): Field<unknown> => ({ ...field, settable: 'never' })

/** A secret that also takes the mark by which it is shown. */
const secretAware = (field: Field<unknown>): Field<unknown> =>
  field.kind === 'secret'
    ? { ...field, read: (input) => (input === secretMark ? secretMark : field.read(input)) }
    : field

function settingsHandler(object: AnySettingsObject, o: SettingsHandlerOptions): ObjectHandler {
  const changes = new SettingsChanges(object, o)
  const canChange = !object.early
  return {
    object: managedSettings(object),
    async locate(tx, key) {
      if (!object.many) return key === singletonId || key === object.name ? singletonId : undefined
      return (await changes.view(tx, key)) === undefined ? undefined : key
    },
    async read(tx, id) {
      const instance = await changes.view(tx, rowId(object, id))
      return instance && show(object, instance)
    },
    async query({ position, limit }) {
      const ids = o.settings.instances(object).map(({ id }) => (object.many ? id : singletonId))
      return { ids: ids.slice(position, position + limit), total: ids.length }
    },
    ...(canChange
      ? { update: async (id: string, patch: Values) => changes.update(rowId(object, id), patch) }
      : {}),
    ...(canChange && object.many
      ? {
          create: async (values: Values) => changes.create(values),
          destroy: async (id: string) => changes.destroy(id),
        }
      : {}),
  }
}

const rowId = (object: AnySettingsObject, id: string): string => (object.many ? id : '')

class SettingsChanges {
  readonly #object: AnySettingsObject
  readonly #settings: LiveSettings
  readonly #bus: Bus
  readonly #refuse: SettingsHandlerOptions['refuse']

  constructor(object: AnySettingsObject, { settings, bus, refuse }: SettingsHandlerOptions) {
    this.#object = object
    this.#settings = settings
    this.#bus = bus
    this.#refuse = refuse
  }

  /** With the store as this transaction sees it; undefined where there is no such object. */
  async view(tx: ReadTx, id: string): Promise<ObjectValues | undefined> {
    const row = this.#object.early ? undefined : await tx.get(settingsTable, this.#object.name, id)
    return this.#preview(id, row).instance
  }

  create(values: Values): Plan {
    const { name, ...fields } = values
    const id = String(name)
    return this.#plan(id, async (tx) => {
      const before = await tx.get(settingsTable, this.#object.name, id)
      if (this.#preview(id, before).instance !== undefined)
        throw new Fault('exists', `There is a ${this.#object.name} of this name.`, {
          what: this.#object.name,
        })
      return this.#changed({}, fields)
    })
  }

  update(id: string, patch: Values): Plan {
    return this.#plan(id, async (tx) => {
      const before = await tx.get(settingsTable, this.#object.name, id)
      const instance = this.#preview(id, before).instance
      const problems = Object.keys(patch).flatMap((name): PropertyProblem[] => {
        const origin = instance?.origins.get(name)
        if (origin === undefined || origin === storeOrigin) return []
        return [{ property: name, problem: `is set in ${placeNamed(origin)} and can only be changed there` }]
      })
      if (problems.length > 0) throw invalidProperties(problems)
      return this.#changed(before ?? {}, patch)
    })
  }

  destroy(id: string): Plan {
    return this.#plan(id, async (tx) => {
      await tx.get(settingsTable, this.#object.name, id)
      if (this.#preview(id, undefined).instance !== undefined) {
        const text = `This ${this.#object.name} is in the configuration file and can only be removed there.`
        throw new Fault('forbidden', text, { what: this.#object.name })
      }
      return undefined
    })
  }

  /** `change` gives the new row; undefined where there is to be none. */
  #plan(id: string, change: (tx: WriteTx) => Promise<Values | undefined>): Plan {
    let row: Values | undefined
    return {
      accounts: [],
      apply: async (tx) => {
        row = await change(tx)
        const isNeeded = row !== undefined && (this.#object.many || Object.keys(row).length > 0)
        if (isNeeded) await this.#refuseWrong(id, row!)
        if (isNeeded) tx.put(settingsTable, [this.#object.name, id], row!)
        else tx.delete(settingsTable, [this.#object.name, id])
        return this.#object.many ? id : singletonId
      },
      committed: () => {
        this.#settings.storeChanged(this.#object, id, row && givenByRow(this.#object, id, row, []))
        this.#bus.publish({ kind: 'settings', object: this.#object.name, id })
      },
    }
  }

  /** The row with these values; those that are the fallback are left to it. */
  #changed(row: Values, values: Values): Values {
    const next: Record<string, unknown> = { ...row }
    for (const [name, value] of Object.entries(values)) {
      const field = this.#object.fields[name]!
      if (value === secretMark && field.kind === 'secret') continue
      if (sameValue(value, field.fallback)) delete next[name]
      else next[name] = storedValue(field, value)
    }
    return next
  }

  #preview(id: string, row: Values | undefined): ReturnType<LiveSettings['preview']> {
    return this.#settings.preview(this.#object, id, row && givenByRow(this.#object, id, row, []))
  }

  /** Fields that are right alone may be wrong together. */
  async #refuseWrong(id: string, row: Values): Promise<void> {
    const { complaints, instance } = this.#preview(id, row)
    if (complaints.length > 0)
      throw invalidProperties(complaints.map(({ field, text: problem }) => ({ property: field, problem })))
    const problems = (instance && (await this.#refuse?.(this.#object, instance))) ?? []
    if (problems.length > 0) throw invalidProperties(problems)
  }
}

const placeNamed = (origin: string): string => (origin === 'environment' ? 'the environment' : origin)

/** JSON without secrets. */
function show(object: AnySettingsObject, { id, values, origins }: ObjectValues): Values {
  const shown = Object.entries(object.fields).map(([name, field]) => [name, showValue(field, values[name])])
  return {
    ...(object.many ? { name: id } : {}),
    ...Object.fromEntries(shown),
    ...object.facts?.of(values),
    origins: Object.fromEntries(origins),
  }
}

function showValue(field: Field<unknown>, value: unknown): unknown {
  if (value === undefined) return null
  if (value instanceof Secret) return secretMark
  return field.show === undefined ? value : field.show(value)
}
