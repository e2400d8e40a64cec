/**
 * A range of an engine with the rows over it that it does not have yet. However many of those there are, no more
 * are looked at than are wanted, and than hide others.
 */
import type { KvReader, KvRow } from './backend.ts'
import { keyBytes, keyText } from './key.ts'

/** `above` in the wanted order: values, and null where a row of `base` is deleted. */
export function mergeRows(
  base: Pick<KvReader, 'range'>,
  above: Iterator<[string, Uint8Array | null]>,
  r: Parameters<KvReader['range']>[0],
): readonly KvRow[] {
  let over = above.next()
  if (over.done === true) return base.range(r) as readonly KvRow[]
  const found: KvRow[] = []
  const isBefore = r.reverse === true ? (a: string, b: string) => a > b : (a: string, b: string) => a < b
  for (let { from, to } = r; ;) {
    const below = base.range({ ...r, from, to }) as readonly KvRow[]
    for (const row of below) {
      const theirs = keyText(row[0])
      for (
        ;
        over.done !== true && found.length < r.limit && isBefore(over.value[0], theirs);
        over = above.next()
      )
        add(found, over.value)
      if (found.length >= r.limit) return found
      if (over.done !== true && over.value[0] === theirs) {
        add(found, over.value)
        over = above.next()
      } else found.push(row)
    }
    if (found.length >= r.limit) return found
    if (below.length < r.limit) break
    const last = below.at(-1)![0]
    if (r.reverse === true) to = last
    else from = Buffer.concat([last, Buffer.of(0)])
  }
  for (; over.done !== true && found.length < r.limit; over = above.next()) add(found, over.value)
  return found
}

function add(found: KvRow[], [key, value]: readonly [string, Uint8Array | null]): void {
  if (value !== null) found.push([keyBytes(key), value])
}
