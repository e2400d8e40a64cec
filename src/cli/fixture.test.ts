/** What the tests of this folder share: a server on a real port, and command lines run against it in process. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { adminToken, makeApi } from '#admin/fixture.test.ts'
import { type HttpHandler, httpProtocol } from '#http/server.ts'
import { Listener } from '#net/listener.ts'
import { run } from './program.ts'
import type { Terminal } from './terminal.ts'

export interface Given {
  readonly env?: Record<string, string>
  readonly input?: string | Buffer
  /** What is typed at hidden questions, and at others; absent: nobody is there. */
  readonly typed?: readonly string[]
  readonly columns?: number
}

export interface Result {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly asked: readonly string[]
}

/** A server, its data directory with the token, and a way to run command lines against it. */
export async function serve(t: TestContext, o: { token?: string; config?: string } = {}) {
  const api = await makeApi(o)
  /** `PATCH /api/object/Account/17`: what the server was asked, in order. */
  const asked: string[] = []
  const handler: HttpHandler = {
    fetch: (request, bindings) => {
      const { pathname, search } = new URL(request.url)
      if (pathname.startsWith('/api/')) asked.push(`${request.method} ${pathname}${search}`)
      return api.router.fetch(request, bindings)
    },
  }
  const onCrash = (error: unknown): never => {
    throw error
  }
  const listener = new Listener({
    name: 'http',
    bind: [{ host: '127.0.0.1', port: 0 }],
    protocol: httpProtocol(handler, { onCrash }),
  })
  const [endpoint] = await listener.listen()
  const data = await mkdtemp(path.join(tmpdir(), 'postern-cli-'))
  await writeFile(path.join(data, 'admin-token'), `${o.token ?? adminToken}\n`)
  t.after(async () => {
    await listener.drain(0)
    await rm(data, { recursive: true })
  })
  const url = `http://127.0.0.1:${endpoint!.port}`
  const postern = (line: string | readonly string[], given: Given = {}) =>
    runLine(['--url', url, '--data', data, ...wordsOf(line)], given)
  const withoutData = (line: string, given: Given = {}) =>
    runLine(['--url', url, '--data', '/nowhere', ...wordsOf(line)], given)
  /** The parsed result of a command that must succeed. */
  const json = async <T>(line: string | readonly string[], given: Given = {}): Promise<T> => {
    const { code, out, err } = await postern(['--json', ...wordsOf(line)], given)
    if (code !== 0) throw new Error(err)
    return JSON.parse(out) as T
  }
  return { ...api, url, data, asked, postern, withoutData, json }
}

/** Words with single or double quotes around what has spaces, as in a shell. */
export const wordsOf = (line: string | readonly string[]): readonly string[] =>
  typeof line !== 'string'
    ? line
    : [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
        word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single: string, double: string) => single ?? double),
      )

export async function runLine(line: string | readonly string[], given: Given = {}): Promise<Result> {
  const result = { code: 0, out: '', err: '', asked: [] as string[] }
  const typed = [...(given.typed ?? [])]
  const answer = async (question: string): Promise<string> => {
    result.asked.push(question)
    return typed.shift() ?? ''
  }
  const terminal: Terminal = {
    env: given.env ?? {},
    isInteractive: given.typed !== undefined,
    columns: given.columns,
    hasColours: false,
    out: (text) => void (result.out += text),
    err: (text) => void (result.err += text),
    progress: () => undefined,
    readInput: async () => Buffer.from(given.input ?? ''),
    ask: answer,
    askHidden: answer,
  }
  result.code = await run(wordsOf(line), terminal)
  return result
}
