/**
 * What BIMI writes: the properties of its result in Authentication-Results (§7.7 of
 * draft-brand-indicators-for-message-identification), and the fields that tell a mail program what to show (§5.2
 * to §5.4). What must hold: such fields that came with a message are removed whatever the check came to, since
 * programs believe them.
 */
import { createHash } from 'node:crypto'
import { latin1 } from '#base/bytes.ts'
import type { MethodResult, PropertyValue } from '#message/auth-results.ts'
import type { ByteRange } from '#message/auth-results-reader.ts'
import { FieldScanner } from '#message/headers.ts'
import type { BimiCheck } from './bimi.ts'

const ourFields = ['bimi-location', 'bimi-indicator', 'bimi-logo-preference']

/** Where fields that only we may write stand in a header, first to last (§5.6, §7.8). */
export function forgedBimiFields(header: Uint8Array): readonly ByteRange[] {
  const found: ByteRange[] = []
  const scanner = new FieldScanner(header)
  while (scanner.next()) {
    const { nameStart, end } = scanner
    if (ourFields.some((name) => scanner.is(name))) found.push({ start: nameStart, end })
  }
  return found
}

/** For Authentication-Results. */
export const bimiResult = (check: BimiCheck): MethodResult => ({
  method: 'bimi',
  result: check.result,
  ...(check.reason !== undefined && { reason: check.reason }),
  properties: propertiesOf(check),
})

function propertiesOf({ found, authority, svg }: BimiCheck): readonly PropertyValue[] {
  if (found === undefined) return []
  const { domain, selector, record } = found
  const hash = svg === undefined ? undefined : createHash('sha256').update(svg).digest('hex').slice(-8)
  const all: readonly (readonly [string, string, string | undefined])[] = [
    ['header', 'd', domain],
    ['header', 'selector', selector],
    ['policy', 'authority', authority],
    ['policy', 'authority-uri', record.evidence],
    ['policy', 'indicator-uri', record.location],
    ['policy', 'indicator-hash', hash],
    ['policy', 'logo-preference', record.preference],
  ]
  return all.flatMap(([ptype, property, value]) => (value === undefined ? [] : [{ ptype, property, value }]))
}

/** The fields to put in front of a message that passed, each with its line end; none for any other. */
export function bimiFields({ found, svg }: BimiCheck): readonly Buffer[] {
  if (svg === undefined || found?.record.location === undefined) return []
  const { location, evidence, preference } = found.record
  const indicator = svg.toString('base64').replace(/.{1,76}/g, '\r\n $&')
  const fields = [
    `BIMI-Location: v=BIMI1;\r\n l=${location}${evidence === undefined ? '' : `;\r\n a=${evidence}`}`,
    `BIMI-Indicator:${indicator}`,
    ...(preference === undefined ? [] : [`BIMI-Logo-Preference: avp=${preference};`]),
  ]
  return fields.map((field) => latin1(`${field}\r\n`))
}
