/** How connections to other servers are made: names, addresses to come from, time-outs, TLS. */
import { normaliseDomain } from '#base/domain-name.ts'
import { parseIp } from '#base/ip.ts'
import { duration, integer, list, oneOf, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

const minute = 60_000

export const mtaConnection = settingsObject({
  name: 'MtaConnectionStrategy',
  title: 'Connections to other servers',
  help: 'How this server connects to those that it sends to.',
  many: false,
  fields: {
    ehloHostname: text({
      fallback: undefined,
      classic: 'queue.connection.ehlo-hostname',
      help: 'What it calls itself there; by default the name of the server.',
      allowed: 'a host name such as "mail.example.org"',
      normalise: normaliseDomain,
    }),
    sourceIps: list(
      text({
        fallback: undefined,
        help: 'An address.',
        allowed: 'an IP address',
        normalise: (given) => (parseIp(given) === undefined ? undefined : given),
      }),
      {
        fallback: [],
        max: 100,
        classic: 'queue.connection.source-ips',
        help: 'Addresses of this machine to come from, one of them at random; none: the system chooses.',
      },
    ),
    connectTimeout: duration({ fallback: minute, min: 1000, help: 'For the connection.' }),
    // RFC 5321 §4.5.3.2
    greetingTimeout: duration({ fallback: 5 * minute, min: 1000, help: 'For the greeting.' }),
    ehloTimeout: duration({ fallback: 5 * minute, min: 1000, help: 'For the answers to EHLO and AUTH.' }),
    mailFromTimeout: duration({ fallback: 5 * minute, min: 1000, help: 'For the answer to MAIL.' }),
    rcptToTimeout: duration({ fallback: 5 * minute, min: 1000, help: 'For each answer to RCPT.' }),
    dataTimeout: duration({ fallback: 10 * minute, min: 1000, help: 'For the answer to a whole message.' }),
    tlsTimeout: duration({ fallback: 3 * minute, min: 1000, help: 'For a TLS handshake.' }),
    maxMxHosts: integer({ fallback: 5, min: 1, max: 50, help: 'Servers of one domain that are tried.' }),
    maxMultihomed: integer({ fallback: 2, min: 1, max: 20, help: 'Addresses of one server that are tried.' }),
    ipLookupStrategy: oneOf(['v6ThenV4', 'v4ThenV6', 'v4Only', 'v6Only'], {
      fallback: 'v6ThenV4',
      help: 'Which addresses are tried, and which first.',
    }),
    startTls: oneOf(['optional', 'require', 'disable'], {
      fallback: 'optional',
      help: 'Whether mail goes by TLS where the server has it, only there, or never.',
    }),
    port: integer({
      fallback: 25,
      min: 1,
      max: 65_535,
      help: 'The port of other servers. Anything but 25 is for tests and networks that lead it elsewhere.',
    }),
    maxPerConnection: integer({
      fallback: 100,
      min: 1,
      max: 10_000,
      help: 'Messages that are sent over one connection.',
    }),
    idleTimeout: duration({
      fallback: 5000,
      max: 5 * minute,
      help: 'How long a connection waits for another message.',
    }),
  },
})
