/** A report for people: who says it, about what, and what the messages of each line have in common. */
import { pairs, table } from '../layout.ts'
import type { ShownObject, Values } from '../object-client.ts'
import { printable } from '../terminal.ts'
import { moment } from '../time-text.ts'
import { textIn, textsIn, valuesIn } from './queue-text.ts'

export const numberIn = (one: Values, name: string): number => (typeof one[name] === 'number' ? one[name] : 0)

export const reportOf = (one: Values): Values =>
  typeof one['report'] === 'object' && one['report'] !== null ? (one['report'] as Values) : {}

export function reportText(one: ShownObject, now: number, columns: number | undefined): string {
  const report = reportOf(one)
  const head: readonly (readonly [string, readonly string[]])[] = [
    ['id', [one.id]],
    ['about', [textIn(report, 'policyDomain')]],
    ['by', [[textIn(report, 'orgName'), textIn(report, 'email')].filter(Boolean).join(', ')]],
    ['from', [textIn(report, 'dateRangeBegin')]],
    ['until', [textIn(report, 'dateRangeEnd')]],
    ['came', [moment(one['receivedAt'], now)]],
    ['mail from', [textIn(one, 'from')]],
    ['DMARC of it', [textIn(one, 'dmarc')]],
    ['goes', [moment(one['deliverAt'], now)]],
    ['to', textsIn(one, 'rua')],
    ['policy', [policyText(report)]],
    ['messages', [countText(report)]],
    ['errors', [...textsIn(report, 'errors'), ...textsIn(one, 'problems')]],
  ]
  const records = valuesIn(report, 'records').map(recordRow)
  const lines = table(
    ['MESSAGES', 'FROM ADDRESS', 'DKIM', 'SPF', 'DONE', 'IN THE NAME OF', 'SENDER', 'SIGNED BY'],
    records,
    columns,
  )
  return [pairs(head.filter(([, values]) => values.some((value) => value !== ''))), lines]
    .filter((text) => text !== '')
    .join('\n')
}

/** The message in question is shown by its header, as it was sent. */
export function feedbackText(one: ShownObject, now: number): string {
  const report = reportOf(one)
  const port = report['sourcePort']
  const head: readonly (readonly [string, readonly string[]])[] = [
    ['id', [one.id]],
    ['type', [[textIn(report, 'feedbackType'), textIn(report, 'authFailure')].filter(Boolean).join(', ')]],
    ['came', [moment(one['receivedAt'], now)]],
    ['mail from', [textIn(one, 'from')]],
    ['DMARC of it', [textIn(one, 'dmarc')]],
    ['server', [textIn(report, 'reportingMta')]],
    ['program', [textIn(report, 'userAgent')]],
    ['messages', [String(numberIn(report, 'incidents'))]],
    ['arrived', [textIn(report, 'arrivalDate')]],
    [
      'from address',
      [[textIn(report, 'sourceIp'), ...(typeof port === 'number' ? [port] : [])].join(' port ')],
    ],
    ['sender', [textIn(report, 'originalMailFrom')]],
    ['recipients', textsIn(report, 'originalRcptTo')],
    ['domains', textsIn(report, 'reportedDomains')],
    ['links', textsIn(report, 'reportedUris')],
    ['result', [textIn(report, 'deliveryResult')]],
    ['not aligned', [textsIn(report, 'identityAlignment').join(', ')]],
    [
      'signature',
      [
        ['dkimDomain', 'dkimSelector']
          .map((name) => textIn(report, name))
          .filter(Boolean)
          .join(' '),
      ],
    ],
    ['SPF', textsIn(report, 'spfDns')],
    ['checks', textsIn(report, 'authenticationResults')],
  ]
  const header = textIn(report, 'headers').trimEnd().split(/\r?\n/)
  const lines = header.map((line) => `  ${printable(line)}`.trimEnd() + '\n').join('')
  return (
    pairs(head.filter(([, values]) => values.some((value) => value !== ''))) +
    (lines.trim() === '' ? '' : `\n${lines}`)
  )
}

function policyText(report: Values): string {
  const parts = [
    ['p', 'policyDisposition'],
    ['sp', 'policySubdomainDisposition'],
    ['np', 'policyNp'],
    ['adkim', 'policyAdkim'],
    ['aspf', 'policyAspf'],
  ].flatMap(([tag, name]) => {
    const value = textIn(report, name!)
    return value === '' ? [] : [`${tag}=${value}`]
  })
  return [...parts, ...(report['policyTestingMode'] === true ? ['t=y'] : [])].join(' ')
}

function countText(report: Values): string {
  const [messages, passed, leftOut] = ['messages', 'passed', 'leftOut'].map((name) => numberIn(report, name))
  const shown = leftOut === 0 ? '' : `, ${leftOut!.toLocaleString('en')} of them not shown`
  return `${messages!.toLocaleString('en')}, of which ${passed!.toLocaleString('en')} passed${shown}`
}

function recordRow(one: Values): readonly string[] {
  const signers = valuesIn(one, 'dkimResults').map(
    (signature) => `${textIn(signature, 'domain')} ${textIn(signature, 'result')}`,
  )
  return [
    numberIn(one, 'count').toLocaleString('en'),
    textIn(one, 'sourceIp'),
    textIn(one, 'evaluatedDkim'),
    textIn(one, 'evaluatedSpf'),
    textIn(one, 'evaluatedDisposition'),
    textIn(one, 'headerFrom'),
    textIn(one, 'envelopeFrom') || '<>',
    signers.join(', '),
  ]
}
