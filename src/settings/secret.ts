/**
 * A text that must not be seen: passwords, keys, tokens. Whatever prints, logs, serialises or inspects it gets
 * a placeholder; only `reveal` gives the text, so that every place that uses it can be found.
 */
import { inspect } from 'node:util'

const placeholder = '[secret]'

export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  /** For finding out whether a setting changed; not for checking what a peer sent. */
  isSameAs(other: Secret): boolean {
    return this.#text === other.#text
  }

  toString(): string {
    return placeholder
  }

  toJSON(): string {
    return placeholder
  }

  [inspect.custom](): string {
    return placeholder
  }
}
