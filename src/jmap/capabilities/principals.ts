/** urn:ietf:params:jmap:principals, and whose each account is (RFC 9670 §1.5). */
import { accountObjectId } from '../accounts.ts'
import type { Capability } from '../capability.ts'
import { principalChanges } from '../methods/principal-changes.ts'
import { principalGet } from '../methods/principal-get.ts'
import { principalQuery } from '../methods/principal-query.ts'
import { principalQueryChanges } from '../methods/principal-query-changes.ts'
import { principalSet } from '../methods/principal-set.ts'
import { shareNotificationChanges } from '../methods/share-notification-changes.ts'
import { shareNotificationGet } from '../methods/share-notification-get.ts'
import { shareNotificationQuery } from '../methods/share-notification-query.ts'
import { shareNotificationQueryChanges } from '../methods/share-notification-query-changes.ts'
import { shareNotificationSet } from '../methods/share-notification-set.ts'
import { principalObjectId } from '../principal-id.ts'
import { principalsCapability } from '../principals.ts'

/** Principals and notifications are in the user's own account. */
export const principals: Capability = {
  urn: principalsCapability,
  methods: [
    principalGet,
    principalChanges,
    principalQuery,
    principalQueryChanges,
    principalSet,
    shareNotificationGet,
    shareNotificationChanges,
    shareNotificationQuery,
    shareNotificationQueryChanges,
    shareNotificationSet,
  ],
  session: () => ({}),
  account: (_services, { id, isPersonal }) =>
    isPersonal ? { currentUserPrincipalId: principalObjectId(id) } : undefined,
}

/** RFC 9670 §1.5.2: only of accounts, never of the session. */
export const principalsOwner: Capability = {
  urn: `${principalsCapability}:owner`,
  methods: [],
  account: (_services, { id }, access) => ({
    accountIdForPrincipal: accountObjectId(access.account),
    principalId: principalObjectId(id),
  }),
}
