/** What administrators may set about HTTP. */
import { boolean, rate, text } from '#settings/field.ts'
import { settingsObject } from '#settings/object.ts'

export const httpSettings = settingsObject({
  name: 'Http',
  title: 'HTTP',
  help: 'Pages and programs over HTTP.',
  many: false,
  fields: {
    publicUrl: text({
      fallback: undefined,
      allowed: 'a URL such as "https://mail.example.org", without a path',
      normalise: (url) => {
        const parsed = URL.canParse(url) ? new URL(url) : undefined
        return parsed !== undefined &&
          /^https?:$/.test(parsed.protocol) &&
          parsed.href === `${parsed.origin}/`
          ? parsed.origin
          : undefined
      },
      help: 'The address under which others reach this server, where a proxy is in front of it.',
    }),
    useXForwarded: boolean({
      fallback: false,
      classic: 'http.use-x-forwarded',
      help: 'Whether X-Forwarded-For and Forwarded of the trusted proxies say whose request it is.',
    }),
    usePermissiveCors: boolean({
      fallback: false,
      classic: 'http.permissive-cors',
      help: 'Whether web clients that come from other sites may use JMAP here, with what their user signs in with.',
    }),
    rateLimitAuthenticated: rate({
      fallback: { count: 1000, periodMs: 60_000 },
      classic: 'http.rate-limit.account',
      help: 'How many requests one account may make, over JMAP and to the management. A message over a WebSocket is one.',
    }),
    rateLimitAnonymous: rate({
      fallback: { count: 100, periodMs: 60_000 },
      classic: 'http.rate-limit.anonymous',
      help: 'How many requests one address, or for IPv6 one /64, may make without signing in. Wrong sign-ins over all protocols are among them.',
    }),
    enableHsts: boolean({
      fallback: false,
      classic: 'http.hsts',
      help: 'Whether browsers are told to insist on TLS from now on, for a year.',
    }),
  },
})
