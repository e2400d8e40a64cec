/**
 * How hard a password is to guess for whoever knows how people choose them: words, names, dates, rows of keys,
 * and what is said about its owner. From 0 (at once) to 4 (not even offline).
 *
 * The lists of words are megabytes, so they are read when the first password is set, on the thread that
 * hashes, and are gone with it.
 */

export interface Strength {
  readonly score: 0 | 1 | 2 | 3 | 4
  /** How to do better, in sentences; empty where nothing is to be said. */
  readonly advice: string
}

/** Longer ones are judged by their beginning: the time grows faster than the length. */
const judgedLength = 64

type Estimate = (password: string, about: readonly string[]) => Strength

export class StrengthEstimator {
  #estimate: Promise<Estimate> | undefined

  /** `about` are words of which the password should not be made: names, domains. */
  async estimate(password: string, about: readonly string[]): Promise<Strength> {
    this.#estimate ??= load()
    return (await this.#estimate)(password, about)
  }
}

async function load(): Promise<Estimate> {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ])
  const estimator = new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    translations: english.translations,
    maxLength: judgedLength,
  })
  return (password, about) => {
    const { score, feedback } = estimator.check(password.slice(0, judgedLength), [...about])
    return {
      score,
      advice: [feedback.warning ?? '', ...feedback.suggestions].filter((text) => text !== '').join(' '),
    }
  }
}
