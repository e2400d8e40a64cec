/** Work on many things, some at a time, with the results in the order of the things. */

/** The first failure ends it: nothing more is begun, and what runs is waited for. */
export async function inParallel<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = new Array<R>(items.length)
  let next = 0
  let hasFailed = false
  const worker = async (): Promise<void> => {
    while (next < items.length && !hasFailed) {
      const at = next++
      try {
        results[at] = await work(items[at]!)
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  const done = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, worker))
  for (const one of done) if (one.status === 'rejected') throw one.reason
  return results
}
