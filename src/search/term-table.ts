/**
 * The terms of a dictionary that is being made, in UTF-8 in one piece of memory. Each has a number, by order of
 * appearance.
 *
 * A text becomes the numbers of its words in one pass, without a string for each. What must always hold: they are
 * the words that `eachWord` gives. Folding a text takes nothing over an ASCII character, so what stands between two
 * of those that are in no word is folded by itself, and only where it is not all ASCII.
 */
import { randomBytes } from 'node:crypto'
import { eachWord, longestWord } from './words.ts'

/** Of words with other characters than ASCII: as they are written, up to this long, so many are remembered. */
const longestKnown = 40
const mostKnown = 20_000

// Texts come from strangers, who must not know which words share a slot.
const seed = randomBytes(4).readInt32LE()
const factor = randomBytes(4).readInt32LE() | 1

const step = (hash: number, byte: number): number => Math.imul(((hash << 5) | (hash >>> 27)) ^ byte, factor)

/** By ASCII character: what it is in a word, 0 where it is in none. */
const inWord = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const character = String.fromCharCode(code)
  return /[A-Za-z0-9]/.test(character) ? character.toUpperCase().charCodeAt(0) : 0
})

export class TermTable {
  /** The terms one after the other, then room for the next one. */
  #bytes = Buffer.allocUnsafe(1 << 14)
  #end = 0
  /** By number: the hash, and where the term ends. */
  #hashes = new Int32Array(1 << 10)
  #ends = new Int32Array(1 << 10)
  #count = 0
  /** By hash: a number and one, 0 where there is none. At least half of them are empty. */
  #slots = new Int32Array(1 << 11)
  /** The numbers of the words of the text that was read last. */
  numbers = new Int32Array(1 << 10)
  #read = 0
  readonly #known = new Map<string, readonly number[]>()

  get size(): number {
    return this.#count
  }

  /** How many words a text has; their numbers are in `numbers`, until the next text is read. */
  read(text: string): number {
    this.#read = 0
    /** Of the word that is being read, which is at the end of `#bytes`. */
    let hash = seed
    let length = 0
    let bytes = this.#withRoom(longestWord)
    let end = this.#end
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      const byte = code < 0x80 ? inWord[code]! : 0
      if (byte !== 0 && length < longestWord) {
        bytes[end + length++] = byte
        hash = step(hash, byte)
        continue
      }
      if (byte === 0 && code < 0x80) {
        if (length === 0) continue
        this.#push(this.#numberOf(length, hash))
        bytes = this.#withRoom(longestWord)
        end = this.#end
        hash = seed
        length = 0
        continue
      }
      // Other characters, or a long word.
      const start = at - length
      at = endOfRun(text, at)
      this.#readRun(text.slice(start, at))
      bytes = this.#withRoom(longestWord)
      end = this.#end
      hash = seed
      length = 0
    }
    if (length > 0) this.#push(this.#numberOf(length, hash))
    return this.#read
  }

  /** The number of a term. */
  of(term: string): number {
    const bytes = this.#withRoom(3 * term.length)
    const length = bytes.write(term, this.#end)
    let hash = seed
    for (let at = this.#end; at < this.#end + length; at++) hash = step(hash, bytes[at]!)
    return this.#numberOf(length, hash)
  }

  text(number: number): string {
    return this.#bytes.toString('utf8', this.#start(number), this.#ends[number])
  }

  bytes(number: number): Buffer {
    return this.#bytes.subarray(this.#start(number), this.#ends[number])
  }

  /** The numbers in the order of the terms' bytes. */
  sorted(): Int32Array {
    // By three bytes and the number in one, which takes no function to compare; then those that begin alike.
    const keys = new Float64Array(this.#count)
    for (let number = 0; number < this.#count; number++)
      keys[number] = this.#beginning(number) * inKey + number
    keys.sort()
    const sorted = new Int32Array(this.#count)
    let alike = 0
    for (let i = 0; i <= keys.length; i++) {
      if (i < keys.length) sorted[i] = keys[i]! % inKey
      const isAlike = i < keys.length && Math.floor(keys[i]! / inKey) === Math.floor(keys[alike]! / inKey)
      if (isAlike) continue
      if (i - alike > 1) sorted.subarray(alike, i).sort((a, b) => this.#compare(a, b))
      alike = i
    }
    return sorted
  }

  #start(number: number): number {
    return number === 0 ? 0 : this.#ends[number - 1]!
  }

  #beginning(number: number): number {
    const start = this.#start(number)
    const length = this.#ends[number]! - start
    const byte = (at: number): number => (at < length ? this.#bytes[start + at]! : 0)
    return (byte(0) << 16) | (byte(1) << 8) | byte(2)
  }

  #compare(a: number, b: number): number {
    const bytes = this.#bytes
    const endOfA = this.#ends[a]!
    const endOfB = this.#ends[b]!
    let atA = this.#start(a)
    let atB = this.#start(b)
    while (atA < endOfA && atB < endOfB) {
      const order = bytes[atA++]! - bytes[atB++]!
      if (order !== 0) return order
    }
    return endOfA - atA - (endOfB - atB)
  }

  #readRun(run: string): void {
    const isShort = run.length <= longestKnown
    let numbers = isShort ? this.#known.get(run) : undefined
    if (numbers === undefined) {
      const its: number[] = []
      eachWord(run, (word) => its.push(this.of(word)))
      numbers = its
      if (isShort) {
        if (this.#known.size >= mostKnown) this.#known.clear()
        // A copy: the run may be a view of its text, which would stay with it.
        this.#known.set(Buffer.from(run, 'utf16le').toString('utf16le'), numbers)
      }
    }
    for (const number of numbers) this.#push(number)
  }

  #push(number: number): void {
    if (this.#read === this.numbers.length) this.numbers = doubled(this.numbers)
    this.numbers[this.#read++] = number
  }

  /** Of the term that stands at the end of `#bytes`, which is kept there where it is new. */
  #numberOf(length: number, hash: number): number {
    const slots = this.#slots
    const bytes = this.#bytes
    const end = this.#end
    let slot = (hash ^ (hash >>> 15)) & (slots.length - 1)
    for (let found = slots[slot]!; found !== 0; found = slots[slot]!) {
      const number = found - 1
      if (this.#hashes[number] === hash) {
        const start = this.#start(number)
        if (this.#ends[number]! - start === length) {
          let same = 0
          while (same < length && bytes[start + same] === bytes[end + same]) same++
          if (same === length) return number
        }
      }
      slot = (slot + 1) & (slots.length - 1)
    }
    return this.#keep(length, hash, slot)
  }

  #keep(length: number, hash: number, slot: number): number {
    const number = this.#count++
    if (number === this.#ends.length) {
      this.#ends = doubled(this.#ends)
      this.#hashes = doubled(this.#hashes)
    }
    this.#end += length
    this.#ends[number] = this.#end
    this.#hashes[number] = hash
    this.#slots[slot] = number + 1
    if (2 * this.#count > this.#slots.length) this.#spread()
    return number
  }

  /** Twice as many slots. */
  #spread(): void {
    const slots = new Int32Array(2 * this.#slots.length)
    for (let number = 0; number < this.#count; number++) {
      const hash = this.#hashes[number]!
      let slot = (hash ^ (hash >>> 15)) & (slots.length - 1)
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
      slots[slot] = number + 1
    }
    this.#slots = slots
  }

  #withRoom(length: number): Buffer {
    if (this.#end + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#end + length))
      this.#bytes.copy(larger, 0, 0, this.#end)
      this.#bytes = larger
    }
    return this.#bytes
  }
}

/** Above all numbers, so that they and 24 bits are a whole number. */
const inKey = 2 ** 29

export function doubled(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * column.length)
  larger.set(column)
  return larger
}

/** At the next ASCII character that is in no word. */
function endOfRun(text: string, start: number): number {
  let at = start
  while (at < text.length && (text.charCodeAt(at) >= 0x80 || inWord[text.charCodeAt(at)] !== 0)) at++
  return at
}
