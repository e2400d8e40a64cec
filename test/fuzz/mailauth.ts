/** Fuzz targets of `src/mailauth`: records as they come from the DNS, header fields, reports, indicators. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readAuthorDomains } from '#mailauth/author-domain.ts'
import { localSelector, parseBimiRecord, parseSelectorField } from '#mailauth/bimi-record.ts'
import { bimiFields, forgedBimiFields } from '#mailauth/bimi-fields.ts'
import { readLogotype } from '#mailauth/bimi-logotype.ts'
import { readIndicator } from '#mailauth/bimi-svg.ts'
import { readEvidence } from '#mailauth/bimi-vmc.ts'
import { readExtensions } from '#mailauth/certificate-extensions.ts'
import { checkDmarc } from '#mailauth/dmarc.ts'
import { parseDmarcRecord } from '#mailauth/dmarc-record.ts'
import { parseReportUris } from '#mailauth/report-uri.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { testCertificate } from '../harness/certificates.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

function dmarcRecord(bytes: Uint8Array): void {
  const text = latin1(bytes)
  parseDmarcRecord(text)
  const record = parseDmarcRecord(`v=DMARC1;${text}`)
  assert.ok(record !== undefined && record.rua.length <= 10 && record.ruf.length <= 10)
  for (const uri of parseReportUris(text)) assert.match(uri.uri, /^[\x21-\x7e]+$/)
}

/** The header is before the first NUL; what stands between the others answers one question after another. */
async function dmarc(bytes: Uint8Array): Promise<void> {
  const [header = '', ...texts] = latin1(bytes).split('\0')
  const fromDomains = readAuthorDomains(Buffer.from(header, 'latin1'))
  let asked = 0
  const resolver = {
    resolve() {
      const text = texts[asked++]
      if (text === undefined) return Promise.resolve({ kind: 'noName' })
      if (text === 'failed') return Promise.resolve({ kind: 'failed', reason: 'fuzz' })
      const records = [{ strings: [Buffer.from(`v=DMARC1;${text}`, 'latin1')] }]
      return Promise.resolve({ kind: 'answer', records, authentic: false })
    },
  } as unknown as AuthResolver
  const dkim = fromDomains.map((domain) => ({ result: 'pass', domain: `s.${domain}`, selector: 's' }))
  const check = await checkDmarc({ fromDomains, dkim, resolver, signal: new AbortController().signal })
  assert.ok(asked <= 4 * 9 + 4 * 16 * 8)
  if (check.disposition !== 'none') assert.equal(check.result, 'fail')
}

/** What was read may be written into fields. */
function bimiRecord(bytes: Uint8Array): void {
  const text = latin1(bytes)
  localSelector(text)
  parseSelectorField(`v=BIMI1;${text}`)
  const record = parseBimiRecord(`v=BIMI1;${text}`)
  assert.ok(record !== undefined)
  if ('problem' in record) return
  const found = { domain: 'example.org', selector: 'default', record }
  const fields = bimiFields({ result: 'pass', found, authority: 'none', svg: Buffer.from(bytes) })
  for (const field of fields) {
    assert.match(field.toString('latin1'), /^[!-9;-~]+:(?:\r\n )?[!-~ ]+(?:\r\n [!-~ ]+)*\r\n$/)
    assert.deepEqual(forgedBimiFields(field), [{ start: 0, end: field.length }])
  }
}

const trustedRoots = [new X509Certificate(testCertificate('root'))]
const now = new Date('2030-01-01')

function markCertificate(bytes: Uint8Array): void {
  readExtensions(bytes)
  readLogotype(bytes)
  readEvidence({ evidence: bytes, trustedRoots, domains: ['example.org'], selector: 'default', now })
}

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [
  { name: 'mailauth DMARC record', parser: 'DMARC', run: dmarcRecord },
  { name: 'mailauth DMARC check', parser: 'DMARC', run: dmarc },
  { name: 'mailauth BIMI record', parser: 'BIMI', run: bimiRecord },
  { name: 'mailauth indicator', parser: 'BIMI', run: (b) => void readIndicator(b) },
  { name: 'mailauth mark certificate', parser: 'BIMI', run: markCertificate },
]
