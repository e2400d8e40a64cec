/**
 * What attributes of HTML have that is meant to be shown (RFC 8621 §4.4.1: "alt" and "title"), collected tag by tag
 * from the beginning of the text to its end, in linear time.
 */
import { characterReference } from './html-entities.ts'

const attribute = /([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g

export class ShownAttributes {
  readonly values: string[] = []
  readonly #html: string
  readonly #names = /[\s"'/](?:alt|title)\s*=/gi
  /** Where the next one may stand. */
  #place: number

  constructor(html: string) {
    this.#html = html
    this.#place = this.#find()
  }

  /** `html[start, end)` is what stands in a tag behind its name. */
  addTag(start: number, end: number): void {
    while (this.#place < start) this.#place = this.#find()
    if (this.#place >= end) return
    for (const [, name, ...values] of this.#html.slice(start, end).matchAll(attribute))
      if (/^(?:alt|title)$/i.test(name!)) this.values.push(decoded(values.join('')))
  }

  #find(): number {
    return this.#names.exec(this.#html)?.index ?? Infinity
  }
}

const decoded = (text: string): string =>
  text.replaceAll(/&([#A-Za-z0-9]+);?/g, (all, name: string) => characterReference(name) ?? all)
