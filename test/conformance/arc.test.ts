/**
 * The validation cases of ValiMail's ARC test suite, all 171. The file is in test/corpus/arc with its licence;
 * POSTERN_SUITES names a folder with another edition.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { suite, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { Lru } from '#base/lru.ts'
import { ArcVerifier } from '#mailauth/arc-verify.ts'
import { AuthZone } from '../harness/auth-zone.ts'

interface Case {
  readonly message: string
  /** Empty where a chain that has failed before is not to be looked at further (RFC 8617 §5.2 step 2). */
  readonly cv: string
}

interface Scenario {
  readonly description: string
  readonly tests: { readonly [name: string]: Case }
  readonly 'txt-records'?: { readonly [name: string]: string }
}

/**
 * Where the suite and the standard differ. An ARC-Message-Signature has the syntax and semantics of a
 * DKIM-Signature, but for its name, `v=` and `i=` (RFC 8617 §4.1.2).
 */
const exceptions: { readonly [name: string]: string } = {
  // `h=;`: From is not among the names, and such a signature must not be accepted (RFC 6376 §5.4, §6.1.1).
  ams_fields_h_empty: 'fail',
  // `h=from:to::date:...`: a name has at least one character (RFC 6376 §3.5).
  ams_fields_h_mis_hdr: 'fail',
  // Without `c=` the header is canonicalized as "simple" (RFC 6376 §3.5); this one was signed as "relaxed".
  ams_fields_c_na: 'fail',
}

const folder = process.env['POSTERN_SUITES'] ?? path.join(import.meta.dirname, '../corpus')
const file = path.join(folder, 'arc/arc-draft-validation-tests.yml')
const scenarios = parseAllDocuments(readFileSync(file, 'utf8'), { uniqueKeys: false }).map(
  (one) => one.toJS() as Scenario,
)

async function verify(message: string, records: Scenario['txt-records'] = {}): Promise<string> {
  const bytes = Buffer.from(message.replaceAll(/\r?\n/g, '\r\n'))
  const verifier = new ArcVerifier({
    resolver: new AuthZone(
      Object.fromEntries(Object.entries(records).map(([name, text]) => [name, [{ TXT: text }]])),
    ),
    known: new Lru(100),
    nowMs: Date.UTC(2017, 0, 1),
    clockSkewMs: 0,
  })
  const end = bytes.indexOf('\r\n\r\n')
  const bodyStart = bytes.indexOf('\r\n') === 0 ? 2 : end < 0 ? bytes.length : end + 4
  verifier.header(bytes.subarray(0, bodyStart))
  verifier.body(bytes.subarray(bodyStart))
  return (await verifier.end()).result
}

const seen = new Set<string>()
for (const { description, tests, 'txt-records': records } of scenarios) {
  suite(description, () => {
    for (const [name, { message, cv }] of Object.entries(tests)) {
      seen.add(name)
      test(name, async () => {
        const expected = exceptions[name] ?? (cv === '' ? 'fail' : cv.toLowerCase())
        assert.equal(await verify(message, records), expected)
      })
    }
  })
}

test('no case is left out, and each exception is one', () => {
  assert.ok(seen.size >= 171, `${seen.size} cases`)
  for (const name of Object.keys(exceptions)) assert.ok(seen.has(name), name)
})
