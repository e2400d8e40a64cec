/**
 * Whose mailbox a path names (RFC 9051 §6.3.10, RFC 2342): the own mailboxes have no prefix, those of other
 * users lie below `Other Users/<name>/`, those of groups below `Shared Folders/<name>/`.
 *
 * The name of an account may hold the delimiter, which is then shown as a full-width one: whose name has that
 * itself cannot be reached so, and nobody else in their place, since names are compared after the way back.
 */
import type { Principal } from '#mail/principal.ts'
import type { Settings } from '#settings/object.ts'
import { canonicalName, delimiter } from './mailbox-name.ts'
import { imapSettings } from '../settings.ts'

/** What the namespaces are called, without delimiters. */
export interface NamespaceNames {
  readonly otherUsers: string
  readonly sharedFolders: string
}

/** As the settings say now. */
export function namespaceNames(settings: Pick<Settings, 'get'>): NamespaceNames {
  const { otherUsersName, sharedFoldersName } = settings.get(imapSettings)
  return { otherUsers: otherUsersName, sharedFolders: sharedFoldersName }
}

export type Located =
  | { readonly space: 'own'; readonly path: string }
  /** `path` is that in the account, undefined where the path ends before it. */
  | {
      readonly space: 'otherUsers' | 'sharedFolders'
      readonly name: string
      readonly path: string | undefined
    }

const shownDelimiter = '\uff0f'

export function locate(path: string, names: NamespaceNames): Located {
  const [root, name, ...rest] = path.split(delimiter, 3)
  const space =
    root === names.otherUsers ? 'otherUsers' : root === names.sharedFolders ? 'sharedFolders' : 'own'
  if (space === 'own') return { space, path }
  const at = name === undefined || rest.length === 0 ? undefined : `${root}/${name}/`.length
  const inside = at === undefined ? undefined : canonicalName(path.slice(at))
  return {
    space,
    name: (name ?? '').replaceAll(shownDelimiter, delimiter),
    path: inside === '' ? undefined : inside,
  }
}

/** What stands before the paths of a principal's mailboxes, with the delimiter at its end. */
export function prefixOf({ name, isGroup }: Principal, names: NamespaceNames): string {
  const root = isGroup ? names.sharedFolders : names.otherUsers
  return [root, name.replaceAll(delimiter, shownDelimiter), ''].join(delimiter)
}
