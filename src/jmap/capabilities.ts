/** All capabilities. What stands here is advertised, and works to the letter. */
import type { Capability } from './capability.ts'
import { blob } from './capabilities/blob.ts'
import { core } from './capabilities/jmap-core.ts'
import { mail } from './capabilities/mail.ts'
import { smimeverify } from './capabilities/smimeverify.ts'
import { mailShare } from './capabilities/mail-share.ts'
import { mdn } from './capabilities/mdn.ts'
import { principals, principalsOwner } from './capabilities/principals.ts'
import { quota } from './capabilities/quota.ts'
import { submission } from './capabilities/submission.ts'
import { websocket } from './capabilities/websocket.ts'
import { webPushVapid } from './capabilities/webpush-vapid.ts'

export const capabilities: readonly Capability[] = [
  core,
  blob,
  mail,
  mailShare,
  mdn,
  principals,
  principalsOwner,
  quota,
  smimeverify,
  submission,
  websocket,
  webPushVapid,
]
