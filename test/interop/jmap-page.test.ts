/** The examples of docs/jmap.md, run as they stand there, by bash and curl. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startServer } from '../harness/server.ts'
import { needs, run } from './program.ts'

const page = readFileSync(new URL('../../docs/jmap.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text!)

/** In one shell, since some use what others made; a status beyond 399 ends it, and so does a variable without value. */
const prelude = `set -eu -o pipefail
curl() { command curl --fail-with-body --silent --show-error --max-time 30 "$@"; }
`
const epilogue = `
echo
echo "$session"
for found in "$key" "$account" "$inbox" "$drafts" "$blob" "$own"; do echo "found: $found"; done
`

test('every example of the page on JMAP works', needs('curl'), async () => {
  await using server = await startServer()
  assert.ok(examples.length >= 7)
  const script = prelude + examples.map((text, i) => `echo; echo "== ${i}"\n${text}`).join('\n') + epilogue
  const { stdout } = await run('bash', ['-c', script], {
    environment: { SERVER: `http://127.0.0.1:${server.httpPort}`, PASSWORD: server.adminPassword ?? '' },
  })
  const text = stdout.toString('utf8')
  // Nothing that was asked was refused.
  assert.doesNotMatch(text, /\["error",|"not(?:Created|Updated|Destroyed)":\{/)
  assert.match(text, /\["Email\/query",\{.*"found"\],\["Email\/get",\{.*"shown"\]/)
  assert.match(text, /"created":\{"draft":\{.*"id":"/)
  assert.match(text, /one, two\r$/m)
  assert.match(text, /^event: state\ndata: \{"@type":"StateChange".*\nid: \S+$/m)
  assert.match(text, /"list":\[\{[^\]]*"name":"alice@example\.org"/)
  assert.match(text, /"maxUploadSize":/)
  for (const [, found] of text.matchAll(/^found: (.*)$/gm)) assert.match(found!, /^[\w-]+$/)
  const session = JSON.parse(/^\{"capabilities":.*$/m.exec(text)![0]) as { capabilities: object }
  const rows = [...page.matchAll(/^\| `(urn:[\w:-]+)` \|/gm)].map(([, urn]) => urn)
  // What the page says is there is what the session says.
  assert.deepEqual(Object.keys(session.capabilities).toSorted(), rows.toSorted())
})
