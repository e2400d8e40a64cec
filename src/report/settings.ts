/** What administrators may say about reports on mail: those that are sent, and those that come in. */
import { isFullHostName, normaliseAddress, normaliseDomain } from '#base/domain-name.ts'
import { boolean, integer, list, oneOf, size, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

/** Names and contacts stand in every report. */
const longestName = 200

const shortText = (help: string, classic?: string) =>
  text({ fallback: undefined, longest: longestName, help, ...(classic === undefined ? {} : { classic }) })

const hostName = (help: string, classic: string) =>
  text({
    fallback: undefined,
    help,
    classic,
    allowed: 'a domain such as "example.org"',
    normalise(given) {
      const domain = normaliseDomain(given)
      return domain !== undefined && isFullHostName(domain) ? domain : undefined
    },
  })

export const reportSettings = settingsObject({
  name: 'ReportSettings',
  title: 'Reports',
  help: 'In whose name reports about mail are sent, and what becomes of those that come in.',
  many: false,
  fields: {
    outboundReportDomain: hostName(
      'The domain that reports are sent from. Without it: the first of this server.',
      'report.domain',
    ),
    outboundReportSubmitter: hostName(
      'What the server calls itself in reports. Without it: its host name.',
      'report.submitter',
    ),
    inboundReportAddresses: list(
      text({
        fallback: undefined,
        help: 'An address; * stands for any text.',
        longest: 320,
        allowed: 'an address such as "postmaster@*" or "dmarc@example.org"',
        normalise: (given) => (/^[^\s@]+@[^\s@]+$/.test(given) ? given.toLowerCase() : undefined),
      }),
      {
        fallback: ['postmaster@*'],
        max: 100,
        classic: 'report.analysis.addresses',
        help: 'Mail to these is looked at for reports, and delivered as all mail is.',
      },
    ),
    inboundReportMaxSize: size({
      fallback: 25 << 20,
      min: 64 << 10,
      max: 100 << 20,
      help: 'How large such a message may be, and a report when it is unpacked; larger ones are not read.',
    }),
  },
})

export const dmarcReportSettings = settingsObject({
  name: 'DmarcReportSettings',
  title: 'DMARC reports',
  help: 'Reports to domains about mail in their name: how much came from where, and what passed.',
  many: false,
  fields: {
    aggregateSendFrequency: oneOf(['never', 'hourly', 'daily', 'weekly'], {
      fallback: 'daily',
      classic: 'report.dmarc.aggregate.send',
      help: 'How often a domain that asks for reports gets one. never: nothing is counted and nothing is sent.',
    }),
    aggregateOrgName: shortText(
      'Whose server this is, as reports name it. Without it: the domain that they are sent from.',
    ),
    aggregateContactInfo: shortText('Where questions can be asked, such as the address of a page.'),
    aggregateFromName: text({
      fallback: 'Mail reports',
      longest: longestName,
      help: 'The name of the sender of reports.',
    }),
    aggregateFromAddress: text({
      fallback: undefined,
      allowed: 'an address such as "noreply-dmarc@example.org"',
      normalise: normaliseAddress,
      help: 'The sender of reports. Without it: noreply-dmarc at the domain that they are sent from.',
    }),
    aggregateMaxReportSize: size({
      fallback: 5 << 20,
      min: 64 << 10,
      max: 50 << 20,
      classic: 'report.dmarc.aggregate.max-size',
      help: 'How large a report may be before it is compressed. What few messages have in common is left out of a larger one.',
    }),
    failureSend: boolean({
      fallback: false,
      help: 'Whether domains that ask for it hear at once of a message that failed, with its header: that shows them something of the mail of people here.',
    }),
    failuresPerDay: integer({
      fallback: 1,
      min: 0,
      max: 1000,
      help: 'Of such reports, as many are sent to one address on a day.',
    }),
  },
})
