/**
 * The test suite of the OpenSPF project, edition of RFC 7208, with all its 203 cases. The file is in
 * test/corpus/spf with its licence; POSTERN_SUITES names a folder with another edition.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { suite, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { parseIp } from '#base/ip.ts'
import { checkSpf } from '#mailauth/spf.ts'
import { AuthZone, type ZoneData, type ZoneRecord } from '../harness/auth-zone.ts'

interface Case {
  readonly helo: string
  readonly host: string
  readonly mailfrom: string
  /** Where there are several, each is right; the first is what the authors prefer. */
  readonly result: string | readonly string[]
  readonly explanation?: string
}

interface Scenario {
  readonly description: string
  readonly tests: { readonly [name: string]: Case }
  readonly zonedata: ZoneData
}

const folder = process.env['POSTERN_SUITES'] ?? path.join(import.meta.dirname, '../corpus')
const file = path.join(folder, 'spf/rfc7208-tests.yml')
const scenarios = parseAllDocuments(readFileSync(file, 'utf8')).map((one) => one.toJS() as Scenario)

/** Records of the type SPF stand for TXT as well, unless the name says what it has of those. */
function zoneOf(data: ZoneData): AuthZone {
  const names = Object.entries(data).map(([name, records]): [string, readonly ZoneRecord[]] => {
    const hasOwn = records.some((record) => record !== 'TIMEOUT' && 'TXT' in record)
    const txt = records.flatMap((record): ZoneRecord[] => {
      if (record === 'TIMEOUT') return [record]
      if ('SPF' in record) return hasOwn ? [] : [{ TXT: record['SPF'] }]
      return record['TXT'] === 'NONE' ? [] : [record]
    })
    return [name, txt]
  })
  return new AuthZone(Object.fromEntries(names))
}

let cases = 0
for (const { description, tests, zonedata } of scenarios) {
  suite(description, () => {
    for (const [name, { helo, host, mailfrom, result, explanation }] of Object.entries(tests)) {
      cases++
      test(name, async () => {
        const ip = parseIp(host)
        assert.ok(ip !== undefined)
        const check = await checkSpf({
          ip,
          identity: 'mailfrom',
          helo,
          sender: mailfrom,
          receiver: 'mx.example.net',
          nowMs: Date.UTC(2014, 3, 1),
          resolver: zoneOf(zonedata),
        })
        // Where they differ, all of the allowed results that the code chooses are the preferred ones.
        assert.equal(check.result, typeof result === 'string' ? result : result[0], check.reason)
        // Not a word about the case of hexadecimal digits in the RFC; its own example has small ones.
        const expected = explanation === 'DEFAULT' ? undefined : explanation?.toLowerCase()
        if (explanation !== undefined) assert.equal(check.explanation?.toLowerCase(), expected)
      })
    }
  })
}

test('no case is left out', () => assert.ok(cases >= 203, `${cases} cases`))
