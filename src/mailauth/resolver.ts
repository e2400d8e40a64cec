/**
 * What the checks of this folder ask the DNS, as an interface that the resolver of `dns` fills by its shape.
 * What must hold: a name that is not there, a name without such records and a question without an answer
 * are told apart, since SPF and DMARC decide differently on each. Nothing is thrown but the signal's reason.
 */

interface Data {
  readonly A: { readonly ip: string }
  readonly AAAA: { readonly ip: string }
  readonly MX: { readonly preference: number; readonly exchange: string }
  /** Each string by itself; the standards of this folder join them without anything between. */
  readonly TXT: { readonly strings: readonly Uint8Array[] }
  readonly PTR: { readonly target: string }
}

export type AskedType = keyof Data

export type Found<T extends AskedType> =
  /** At least one record; names in them are without a final dot. `authentic`: validated with DNSSEC. */
  | { readonly kind: 'answer'; readonly records: readonly Data[T][]; readonly authentic: boolean }
  /** The name is there, without records of this type. */
  | { readonly kind: 'noData' }
  | { readonly kind: 'noName' }
  /** It could not be found out; trying later may help. `reason` is for administrators. */
  | { readonly kind: 'failed'; readonly reason: string }

export interface AuthResolver {
  /** `name` is ASCII, with or without a final dot. */
  resolve<T extends AskedType>(
    name: string,
    type: T,
    o?: { readonly signal?: AbortSignal },
  ): Promise<Found<T>>
}
