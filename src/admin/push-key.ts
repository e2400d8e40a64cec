/** `/api/push/rotate`: another key by which push services know the server (RFC 8292), as RFC 9749 §5 has it. */
import type { Management } from '#registry/management.ts'
import { boolean } from '#settings/field.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

/** What a push service knows the server by now. */
export interface RotatedPushKey {
  /** In base64url, as in sessions of JMAP. */
  readonly publicKey: string
  /** When the subscriptions of the key before end, in ISO 8601; null: they have. */
  readonly oldUntil: string | null
}

export interface PushKeyOptions {
  readonly management: Management
  /** `now`: subscriptions of the key that there is end at once. */
  readonly rotatePushKey: (now: boolean) => Promise<RotatedPushKey>
}

const fields = {
  now: boolean({
    fallback: false,
    help: 'Whether the key that there is is not used any more, since somebody else may have it. The push subscriptions that were made with it end, and clients that are not connected are told of nothing until they make new ones.',
  }),
}

export const pushKeyRoute = ({ management, rotatePushKey }: PushKeyOptions): ApiRoute => ({
  method: 'POST',
  path: '/api/push/rotate',
  tag: 'Jmap',
  summary: 'Exchange the key by which push services know the server',
  permissions: ['actionRotatePushKey'],
  query: fields,
  data: {
    type: 'object',
    properties: { publicKey: { type: 'string' }, oldUntil: { type: ['string', 'null'] } },
  },
  handle: async (c) => {
    const actor = c.get('actor')
    const { now } = queryOf(c, fields) as { now: boolean }
    const scope = { actor, account: actor.account }
    const done = await management.act('RotatePushKey', scope, () => rotatePushKey(now))
    return c.json({ data: done })
  },
})
