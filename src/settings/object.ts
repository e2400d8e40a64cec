/**
 * What a folder's `settings.ts` is made of. A SettingsObject groups fields under one name; the configuration
 * file, the management API, the admin forms and the reference all come from this declaration.
 *
 * In the file a field is `<Object>.<field>`, or for an object of which there are several
 * `<Object>.<id>.<field>`. Beside it most fields have a `classic` key, the dotted name that existing
 * configuration files use; both mean the same.
 */
import type { Field } from './field.ts'

export interface SettingsObject<F> {
  /** In the words of the management API: `SystemSettings`, `NetworkListener`. Unique. */
  readonly name: string
  /** For people: the heading of its form. */
  readonly title: string
  readonly help: string
  /** True where there may be any number of these, each with an id. */
  readonly many: boolean
  /** Only for `many`: the classic key before the id, `server.listener`. Its fields' classic keys go after the id. */
  readonly classic?: string
  readonly fields: { readonly [K in keyof F]: Field<F[K]> }
  /** Read before the store is open, so the file and the environment alone can give it. */
  readonly early?: true
  /** The management shows it with others of its kind, by a handler that is not made of this. Only with `early`. */
  readonly hasOwnHandler?: true
  /** What is missing so far: a sentence that whoever sets anything here gets as a warning. The values are kept. */
  readonly notYet?: string
  /** What is wrong with the fields taken together, each being right alone. Pure, as all of this. */
  check?(values: Readonly<F>): readonly Complaint[]
  /** What follows from the values: shown beside them, never set. */
  readonly facts?: {
    readonly fields: Readonly<Record<string, Field<unknown>>>
    /** As JSON. */
    of(values: Readonly<F>): Readonly<Record<string, unknown>>
  }
}

export interface Complaint {
  readonly field: string
  /** To be put after the name of the field: `is the key of another certificate`. */
  readonly text: string
}

/** Gives a declaration its type. */
export const settingsObject = <F>(declaration: SettingsObject<F>): SettingsObject<F> => declaration

/** An object whose fields are not known where it is handled. */
export type AnySettingsObject = SettingsObject<Record<string, unknown>>

/** The values in force now. `registry/live.ts` implements it. */
export interface Settings {
  /** The values of an object of which there is one. The same frozen value until something in it changes. */
  get<F>(object: SettingsObject<F>): Readonly<F>
  /** All objects of a kind of which there may be several, in the order they were given. */
  each<F>(object: SettingsObject<F>): readonly (Readonly<F> & { readonly id: string })[]
  /** Whether the store alone gives the one with this id: neither the file nor the environment has any of it. */
  isStored<F>(object: SettingsObject<F>, id: string): boolean
  /** Calls `f` after any value of the object (or, where there are several, of any of them) has changed. */
  onChange<F>(object: SettingsObject<F>, f: () => void): Disposable
}
