/**
 * The ARC sets of a message and whether they form a chain (RFC 8617 §4.2, §5.2 steps 1 to 3), before any
 * signature is looked at. What must hold: a message has at most fifty sets; the fields of one that has more are
 * counted and not read.
 */
import { SyntaxFault } from '#base/fault.ts'
import { type ArcSignature, readArcTags, readSeal } from './arc-signature.ts'
import type { HeaderFields } from './header-fields.ts'
import { tagText } from './signed-data.ts'
import type { TagList } from './tag-list.ts'

/** RFC 8617 §4.2.1. */
export const mostSets = 50

/** Why a chain fails. */
type ArcReason =
  | 'chainTooLong'
  | 'invalidInstance'
  /** A field of a set is missing or there twice, or a set is missing between others. */
  | 'brokenChain'
  /** A sealer before us has found the chain to fail (`cv=fail`). */
  | 'markedFailed'
  | 'invalidChainStatus'
  /** The tag `h=`, which a seal must not have. */
  | 'hasHeaderTag'
  | 'messageSignature'
  | 'seal'

export interface ArcProblem {
  readonly reason: ArcReason
  /** The reason for people, in ASCII. */
  readonly text: string
}

/** Where the fields of a set stand in `HeaderFields.all`. */
export interface ArcPlaces {
  readonly results: number
  readonly message: number
  readonly seal: number
}

export interface ArcSet extends ArcPlaces {
  readonly instance: number
  readonly messageTags: TagList
  readonly sealed: ArcSignature
}

export type ArcChain =
  | { readonly kind: 'none' }
  /** From instance 1 on, at least one. */
  | { readonly kind: 'chain'; readonly sets: readonly ArcSet[] }
  /** `highest`: of the instances that could be read; 0 where none could. */
  | ({ readonly kind: 'broken'; readonly highest: number } & ArcProblem)

const names = ['arc-authentication-results', 'arc-message-signature', 'arc-seal'] as const
const titles = ['ARC-Authentication-Results', 'ARC-Message-Signature', 'ARC-Seal'] as const

export function readChain(header: HeaderFields): ArcChain {
  if (names.every((name) => header.named(name).length === 0)) return { kind: 'none' }
  if (names.some((name) => header.named(name).length > mostSets)) {
    return { kind: 'broken', highest: mostSets, ...tooLong }
  }
  const collected = new Collection(header)
  const problem = collected.problem()
  return problem === undefined
    ? { kind: 'chain', sets: collected.sets }
    : { kind: 'broken', highest: collected.highest, ...problem }
}

const tooLong: ArcProblem = { reason: 'chainTooLong', text: `the chain has more than ${mostSets} sets` }

/** One of the three fields of a set; the first has no tags. */
interface Member {
  readonly place: number
  readonly tags: TagList | undefined
}

class Collection {
  readonly sets: ArcSet[] = []
  highest = 0
  readonly #members: readonly Map<number, Member>[]
  #problem: ArcProblem | undefined

  constructor(header: HeaderFields) {
    this.#members = names.map((name, kind) => {
      const found = new Map<number, Member>()
      for (const place of header.named(name)) this.#add(found, kind, place, tagText(header, place))
      return found
    })
  }

  #add(found: Map<number, Member>, kind: number, place: number, text: string): void {
    try {
      const tags = kind === 0 ? undefined : readArcTags(text)
      const instance = tags === undefined ? resultsInstance(text) : toInstance(tags.get('i')?.value)
      if (instance === undefined) this.#refuse('invalidInstance', `${titles[kind]} has no instance`)
      else if (found.has(instance)) this.#refuse('brokenChain', `set ${instance} has ${titles[kind]} twice`)
      else found.set(instance, { place, tags })
      this.highest = Math.max(this.highest, instance ?? 0)
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      this.#refuse('brokenChain', `${titles[kind]} is malformed: ${error.message}`)
    }
  }

  #refuse(reason: ArcReason, text: string): void {
    this.#problem ??= { reason, text }
  }

  /** Completes the sets; undefined where they form a chain. */
  problem(): ArcProblem | undefined {
    const { highest } = this
    // RFC 8617 §5.2 step 2: before anything else.
    if (this.#status(highest) === 'fail') {
      return { reason: 'markedFailed', text: `set ${highest} says that the chain has failed` }
    }
    for (let instance = 1; instance <= highest && this.#problem === undefined; instance++) {
      this.#complete(instance)
    }
    return this.#problem
  }

  /** RFC 8617 §5.2 step 3. */
  #complete(instance: number): void {
    const found = this.#members.map((members) => members.get(instance))
    const [results, message, seal] = found
    if (results === undefined || message?.tags === undefined || seal?.tags === undefined) {
      return this.#refuse('brokenChain', `set ${instance} has no ${titles[found.indexOf(undefined)]}`)
    }
    if (seal.tags.has('h')) return this.#refuse('hasHeaderTag', `the seal of set ${instance} has h=`)
    const due = instance === 1 ? 'none' : 'pass'
    if (this.#status(instance) !== due) {
      return this.#refuse('invalidChainStatus', `the seal of set ${instance} does not say cv=${due}`)
    }
    try {
      const places = { results: results.place, message: message.place, seal: seal.place }
      this.sets.push({ instance, ...places, messageTags: message.tags, sealed: readSeal(seal.tags) })
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      this.#refuse('seal', `the seal of set ${instance} is malformed: ${error.message}`)
    }
  }

  #status(instance: number): string | undefined {
    return this.#members[2]!.get(instance)?.tags?.get('cv')?.value.toLowerCase()
  }
}

/** RFC 8617 §3.9. */
function toInstance(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,2}$/.test(text)) return undefined
  const instance = Number(text)
  return instance >= 1 && instance <= mostSets ? instance : undefined
}

/** What may stand around the parts of the tag in front: white space, comments. */
const cfws = '(?:[ \\t\\r\\n]|\\([^()\\\\]*\\))*'
const instanceTag = new RegExp(`^${cfws}i${cfws}=${cfws}([0-9]{1,2})${cfws};`)

/** Of ARC-Authentication-Results, in which it comes first (RFC 8617 §4.1.1). */
const resultsInstance = (text: string): number | undefined =>
  toInstance(instanceTag.exec(text.slice(0, 1000))?.[1])
