/** Fuzz targets of `src/mailauth`: records as they come from the DNS, header fields, reports, indicators. */
import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { SyntaxFault } from '#base/fault.ts'
import { parseIp } from '#base/ip.ts'
import { readAggregateReport } from '#mailauth/aggregate-report-reader.ts'
import { writeAggregateReport } from '#mailauth/aggregate-report-xml.ts'
import { Lru } from '#base/lru.ts'
import { ArcSealer } from '#mailauth/arc-seal.ts'
import { type ArcCheck, ArcVerifier } from '#mailauth/arc-verify.ts'
import { readAuthorDomains } from '#mailauth/author-domain.ts'
import { localSelector, parseBimiRecord, parseSelectorField } from '#mailauth/bimi-record.ts'
import { bimiFields, forgedBimiFields } from '#mailauth/bimi-fields.ts'
import { readLogotype } from '#mailauth/bimi-logotype.ts'
import { readIndicator } from '#mailauth/bimi-svg.ts'
import { readEvidence } from '#mailauth/bimi-vmc.ts'
import { readExtensions } from '#mailauth/certificate-extensions.ts'
import { checkDmarc } from '#mailauth/dmarc.ts'
import { parseDmarcRecord } from '#mailauth/dmarc-record.ts'
import { composeReceivedSpf } from '#mailauth/received-spf.ts'
import { parseReportUris } from '#mailauth/report-uri.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import { checkSpf } from '#mailauth/spf.ts'
import { parseSpfRecord } from '#mailauth/spf-record.ts'
import { FieldScanner } from '#message/headers.ts'
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

/** What was read and written reads back, and the same is written again. */
function aggregateReport(bytes: Uint8Array): void {
  try {
    const { report } = readAggregateReport(bytes)
    const written = writeAggregateReport(report)
    const again = readAggregateReport(Buffer.from(written))
    assert.equal(again.report.records.length, report.records.length)
    assert.deepEqual(again.problems, [])
    assert.equal(writeAggregateReport(again.report), written)
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
  }
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

function spfRecord(bytes: Uint8Array): void {
  try {
    for (const { text } of parseSpfRecord(`v=spf1 ${latin1(bytes)}`).directives)
      assert.match(text, /^[!-~]+$/)
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error
    assert.match(error.message, /^[ -~]+$/)
  }
}

/** HELO, local part, then an answer to each question; names and texts in it are between commas. */
async function spf(bytes: Uint8Array): Promise<void> {
  const [helo = '', localPart = '', ...answers] = latin1(bytes).split('\0')
  let asked = 0
  const forms: { readonly [type: string]: (text: string) => object } = {
    TXT: (text) => ({ strings: [Buffer.from(`v=spf1 ${text}`, 'latin1')] }),
    MX: (exchange) => ({ preference: 1, exchange }),
    PTR: (target) => ({ target }),
  }
  const resolver = {
    resolve(_name: string, type: string) {
      const text = answers[asked++]
      if (text === undefined) return Promise.resolve({ kind: 'noName' })
      if (text === 'failed') return Promise.resolve({ kind: 'failed', reason: 'fuzz' })
      const records = text.split(',').map((one) => forms[type]?.(one) ?? { ip: one })
      return Promise.resolve({ kind: 'answer', records, authentic: false })
    },
  } as unknown as AuthResolver
  const question = {
    ip: parseIp(bytes.length % 2 === 0 ? '192.0.2.1' : '2001:db8::1')!,
    identity: 'mailfrom',
    helo,
    sender: `${localPart}@example.com`,
    receiver: 'mx.example.net',
    nowMs: 0,
    resolver,
  } as const
  const check = await checkSpf(question)
  // Ten terms with ten hosts each, the names of the client, the first record and an explanation.
  assert.ok(asked <= 10 * 11 + 11 + 2)
  assert.match(composeReceivedSpf(check, question), /^Received-SPF: (?:[ -~]{1,980}\r\n\t)*[ -~]{1,980}\r\n$/)
}

/** A key that is the same in each run, so that files of the corpus can have been sealed with it. */
const privateKey = createPrivateKey({
  key: Buffer.from(`302e020100300506032b657004220420${'01'.repeat(32)}`, 'hex'),
  format: 'der',
  type: 'pkcs8',
})
const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
const keyRecord = Buffer.from(`v=DKIM1; k=ed25519; p=${spki.subarray(-32).toString('base64')}`)
const keys = {
  resolve: () => Promise.resolve({ kind: 'answer', records: [{ strings: [keyRecord] }], authentic: false }),
} as unknown as AuthResolver
const sealingKey = { domain: 'example.org', selector: 's', algorithm: 'ed25519-sha256', privateKey } as const

/** Header and body, however broken. */
function split(bytes: Buffer): readonly [Buffer, Buffer] {
  const scanner = new FieldScanner(bytes)
  while (scanner.next());
  return [bytes.subarray(0, scanner.headerEnd), bytes.subarray(scanner.headerEnd)]
}

async function verifyArc(bytes: Buffer): Promise<ArcCheck> {
  const verifier = new ArcVerifier({ resolver: keys, known: new Lru(10), nowMs: 0, clockSkewMs: 0 })
  const [header, body] = split(bytes)
  verifier.header(header)
  verifier.body(body.subarray(0, body.length >> 1))
  verifier.body(body.subarray(body.length >> 1))
  return verifier.end()
}

/** Whatever a message is, what is sealed after a good chain or none is a good chain. */
async function arc(bytes: Uint8Array): Promise<void> {
  const message = Buffer.concat([Buffer.from('From: a@example.org\r\n'), bytes])
  const { result } = await verifyArc(message)
  const sealer = new ArcSealer({ key: sealingKey, nowMs: 0 })
  const [header, body] = split(message)
  sealer.header(header)
  sealer.body(body)
  const fields = await sealer.end(result, { authservId: 'mx.example.org', results: [] })
  const sealed = await verifyArc(Buffer.concat([fields, message]))
  assert.equal(sealed.result, result === 'fail' || fields.length === 0 ? result : 'pass')
}

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void | Promise<void>
}[] = [
  { name: 'mailauth DMARC record', parser: 'DMARC', run: dmarcRecord },
  { name: 'mailauth DMARC check', parser: 'DMARC', run: dmarc },
  { name: 'mailauth DMARC report', parser: 'DMARC', run: aggregateReport },
  { name: 'mailauth BIMI record', parser: 'BIMI', run: bimiRecord },
  { name: 'mailauth SPF record', parser: 'SPF', run: spfRecord },
  { name: 'mailauth SPF check', parser: 'SPF', run: spf },
  { name: 'mailauth ARC chain', parser: 'ARC', run: arc },
  { name: 'mailauth indicator', parser: 'BIMI', run: (b) => void readIndicator(b) },
  { name: 'mailauth mark certificate', parser: 'BIMI', run: markCertificate },
]
