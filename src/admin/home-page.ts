/**
 * The page at `/`: what this server is, and how to connect a mail program to it. One file of HTML and one of
 * styles, no scripts; everything it says about ports comes from the listeners that are really there.
 */
import { createHash } from 'node:crypto'
import { type Context, type Hono } from 'hono'
import { html, raw } from 'hono/html'
import type { HttpEnv } from '#http/router.ts'
import { homePageStyle } from './home-page-style.ts'
import type { ListenerFacts, ServerFacts, ServiceName } from './server-facts.ts'

/** The tag in the address lets browsers keep the file for ever. */
const styleTag = createHash('sha256').update(homePageStyle).digest('base64url').slice(0, 12)

export function addHomePage(router: Hono<HttpEnv>, facts: () => ServerFacts): void {
  router.get('/', (c) =>
    c.html(homePage(facts(), c.env.client.isLocal), 200, { 'Cache-Control': 'no-cache' }),
  )
  router.get('/style.css', (c: Context<HttpEnv>) =>
    c.body(homePageStyle, 200, {
      'Content-Type': 'text/css; charset=utf-8',
      'Cache-Control': c.req.query('v') === styleTag ? 'public, max-age=31536000, immutable' : 'no-cache',
    }),
  )
}

/** What people connect to, in the order in which they set it up. */
const forPeople: readonly (readonly [ServiceName, string])[] = [
  ['imap', 'Incoming mail (IMAP)'],
  ['pop3', 'Incoming mail (POP3)'],
  ['submission', 'Outgoing mail (SMTP)'],
  ['managesieve', 'Filters (ManageSieve)'],
]

const securityNames = { tls: 'TLS', starttls: 'STARTTLS', none: 'none' } as const
/** The order in which they are recommended (RFC 8314 §3). */
const bestFirst = ['tls', 'starttls', 'none'] as const

interface Way {
  readonly title: string
  readonly host: string
  readonly port: number
  readonly security: ListenerFacts['security']
}

function waysToConnect(facts: ServerFacts): readonly Way[] {
  return forPeople.flatMap(([service, title]) =>
    facts.listeners
      .filter((listener) => listener.service === service)
      .toSorted((a, b) => bestFirst.indexOf(a.security) - bestFirst.indexOf(b.security))
      .map(({ ip, port, security }) => ({ title, host: hostOf(ip, facts.hostName), port, security })),
  )
}

const isLoopback = (ip: string): boolean => ip === '::1' || ip.startsWith('127.')

/** What is bound to this machine alone is not reached by the server's name. */
const hostOf = (ip: string, hostName: string): string => (isLoopback(ip) ? ip : hostName)

/** `isLocal`: who asks sits at this machine, and may be its administrator. */
function homePage(facts: ServerFacts, isLocal: boolean) {
  const ways = waysToConnect(facts)
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>${facts.hostName} &middot; Postern mail server</title>
        <link rel="icon" href="${raw(icon)}" />
        <link rel="stylesheet" href="/style.css?v=${styleTag}" />
      </head>
      <body>
        <header>
          <p class="brand">${raw(mark)}<span>Postern</span></p>
          <h1>${facts.hostName}</h1>
          <p class="running"><span class="dot" aria-hidden="true"></span>This mail server is running.</p>
        </header>
        <main>${connectSection(ways, facts)} ${isLocal ? administerSection() : ''}</main>
        <footer><p>Postern ${facts.version}: SMTP, IMAP and everything around them in one server.</p></footer>
      </body>
    </html>`
}

function connectSection(ways: readonly Way[], facts: ServerFacts) {
  if (ways.length === 0)
    return html`<section>
      <h2>Connect a mail program</h2>
      <p>No mail service is open to users now.</p>
    </section>`
  const onlyHere = ways.every((way) => isLoopback(way.host))
  return html`<section aria-labelledby="connect">
    <h2 id="connect">Connect a mail program</h2>
    <p>
      Choose &ldquo;manual setup&rdquo; in your mail program and enter one of the lines for each kind. The
      first is the best.
    </p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="connect">
      <table>
        <thead>
          <tr>
            <th scope="col">For</th>
            <th scope="col">Server</th>
            <th scope="col">Port</th>
            <th scope="col">Security</th>
          </tr>
        </thead>
        <tbody>
          ${ways.map(
            (way, i) =>
              html`<tr>
                <th scope="row" class="${way.title === ways[i - 1]?.title ? 'again' : ''}">
                  <span>${way.title}</span>
                </th>
                <td><code>${way.host}</code></td>
                <td><code>${way.port}</code></td>
                <td>${securityNames[way.security]}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <dl>
      <div>
        <dt>User name</dt>
        <dd>your whole e-mail address</dd>
      </div>
      <div>
        <dt>Password</dt>
        <dd>the one of your account (&ldquo;normal password&rdquo;)</dd>
      </div>
    </dl>
    ${onlyHere ? html`<p class="note">These ports are open on this machine only.</p>` : ''}
    ${facts.selfSigned ? html`<p class="note">The certificate is self-signed: your mail program will ask whether to trust it.</p>` : ''}
  </section>`
}

function administerSection() {
  return html`<section aria-labelledby="administer">
    <h2 id="administer">Administer this server</h2>
    <p>
      You are on the machine itself. In the directory of the program, add a domain and the first account, then
      see what is missing still:
    </p>
    <pre><code>./bin/postern.js domain create example.org
./bin/postern.js account create alice@example.org
./bin/postern.js doctor</code></pre>
  </section>`
}

const drawing =
  '<path d="M4 27V14a12 12 0 0 1 24 0v13z" fill="#2f6f5e"/><path d="M9 15h14v9H9z" fill="#fff"/><path d="m9 15 7 5.5 7-5.5" fill="none" stroke="#2f6f5e" stroke-width="1.8"/>'
const mark = `<svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">${drawing}</svg>`
const icon = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${drawing}</svg>`)}`
