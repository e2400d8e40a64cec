/** What there is to know of a name and a type, and who finds it out. */
import type { DnsRecord, RecordOf, RecordType } from './record.ts'
import type { FailureKind } from './transport.ts'

export interface Known {
  /** Validated, by a server that is trusted to do that and over a way that is. */
  readonly authentic: boolean
  /** Seconds for which it holds. */
  readonly ttl: number
  /** Who said it last, as `udp://192.0.2.1:53`; empty where nobody needed to be asked. */
  readonly server: string
  readonly cached: boolean
}

export interface Failed {
  readonly kind: 'failed'
  readonly why: FailureKind | 'tooManyAliases'
  /** For administrators and logs. */
  readonly reason: string
  readonly temporary: true
  readonly cached: boolean
}

export type Resolution<R extends DnsRecord = DnsRecord> =
  /** `name` is where the aliases of the name that was asked for lead, folded. At least one record. */
  | ({ readonly kind: 'answer'; readonly name: string; readonly records: readonly R[] } & Known)
  /** The name is there, without records of this type. */
  | ({ readonly kind: 'noData' } & Known)
  /** There is no such name, and nothing below it. */
  | ({ readonly kind: 'noName' } & Known)
  | Failed

export interface Resolver {
  /**
   * `name` is ASCII, with or without a final dot. `fresh`: nothing that was remembered here will do. Throws the
   * signal's reason where it is aborted.
   */
  resolve<T extends RecordType>(
    name: string,
    type: T,
    o?: { readonly signal?: AbortSignal; readonly fresh?: boolean },
  ): Promise<Resolution<RecordOf<T>>>
}
