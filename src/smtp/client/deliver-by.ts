/**
 * Until when a message is to be delivered, as the next server is told (RFC 2852 §4.1.4). Pure: `now` in milliseconds.
 *
 * What must always hold: a message that is to be returned when it is late goes only to a server that promises that.
 */
import type { Job, NotifyWord, OutboundRecipient } from '#queue/transport.ts'
import type { Offers } from './session.ts'

type By = NonNullable<Job['by']>

/** RFC 2852 §4: nine digits. */
const most = 999_999_999

const secondsLeft = (by: By, now: number): number =>
  Math.max(-most, Math.min(most, Math.floor((by.at - now) / 1000)))

/** Of MAIL, where the server offers it. */
export function byParameter(by: By, now: number): string {
  return `BY=${secondsLeft(by, now)};${by.mode === 'return' ? 'R' : 'N'}${by.trace === true ? 'T' : ''}`
}

/** Why the server must not have it (RFC 2852 §4.1.4.1). */
export function whyNotInTime(
  offers: Offers,
  by: By,
  now: number,
): { readonly status: string; readonly said: string } | undefined {
  if (by.mode !== 'return') return undefined
  const left = secondsLeft(by, now)
  // RFC 2852 §4.1.3.
  if (left <= 0)
    return { status: '5.4.7', said: 'the time is over within which its sender wanted it delivered' }
  const least = offers.get('DELIVERBY')
  if (least === undefined)
    return {
      status: '5.3.3',
      said: 'the server does not promise to deliver in time (DELIVERBY), as the sender wants it',
    }
  if (Number(least) > left)
    return {
      status: '5.3.3',
      said: `the server promises nothing in less than ${least} seconds, and ${left} are left`,
    }
  return undefined
}

/** RFC 2852 §4.1.4.2: who cannot be told by when is asked to tell of a delay. */
export function notifyOf(
  { notify }: Pick<OutboundRecipient, 'notify'>,
  offers: Offers,
  by: By | undefined,
  now: number,
): readonly NotifyWord[] | undefined {
  if (by === undefined || offers.has('DELIVERBY') || now >= by.at) return notify
  if (notify === undefined) return ['failure', 'delay']
  return notify.length === 0 || notify.includes('delay') ? notify : [...notify, 'delay']
}
