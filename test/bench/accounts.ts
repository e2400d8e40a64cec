/**
 * How the API answers with many accounts: `node test/bench/accounts.ts [100000]`. Starts a server, creates them
 * over the API, many at once, and prints how long single requests then take, as JSON.
 */
import { performance } from 'node:perf_hooks'
import { Agent, request } from 'node:http'
import { basicAuth, startServer, type TestServer } from '../harness/server.ts'

const concurrency = 128
const repetitions = 20

interface Timing {
  readonly medianMs: number
  readonly slowestMs: number
  readonly total?: number
}

async function main(wanted: number): Promise<void> {
  await using server = await startServer()
  const ask = asker(server)
  await ask('POST', '/api/object/Domain', { name: 'example.org' })
  const began = performance.now()
  let next = 0
  const creator = async (): Promise<void> => {
    while (next < wanted) {
      const i = next++
      const description = i % 1000 === 0 ? 'one of a thousand' : `person ${i}`
      await ask('POST', '/api/object/Account', { name: `u${i}@example.org`, description })
      if (i % 10_000 === 9999) process.stderr.write(`${i + 1} accounts\n`)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, creator))
  const seconds = (performance.now() - began) / 1000
  const paths = {
    firstPage: '/api/object/Account?limit=100',
    page500: '/api/object/Account?limit=100&page=500',
    textSearch: '/api/object/Account?limit=100&text=thousand',
    textSearchOfAll: '/api/object/Account?limit=100&text=person',
    classicFirstPage: '/api/principal?types=individual&limit=100',
    classicSearch: '/api/principal?filter=u99999&limit=100',
    one: `/api/object/Account/u${wanted - 1}@example.org`,
  }
  const timings: Record<string, Timing> = {}
  for (const [name, path] of Object.entries(paths)) timings[name] = await timed(() => ask('GET', path))
  let extra = 0
  timings['createOne'] = await timed(() =>
    ask('POST', '/api/object/Account', { name: `extra${extra++}@example.org` }),
  )
  const results = { accounts: wanted, createdPerSecond: Math.round(wanted / seconds), timings }
  process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`)
}

async function timed(one: () => Promise<unknown>): Promise<Timing> {
  const taken: number[] = []
  let answer: unknown
  for (let i = 0; i < repetitions; i++) {
    const began = performance.now()
    answer = await one()
    taken.push(performance.now() - began)
  }
  taken.sort((a, b) => a - b)
  const { total } = (answer as { data: { total?: number } }).data
  return {
    medianMs: Math.round(taken[repetitions >> 1]! * 10) / 10,
    slowestMs: Math.round(taken.at(-1)! * 10) / 10,
    ...(total === undefined ? {} : { total }),
  }
}

/** Over connections that are kept, as programs have them. */
function asker({ httpPort, adminPassword }: TestServer) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const headers = {
    authorization: basicAuth('admin', adminPassword ?? ''),
    'content-type': 'application/json',
  }
  return (method: string, path: string, body?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port: httpPort, agent, method, path, headers },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8')
            if (response.statusCode! < 300) resolve(JSON.parse(text))
            else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
          })
        },
      )
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
}

await main(Number(process.argv[2] ?? 100_000))
