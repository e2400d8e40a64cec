/**
 * DES (FIPS 46-3) as crypt(3) uses it: with a salt that swaps bits of the expansion, and with the initial and
 * final permutations outside of the repetitions. Slow against real DES code and fast enough here. Nothing
 * else may use it: DES is broken.
 */

/** Numbers of the source bits, from 1, highest first, as the standard prints its tables. */
type Permutation = readonly number[]

const initial: Permutation = [58, 60, 62, 64, 57, 59, 61, 63].flatMap((from) =>
  Array.from({ length: 8 }, (_, i) => from - 8 * i),
)
const final: Permutation = invert(initial)
// oxfmt-ignore
const keyChoice1: Permutation = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
]
// oxfmt-ignore
const keyChoice2: Permutation = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
]
// oxfmt-ignore
const afterBoxes: Permutation = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
]
const rotations = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]
/** Each box as its four rows of 16 values, a hex digit each. */
const boxes = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b',
]

function invert(permutation: Permutation): Permutation {
  const inverse = new Array<number>(permutation.length)
  for (const [to, from] of permutation.entries()) inverse[from - 1] = to + 1
  return inverse
}

function permute(bits: readonly number[], permutation: Permutation): number[] {
  return permutation.map((from) => bits[from - 1]!)
}

const toBits = (value: number, width: number): number[] =>
  Array.from({ length: width }, (_, i) => (value >>> (width - 1 - i)) & 1)

const toNumber = (bits: readonly number[]): number =>
  bits.reduce((value, bit) => ((value << 1) | bit) >>> 0, 0)

/** What a box gives for each of its 64 inputs, its bits being where the permutation after the boxes puts them. */
const spreadBoxes: readonly Uint32Array[] = boxes.map((box, which) =>
  Uint32Array.from({ length: 64 }, (_, input) => {
    // The outer two bits choose the row, the inner four the column.
    const row = ((input >> 4) & 2) | (input & 1)
    const value = Number.parseInt(box[row * 16 + ((input >> 1) & 15)]!, 16)
    return toNumber(permute(toBits((value << (28 - 4 * which)) >>> 0, 32), afterBoxes))
  }),
)

/** 64 bits as two numbers of 32. */
export interface DesBlock {
  readonly high: number
  readonly low: number
}

/** Sixteen keys, each as two halves of 24 bits. */
export type DesKey = Uint32Array

/** From eight bytes, of which the lowest bits are ignored. */
export function desKey(bytes: Uint8Array): DesKey {
  const chosen = permute(
    [...bytes].flatMap((byte) => toBits(byte, 8)),
    keyChoice1,
  )
  let [c, d] = [chosen.slice(0, 28), chosen.slice(28)]
  const key = new Uint32Array(32)
  for (const [round, by] of rotations.entries()) {
    c = [...c.slice(by), ...c.slice(0, by)]
    d = [...d.slice(by), ...d.slice(0, by)]
    const bits = permute([...c, ...d], keyChoice2)
    key[2 * round] = toNumber(bits.slice(0, 24))
    key[2 * round + 1] = toNumber(bits.slice(24))
  }
  return key
}

function permuteBlock({ high, low }: DesBlock, permutation: Permutation): DesBlock {
  const bits = permute([...toBits(high, 32), ...toBits(low, 32)], permutation)
  return { high: toNumber(bits.slice(0, 32)), low: toNumber(bits.slice(32)) }
}

/** Encrypts `times` times over. Bit i of `salt`, from the lowest, swaps bits i and i + 24 of the expansion. */
export function desEncrypt(key: DesKey, block: DesBlock, salt: number, times: number): DesBlock {
  const swapped = toNumber(toBits(salt, 24).toReversed())
  let { high: left, low: right } = permuteBlock(block, initial)
  for (let i = 0; i < times; i++) {
    for (let round = 0; round < 32; round += 2) {
      const mixed = left ^ mix(right, swapped, key[round]!, key[round + 1]!)
      left = right
      right = mixed
    }
    const last = left
    left = right
    right = last
  }
  return permuteBlock({ high: left >>> 0, low: right >>> 0 }, final)
}

function mix(right: number, swapped: number, keyLeft: number, keyRight: number): number {
  // The expansion: eight groups of six neighbouring bits, which overlap by two and go round the ends.
  let a = (right & 1) << 23
  a |= ((right >>> 9) & 0x7c_0000) | ((right >>> 11) & 0x3_f000)
  a |= ((right >>> 13) & 0xfc0) | ((right >>> 15) & 0x3f)
  let b = (right >>> 31) | ((right & 0x1f) << 1)
  b |= ((right & 0x1_f800) << 7) | ((right & 0x1f80) << 5) | ((right & 0x1f8) << 3)
  const crossed = (a ^ b) & swapped
  a ^= crossed ^ keyLeft
  b ^= crossed ^ keyRight
  return (
    spreadBoxes[0]![a >>> 18]! |
    spreadBoxes[1]![(a >>> 12) & 63]! |
    spreadBoxes[2]![(a >>> 6) & 63]! |
    spreadBoxes[3]![a & 63]! |
    spreadBoxes[4]![b >>> 18]! |
    spreadBoxes[5]![(b >>> 12) & 63]! |
    spreadBoxes[6]![(b >>> 6) & 63]! |
    spreadBoxes[7]![b & 63]!
  )
}
