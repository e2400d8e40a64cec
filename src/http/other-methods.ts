/** A path that is known answers every other method with those that it knows (RFC 9110 §15.5.6). */
import type { Env, Hono } from 'hono'
import { problemResponse } from './errors.ts'
import type { HttpEnv } from './router.ts'

interface Route {
  readonly method: string
  readonly path: string
}

/** To come when the router has its routes. */
export function refuseOtherMethods<E extends HttpEnv>(router: Hono<E & Env>, routes: Iterable<Route>): void {
  for (const [path, methods] of methodsByPath(routes)) {
    const allow = [...methods].sort().join(', ')
    router.all(path, (c) => {
      const detail = `${c.req.method} is not possible here, only ${allow}.`
      return problemResponse({ status: 405, detail }, c.get('requestId'), { Allow: allow })
    })
  }
}

function methodsByPath(routes: Iterable<Route>): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>()
  for (const { path, method } of routes) {
    const methods = found.get(path) ?? new Set()
    found.set(path, methods.add(method))
    if (method === 'GET') methods.add('HEAD')
  }
  return found
}
