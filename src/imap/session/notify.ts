/**
 * What the client wants to be told of at any time (RFC 5465), as its session knows it. `../notify/notifications.ts`
 * does the work.
 */
import type { AccountId, Modseq } from '#base/id.ts'
import type { FetchItem } from '../fetch/fetch-items.ts'

export interface Notify {
  /** Undefined where the messages of the selected mailbox are not to be told of. */
  readonly selected: SelectedEvents | undefined
  /** Whether the client is told of anything while there is no command. */
  readonly isActive: boolean
  /** The accounts in which something may happen of which the client is told. */
  readonly accounts: ReadonlySet<AccountId>
  /** They may be others than the session's own. */
  readonly mayBeForeign: boolean
  /** To be called with what each commit of the session changed. */
  readonly onCommit: ((numbers: ReadonlyMap<AccountId, Modseq>) => void) | undefined
  /** What happened in other mailboxes since the client was last told; undefined for nothing. */
  news(): Promise<News | undefined>
}

/** What is told of the selected mailbox, whichever that is; new and expunged messages always. */
export interface SelectedEvents {
  /** Expunges wait for a command that allows them. */
  readonly isDelayed: boolean
  readonly flags: boolean
  /** Of each new message; empty for nothing but EXISTS. */
  readonly fetch: readonly FetchItem[]
}

/** What is different for the client, and nothing of it said yet. */
export interface News {
  tell(): Promise<void>
}
