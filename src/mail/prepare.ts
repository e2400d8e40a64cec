/**
 * Everything about a new message that can be computed before the transaction: its structure as it is stored,
 * and the keys of its thread. The commit then only reads and writes rows.
 */
import type { Staged } from '#kv/backend.ts'
import type { MessageStructure } from '#message/structure.ts'
import { encodeStructure, shiftStored } from '#message/structure-codec.ts'
import { threadKeys } from './thread.ts'

export interface PreparedMessage {
  readonly staged: Staged
  /** Header fields of ours that stand before the staged bytes. */
  readonly prefix: Uint8Array
  readonly receivedAt: number
  /** The row of `structureTable`. */
  readonly structure: Uint8Array
  readonly threadKeys: Uint8Array
}

/**
 * `structure` is that of the staged bytes alone; `prefix` is whole header fields with their line ends, or
 * empty. `receivedAt` (milliseconds) becomes INTERNALDATE.
 */
export function prepareMessage(o: {
  staged: Staged
  structure: MessageStructure
  prefix: Uint8Array
  receivedAt: number
}): PreparedMessage {
  return {
    staged: o.staged,
    prefix: o.prefix,
    receivedAt: o.receivedAt,
    structure: encodeStructure(o.structure, o.prefix.length),
    threadKeys: threadKeys(o.structure),
  }
}

/** The same message for one of many recipients: `prefix` goes before what stands there already. */
export function withPrefix(message: PreparedMessage, prefix: Uint8Array): PreparedMessage {
  if (prefix.length === 0) return message
  return {
    ...message,
    prefix: message.prefix.length === 0 ? prefix : Buffer.concat([prefix, message.prefix]),
    structure: shiftStored(message.structure, prefix.length),
  }
}
