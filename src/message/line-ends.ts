/**
 * Whether all line ends are CRLF, which is what mail on its way to others has (RFC 5321 §2.3.8): what other servers
 * make of a CR or LF alone differs, which lets a sender smuggle a second message behind a first one. The result
 * does not depend on how the bytes were split.
 */
const CR = 0x0d
const LF = 0x0a

export class LineEndCheck {
  #afterCr = false
  #hasBareLineEnd = false

  /** True where there was a CR or LF that is not part of CRLF, or a CR is the last byte so far. */
  get hasBareLineEnd(): boolean {
    return this.#hasBareLineEnd || this.#afterCr
  }

  push(chunk: Uint8Array): void {
    let i = 0
    const end = chunk.length
    if (end === 0 || this.#hasBareLineEnd) return
    if (this.#afterCr) {
      if (chunk[0] === LF) i++
      else this.#hasBareLineEnd = true
    }
    this.#afterCr = false
    while (i < end) {
      const c = chunk[i++]!
      if (c > CR) continue
      if (c === CR) {
        if (i === end) this.#afterCr = true
        else if (chunk[i] === LF) i++
        else this.#hasBareLineEnd = true
      } else if (c === LF) this.#hasBareLineEnd = true
    }
  }
}
