/**
 * What `npm test` runs, as data: one entry per tier, in order. A tier is a process of its own, so that one
 * that dies or hangs takes nothing else with it. A budget is for the slowest machine that is busy with other
 * things, so that a tier that exceeds it hangs; fuzzing, at the end, takes what is left of 15 minutes.
 */

export interface TestTier {
  readonly name: string
  /** Test files: patterns from the root of the repository. */
  readonly include: readonly string[]
  readonly exclude?: readonly string[]
  /** 'none': all files in one process, fast, no module state. 'process': a process per file. */
  readonly isolation: 'none' | 'process'
  /** With isolation 'none': how many processes share the files, one processor each. 1 if left out. */
  readonly shares?: number
  /** The tier is ended, and has failed, when it takes longer. */
  readonly budgetMs: number
  /** Also part of `npm run test:fast`. */
  readonly fast?: true
  /** Its tests start servers. */
  readonly servers?: true
  /**
   * Brings what the tier needs, as root, where apt-get works; a skip counts as a failure after it ran. It runs
   * once, beside the tiers before.
   */
  readonly setup?: string
}

const seconds = 1000
const minutes = 60 * seconds
/** Debian's packages that tests drive or record with. */
const setup = 'test/interop/setup.ts'
const engines = ['src/*/engines/**/*.test.ts']

export const tiers: readonly TestTier[] = [
  {
    name: 'unit',
    include: [
      'src/**/*.test.ts',
      'tools/**/*.test.ts',
      'test/harness/**/*.test.ts',
      'test/bench/**/*.test.ts',
    ],
    exclude: engines,
    isolation: 'none',
    shares: 2,
    budgetMs: 10 * minutes,
    fast: true,
  },
  { name: 'engines', include: engines, isolation: 'process', budgetMs: 6 * minutes },
  {
    name: 'conformance',
    include: ['test/conformance/**/*.test.ts'],
    isolation: 'none',
    budgetMs: 4 * minutes,
  },
  {
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts'],
    isolation: 'process',
    budgetMs: 12 * minutes,
    servers: true,
  },
  {
    name: 'durability',
    include: ['test/durability/**/*.test.ts'],
    isolation: 'process',
    budgetMs: 15 * minutes,
    servers: true,
    setup,
  },
  {
    name: 'interop',
    include: ['test/interop/**/*.test.ts'],
    isolation: 'process',
    budgetMs: 12 * minutes,
    servers: true,
    setup,
  },
]

/** The checks end or hang, as a tier does. */
export const checkBudgetMs = 6 * minutes

/** Of all fuzz targets together, by two at a time: they share it. */
export const fuzzBudgetMs = 4 * minutes
/** Also where the machine was slow so far. */
export const leastFuzzMs = 1 * minutes
/** When fuzzing is to be over, from the start of `npm test`. */
export const wholeBudgetMs = 13 * minutes
/** What fuzzing may take beyond its time before it is ended, and has failed. */
export const fuzzGraceMs = 5 * minutes
