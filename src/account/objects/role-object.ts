/** Roles as they are managed. A role is called by its name, which stays; some exist from the start. */
import type { ManagedObject } from '#registry/managed-object.ts'
import { text } from '#settings/field.ts'
import { names, permissionList, shortText } from './fields.ts'

const roleFields = {
  name: text({
    fallback: '',
    required: true,
    settable: 'atCreation',
    help: 'Its name.',
    allowed: 'up to 60 letters, digits, hyphens, dots, underscores and spaces',
    normalise: (given) =>
      /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u.test(given) ? given.normalize('NFC') : undefined,
  }),
  description: shortText('What it is for.'),
  enabledPermissions: permissionList('What its holders may do.'),
  disabledPermissions: permissionList('What its holders may not do, whatever else gives it to them.'),
  roles: names('role', 'Roles that this one has everything of.'),
} as const

export const roleObject: ManagedObject = {
  name: 'Role',
  title: 'Roles',
  help: 'Sets of permissions that accounts have by name.',
  kind: 'collection',
  fields: roleFields,
  filters: { text: shortText('Part of the name or the description.', 200) },
}
