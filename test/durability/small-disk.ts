/** A file system of a few megabytes, which can be filled and freed again. Only root may mount one. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class SmallDisk implements Disposable {
  readonly directory: string
  #ballasts = 0

  private constructor(directory: string) {
    this.directory = directory
  }

  /** undefined where this process may not mount. */
  static mount(sizeBytes: number): SmallDisk | undefined {
    if (process.getuid?.() !== 0) return undefined
    const directory = mkdtempSync(join(tmpdir(), 'postern-disk-'))
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', directory])
    if (status === 0) return new SmallDisk(directory)
    rmSync(directory, { recursive: true })
    return undefined
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.directory)
    return bavail * bsize
  }

  /** Leaves so much free space, as somebody else on the machine might. */
  fill(freeBytes: number): void {
    const file = openSync(join(this.directory, `ballast-${++this.#ballasts}`), 'w')
    try {
      const block = Buffer.alloc(64 << 10)
      while (this.freeBytes > freeBytes)
        writeSync(file, block, 0, Math.max(1, Math.min(block.length, this.freeBytes - freeBytes)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    for (; this.#ballasts > 0; this.#ballasts--) rmSync(join(this.directory, `ballast-${this.#ballasts}`))
  }

  [Symbol.dispose](): void {
    spawnSync('umount', ['-l', this.directory])
    rmSync(this.directory, { recursive: true })
  }
}
