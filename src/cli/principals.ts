/** Reading principals from the server: addresses of single ones, and lists page by page. */
import type { ShownPrincipal } from '#admin/principal-shape.ts'
import type { ServerApi } from './server-api.ts'

/** Names come from the command line or the server; whatever they hold stays one segment of the path. */
export const principalPath = (name: string): string => `/api/principal/${encodeURIComponent(name)}`

const perPage = 1000

interface Page {
  readonly items: readonly ShownPrincipal[]
  readonly total: number
}

export async function allPrincipals(
  api: ServerApi,
  type: ShownPrincipal['type'],
): Promise<readonly ShownPrincipal[]> {
  const all: ShownPrincipal[] = []
  for (let page = 1; ; page++) {
    const found = (await api.ask('GET', `/api/principal?types=${type}&page=${page}&limit=${perPage}`)) as Page
    all.push(...found.items)
    if (found.items.length < perPage) return all
  }
}
