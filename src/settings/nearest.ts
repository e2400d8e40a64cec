/** What somebody may have meant who wrote a word that does not exist. */

/** Longer words are not compared: the work grows with the product of the lengths. */
const longest = 100

/** The candidate that few typing errors lead away from; undefined where none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longest) return undefined
  const lower = word.toLowerCase()
  let best: string | undefined
  let bestErrors = 1 + Math.min(4, Math.floor(lower.length / 4))
  for (const candidate of candidates) {
    if (candidate.length > longest || Math.abs(candidate.length - lower.length) >= bestErrors) continue
    const errors = distance(lower, candidate.toLowerCase())
    if (errors >= bestErrors) continue
    best = candidate
    bestErrors = errors
  }
  return best
}

/** Insertions, deletions, exchanges of a character, and swaps of two neighbours that make one of the other. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1))
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwap) least = Math.min(least, before[j - 2]! + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
