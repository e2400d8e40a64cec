/**
 * A value that is often there at once. Callers may `await` either; a hot path looks first and saves the
 * turn of the event loop.
 */
export type Maybe<T> = T | Promise<T>

/** Goes on with a value, at once where it is there. */
export const whenThere = <T, R>(value: Maybe<T>, use: (value: T) => Maybe<R>): Maybe<R> =>
  value instanceof Promise ? value.then(use) : use(value)

/** What is made of each, in order; nothing is begun before what came before it is there. */
export function inTurn<T, R>(of: readonly T[], make: (one: T) => Maybe<R>): Maybe<readonly R[]> {
  const made: R[] = []
  for (const one of of) {
    const value = make(one)
    if (value instanceof Promise) return restInTurn(of, make, made, value)
    made.push(value)
  }
  return made
}

async function restInTurn<T, R>(
  of: readonly T[],
  make: (one: T) => Maybe<R>,
  made: R[],
  next: Promise<R>,
): Promise<readonly R[]> {
  made.push(await next)
  while (made.length < of.length) made.push(await make(of[made.length]!))
  return made
}
