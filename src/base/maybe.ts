/**
 * A value that is often there at once. Callers may `await` either; a hot path looks first and saves the
 * turn of the event loop.
 */
export type Maybe<T> = T | Promise<T>
