/**
 * Trees whose nodes are hung below others and taken off again, which know the root of a node in logarithmic time
 * (link-cut trees of Sleator and Tarjan): so a chain of replies, however long, makes no command slow.
 *
 * Each tree is divided into paths, each path is a splay tree ordered by depth, and the top of a splay tree points to
 * the node above its path. What must always hold: `parents` is the forest as it is seen from outside.
 */

/** No node. */
export const none = -1

export class RootedForest {
  readonly parents: number[] = []
  readonly #childCounts: number[] = []
  /** In the splay tree, and from its top to the path above. */
  readonly #up: number[] = []
  readonly #less: number[] = []
  readonly #more: number[] = []

  get count(): number {
    return this.parents.length
  }

  /** A node by itself. */
  add(): number {
    this.#childCounts.push(0)
    this.#up.push(none)
    this.#less.push(none)
    this.#more.push(none)
    return this.parents.push(none) - 1
  }

  /** Hangs a root below another node; not where that would make a loop. */
  link(root: number, parent: number): void {
    if (root === parent) return
    // Neither what has no children nor what has no parent needs to be asked for its tree.
    const isDeep = this.#childCounts[root]! > 0 && this.parents[parent] !== none
    if (isDeep && this.#rootOf(parent) === root) return
    if (this.#childCounts[root]! > 0) this.#access(parent)
    this.#access(root)
    this.#up[root] = parent
    this.parents[root] = parent
    this.#childCounts[parent]!++
  }

  /** Makes a node that has a parent a root. */
  cut(node: number): void {
    this.#access(node)
    const above = this.#less[node]!
    this.#up[above] = none
    this.#less[node] = none
    this.#childCounts[this.parents[node]!]!--
    this.parents[node] = none
  }

  #rootOf(node: number): number {
    this.#access(node)
    let root = node
    while (this.#less[root] !== none) root = this.#less[root]!
    this.#splay(root)
    return root
  }

  /** The path from the root to the node becomes one splay tree, with the node on top. */
  #access(node: number): void {
    let below = none
    for (let at = node; at !== none; at = this.#up[at]!) {
      this.#splay(at)
      this.#more[at] = below
      below = at
    }
    this.#splay(node)
  }

  #isTop(node: number): boolean {
    const up = this.#up[node]!
    return up === none || (this.#less[up] !== node && this.#more[up] !== node)
  }

  #splay(node: number): void {
    while (!this.#isTop(node)) {
      const up = this.#up[node]!
      if (!this.#isTop(up)) {
        const isStraight = (this.#less[up] === node) === (this.#less[this.#up[up]!] === up)
        this.#rotate(isStraight ? up : node)
      }
      this.#rotate(node)
    }
  }

  /** The node changes places with the one above it. */
  #rotate(node: number): void {
    const up = this.#up[node]!
    const top = this.#up[up]!
    if (top !== none) {
      if (this.#less[top] === up) this.#less[top] = node
      else if (this.#more[top] === up) this.#more[top] = node
    }
    const [near, far] = this.#less[up] === node ? [this.#less, this.#more] : [this.#more, this.#less]
    const moved = far[node]!
    near[up] = moved
    if (moved !== none) this.#up[moved] = up
    far[node] = up
    this.#up[up] = node
    this.#up[node] = top
  }
}
