/**
 * What a client knows of one type of an account's objects, as the states say that /changes gives (RFC 8620 §5.2).
 *
 * A state is that of /get; or, where there was more to tell than a client wanted to hear of at once, one in between:
 * it knows all up to `from`, and of what is different by `to` that which has a number up to `last`. What is different
 * by then when it asks for more does not move the rest. Who it was that saw is part of both.
 */
import type { Modseq } from '#base/id.ts'
import { modseqOf, stateOf } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { accountAs, askerOf, type OpenAccount } from './accounts.ts'

export interface KnownState {
  readonly from: Modseq
  /** As the user saw it at `from`. */
  readonly before: OpenAccount
  /** Of a state in between. */
  readonly part: KnownPart | undefined
}

export interface KnownPart {
  readonly to: Modseq
  readonly last: number
  /** As the user sees what is different, until all of it is told, whoever they have come to be meanwhile. */
  readonly now: OpenAccount
}

/** undefined for what was never given out, and where it is not known any more who the user was. */
export async function readKnownState(
  tx: ReadTx,
  account: OpenAccount,
  state: string,
): Promise<KnownState | undefined> {
  const [text, ...askers] = state.split('_', 4)
  const [from, to, last, ...rest] = text!.split('-', 4).map(modseqOf)
  if (from === undefined || rest.length > 0) return undefined
  const isPart = text!.includes('-')
  const seen: (OpenAccount | undefined)[] = account.isOwn ? [account, account] : []
  for (const asker of askers) seen.push(await accountAs(tx, account, asker))
  const [before, now, ...others] = seen
  if (before === undefined || others.length > 0) return undefined
  if (!isPart) return now === undefined || account.isOwn ? { from, before, part: undefined } : undefined
  if (to === undefined || last === undefined || now === undefined) return undefined
  return { from, before, part: { to, last, now } }
}

/** The state in between. */
export function partStateOf({ from, before, part }: KnownState & { readonly part: KnownPart }): string {
  const text = [from, part.to, part.last].map((number) => stateOf(number as Modseq)).join('-')
  return before.isOwn ? text : [text, askerOf(before.who), askerOf(part.now.who)].join('_')
}
