/** A message that waits, for people: who gets it still, when, and what was tried. */
import { formatSize } from '#base/size.ts'
import { pairs, wrap } from '../layout.ts'
import type { ShownObject, Values } from '../object-client.ts'
import { printable } from '../terminal.ts'
import { moment } from '../time-text.ts'

export const textIn = (one: Values, name: string): string => (typeof one[name] === 'string' ? one[name] : '')

export const textsIn = (one: Values, name: string): readonly string[] =>
  Array.isArray(one[name]) ? one[name].filter((item): item is string => typeof item === 'string') : []

export const valuesIn = (one: Values, name: string): readonly Values[] =>
  Array.isArray(one[name])
    ? one[name].filter((item): item is Values => typeof item === 'object' && item !== null)
    : []

export function messageText(one: ShownObject, now: number, columns: number | undefined): string {
  const size = typeof one['size'] === 'number' ? formatSize(one['size']) : ''
  const head = [
    ['id', one.id],
    ['from', textIn(one, 'from') || '<> (a notification)'],
    ['account', textIn(one, 'account')],
    ['received', moment(one['receivedAt'], now)],
    ['size', size],
    ['envelope id', textIn(one, 'envelopeId')],
  ].filter((entry): entry is [string, string] => entry[1] !== '')
  const recipients = valuesIn(one, 'recipients').map((recipient) => recipientText(recipient, now, columns))
  return [pairs(head.map(([name, value]) => [name, [value]])), ...recipients].join('\n')
}

function recipientText(one: Values, now: number, columns: number | undefined): string {
  const isReporting = one['state'] === 'reporting'
  const attempts = typeof one['attempts'] === 'number' ? String(one['attempts']) : ''
  const lines = [
    ['state', textIn(one, 'state')],
    ['attempts', attempts],
    ...(isReporting
      ? []
      : [
          ['next', moment(one['nextAttemptAt'], now)],
          ['expires', moment(one['expiresAt'], now)],
        ]),
  ] as [string, string][]
  const tried = valuesIn(one, 'history').map((attempt) => attemptText(attempt, now, columns))
  return `${printable(textIn(one, 'address'))}\n${pairs(
    lines.map(([name, value]) => [name, [value]]),
    '  ',
  )}${tried.join('')}`
}

function attemptText(one: Values, now: number, columns: number | undefined): string {
  const host = textIn(one, 'host')
  const ip = textIn(one, 'ip')
  const where = host === '' ? '' : `  ${host}${ip === '' ? '' : ` [${ip}]`}`
  const tls = textIn(one, 'tls')
  return [
    `  ${printable(`${moment(one['at'], now)}${where}`)}\n`,
    tls === '' ? '' : wrap(tls, columns, '    '),
    wrap(`${textIn(one, 'step')}: ${textIn(one, 'said')}`, columns, '    '),
  ].join('')
}
