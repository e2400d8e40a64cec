/**
 * Writing a field of tags (RFC 6376 §3.2) in lines of at most 78 characters (RFC 5322 §2.1.1), as far as what
 * it says can be broken. A line is broken only where a tag list allows it. The value of the last tag, a
 * signature, is filled in afterwards, and nothing of what stands before it changes with that.
 */

const longestLine = 78

export class FoldedField {
  #text: string
  #column: number

  /** `name` without its colon. */
  constructor(name: string) {
    this.#text = `${name}:`
    this.#column = this.#text.length
  }

  get text(): string {
    return this.#text
  }

  /** Adds a tag and the semicolon behind it; `pieces` are what the value may be broken into. */
  tag(name: string, pieces: readonly string[]): this {
    for (const [i, piece] of pieces.entries()) {
      const isLast = i === pieces.length - 1
      this.#put(i === 0 ? ` ${name}=${piece}${isLast ? ';' : ''}` : `${piece}${isLast ? ';' : ''}`)
    }
    return this
  }

  /** Adds the name of the last tag, whose value is not known yet. */
  open(name: string): this {
    this.#put(` ${name}=`)
    return this
  }

  /** Adds the value of the tag that was opened, which may be broken anywhere. */
  fill(base64: string): this {
    for (let at = 0; at < base64.length;) {
      if (this.#column >= longestLine) this.#break()
      const some = base64.slice(at, at + longestLine - this.#column)
      this.#text += some
      this.#column += some.length
      at += some.length
    }
    return this
  }

  /** A text that is not broken, on a line of its own where it does not fit behind what is there. */
  #put(text: string): void {
    if (this.#column + text.length > longestLine) {
      this.#break()
      if (text.startsWith(' ')) text = text.slice(1)
    }
    this.#text += text
    this.#column += text.length
  }

  #break(): void {
    this.#text += '\r\n '
    this.#column = 1
  }
}
