/** DMARC aggregate reports that came in, about mail in the name of domains of ours. */
import { rawBytes } from '#kv/codec.ts'
import { u32 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import { text } from '#settings/field.ts'
import { dmarcReportField, type ReportDigest, shownDmarcReport } from './dmarc-report-fields.ts'
import { mailFields, type ReceivedKind } from './received-handler.ts'
import { dmarcReceivedTable } from './tables.ts'

const part = (help: string) => text({ fallback: undefined, longest: 320, help })

export const receivedDmarc: ReceivedKind<ReportDigest> = {
  object: {
    name: 'DmarcExternalReport',
    title: 'DMARC reports that came in',
    help: 'What other servers tell about mail in the name of domains of this one.',
    kind: 'record',
    fields: { ...mailFields, report: dmarcReportField },
    filters: {
      text: part('Part of the sender, the subject, the organisation or the domain.'),
      domain: part('The domain that the report is about.'),
    },
  },
  letter: 'd',
  table: dmarcReceivedTable,
  keys: globalTable({ name: 'received-dmarc-report', letter: 'E', key: [u32(), u32()], value: rawBytes }),
  shown: shownDmarcReport,
  matches: ({ report }, { domain }) =>
    typeof domain !== 'string' || report.policy.domain === domain.toLowerCase(),
  texts: ({ report: { orgName, policy, reportId } }) => [orgName, policy.domain, reportId],
}
