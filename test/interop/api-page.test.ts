/** The examples of docs/api.md, run as they stand there, by bash and curl. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { startServer } from '../harness/server.ts'
import { needs, run } from './program.ts'

const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text!)

/** In one shell, since some use what others made; a status beyond 399 ends it. */
const prelude = `set -eu -o pipefail
curl() { command curl --fail-with-body --silent --show-error "$@"; }
`

test('every example of the page on the API works', needs('curl'), async () => {
  await using server = await startServer()
  assert.ok(examples.length > 10)
  const script = prelude + examples.map((text, i) => `echo "== ${i}"\n${text}`).join('\n')
  const { stdout } = await run('bash', ['-c', script], {
    environment: {
      SERVER: `http://127.0.0.1:${server.httpPort}`,
      PASSWORD: server.adminPassword ?? '',
    },
  })
  const text = stdout.toString('utf8')
  const curls = page.match(/^(?:\w+=\$\()?curl /gm)!.length
  // Two answers go into variables, and one document has no `data`.
  assert.ok(text.match(/\{"(?:data|openapi|\$schema)"/g)!.length >= curls - 2, text)
  assert.match(text, /"origins":\{"passwordMinLength":"store"\}/)
})
