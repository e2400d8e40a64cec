/**
 * Who may send to a mailing list. Where not everybody may, somebody counts whom this server knows: who signed in,
 * or who came by way of a server of ours; a stranger's reverse-path proves nothing and helps only where the list
 * names it.
 */
import { foldAddress } from '#base/domain-name.ts'
import type { Access } from './access.ts'
import type { ListMembers } from './list-expansion.ts'
import type { StoredList } from './lookup.ts'

export interface Poster {
  /** The reverse-path. */
  readonly from: string
  /** Who signed in. */
  readonly access: Pick<Access, 'account' | 'groups'> | undefined
  /** A server of ours vouches for the reverse-path. */
  readonly isVouchedFor: boolean
}

export function mayPost(list: StoredList, members: ListMembers, by: Poster): boolean {
  if (list.posting === 'anyone') return true
  const { access, isVouchedFor } = by
  const from = foldAddress(by.from)
  const isNamed = (addresses: readonly string[]): boolean => from !== undefined && addresses.includes(from)
  if (isNamed(list.posters)) return true
  if (list.posting === 'local') return access !== undefined || isVouchedFor
  if (access === undefined) return isVouchedFor && isNamed(list.recipients)
  return (
    isNamed(list.recipients) ||
    members.accounts.some(({ id }) => id === access.account || access.groups.includes(id))
  )
}
