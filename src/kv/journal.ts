/**
 * The journal: commit groups in the order in which they were acknowledged, on disk before they were.
 *
 *     journal/00000001.log ...    records: length, checksum, group number, payload
 *
 * One append and one sync make a group durable, however many batches and blobs are in it; the engine and the
 * blob segments follow at the next checkpoint, after which the files are used again. Files have their full
 * size from the start, so that a sync writes data and no metadata, and a full disk does not stop deletions.
 *
 * What must always hold: a group is whole or not there; numbers rise by one, and where a group failed and its
 * number was given to another, the later one counts. A record that is cut off or does not match its checksum
 * ends its file: nothing behind it was ever acknowledged.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writevSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from '#base/sync-directory.ts'

const headerBytes = 16
const magic = 0x504a524c

/** A file takes groups until it has this many bytes; a larger group has a file to itself. */
const fileBytes = 8 << 20

export interface JournalGroup {
  readonly group: number
  readonly payload: Uint8Array
}

const fileName = (number: number): string => `${String(number).padStart(8, '0')}.log`

export class Journal implements Disposable {
  readonly #directory: string
  /** Files in the order of use; the last one is written to. */
  readonly #files: { readonly number: number; lastGroup: number }[] = []
  #spare: number | undefined
  #nextFile = 1
  #fd: number | undefined
  #at = 0

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const number of listFiles(directory)) this.#nextFile = number + 1
  }

  /** All groups that are on disk and whole, ascending, one at a time. To be called before the first `append`. */
  *replay(): Generator<JournalGroup> {
    let last: JournalGroup | undefined
    for (const number of listFiles(this.#directory)) {
      for (const found of readGroups(join(this.#directory, fileName(number)))) {
        // Left from an earlier use of the file, which was given its new name and not written to yet.
        if (last !== undefined && found.group < last.group) break
        // A number that comes again belongs to a group that took the place of one that failed.
        if (last !== undefined && found.group > last.group) yield last
        last = found
      }
    }
    if (last !== undefined) yield last
  }

  /** Durable when it returns. Throws where it is not; then the group's number must be given to the next one. */
  append(group: number, payload: readonly Uint8Array[]): void {
    let length = 0
    let checksum = 0
    for (const part of payload) {
      length += part.length
      checksum = crc32(part, checksum)
    }
    const header = Buffer.allocUnsafe(headerBytes)
    header.writeUInt32BE(magic, 0)
    header.writeUInt32BE(length, 4)
    header.writeUIntBE(group, 8, 6)
    header.writeUInt16BE(0, 14)
    checksum = crc32(header, checksum)
    const trailer = Buffer.allocUnsafe(4)
    trailer.writeUInt32BE(checksum, 0)
    try {
      const fd = this.#open(headerBytes + length + 4)
      writeAll(fd, [header, ...payload, trailer], this.#at)
      fdatasyncSync(fd)
    } catch (error) {
      // What is on disk behind the last good group is unknown, so nothing more goes into this file.
      if (this.#fd !== undefined) this.#abandon(this.#fd)
      throw error
    }
    this.#at += headerBytes + length + 4
    this.#files.at(-1)!.lastGroup = group
  }

  /** Groups up to this one are in the engine: files that hold nothing else are free again. */
  release(group: number): void {
    while (this.#files.length > 0 && this.#files[0]!.lastGroup <= group) {
      const { number } = this.#files.shift()!
      if (this.#files.length === 0) this.#close()
      if (this.#spare === undefined) this.#spare = number
      else unlinkSync(join(this.#directory, fileName(number)))
    }
  }

  /** After a replay whose groups are all in the engine. */
  clear(): void {
    for (const number of listFiles(this.#directory)) unlinkSync(join(this.#directory, fileName(number)))
    syncDirectory(this.#directory)
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  /**
   * Ends the file that a group failed in. Its author is told, and may try again: it must not come back with the
   * next start, where no other took its number. As good as a disk can that fails.
   */
  #abandon(fd: number): void {
    try {
      if (this.#at > 0) {
        writeAll(fd, [Buffer.alloc(headerBytes)], this.#at)
        fdatasyncSync(fd)
      } else {
        // Nothing else is in it. Left there, such files would fill a disk that fails.
        unlinkSync(join(this.#directory, fileName(this.#files.pop()!.number)))
        syncDirectory(this.#directory)
      }
    } catch {
      // Whoever hears of the failure hears of the disk.
    }
    this.#close()
  }

  /** The file that has room for so many bytes. */
  #open(bytes: number): number {
    if (this.#fd !== undefined && this.#at + bytes <= fileBytes) return this.#fd
    this.#close()
    const number = this.#nextFile++
    const path = join(this.#directory, fileName(number))
    // Old groups in it have lower numbers than any that is to come, by which a replay knows them.
    if (this.#spare === undefined) makeFile(path)
    else renameSync(join(this.#directory, fileName(this.#spare)), path)
    this.#spare = number
    syncDirectory(this.#directory)
    this.#fd = openSync(path, 'r+')
    this.#spare = undefined
    this.#at = 0
    this.#files.push({ number, lastGroup: 0 })
    return this.#fd
  }
}

/** Where there is no room for all of it, none is taken. */
function makeFile(path: string): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    const zeros = Buffer.alloc(1 << 20)
    for (let at = 0; at < fileBytes; at += zeros.length) writeAll(fd, [zeros], at)
    fsyncSync(fd)
  } catch (error) {
    unlinkSync(path)
    throw error
  } finally {
    closeSync(fd)
  }
}

function listFiles(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => /^\d{8,}\.log$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b)
}

/** Group by group, since most of a file is room for more: reading all of it would keep as much memory. */
function* readGroups(path: string): Generator<JournalGroup> {
  const fd = openSync(path, 'r')
  try {
    const { size } = fstatSync(fd)
    let last = 0
    for (let at = 0; at + headerBytes + 4 <= size;) {
      const header = readPart(fd, at, headerBytes)
      if (header.readUInt32BE(0) !== magic) return
      const length = header.readUInt32BE(4)
      const group = header.readUIntBE(8, 6)
      const end = at + headerBytes + length
      if (end + 4 > size || group <= last) return
      const rest = readPart(fd, at + headerBytes, length + 4)
      const payload = rest.subarray(0, length)
      if (crc32(header, crc32(payload)) !== rest.readUInt32BE(length)) return
      yield { group, payload }
      last = group
      at = end + 4
    }
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  } finally {
    closeSync(fd)
  }
}

/** Throws where the file is shorter than it was. */
function readPart(fd: number, at: number, length: number): Buffer {
  const part = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < length;) {
    const read = readSync(fd, part, done, length - done, at + done)
    if (read === 0) throw new Error('it became shorter meanwhile')
    done += read
  }
  return part
}

/** Most systems take at most 1024 buffers in one call. */
const maxVector = 512

function writeAll(fd: number, buffers: readonly Uint8Array[], position: number): void {
  let at = position
  let left = buffers.filter((buffer) => buffer.length > 0)
  while (left.length > 0) {
    let written = writevSync(fd, left.slice(0, maxVector), at)
    at += written
    while (left.length > 0 && written >= left[0]!.length) {
      written -= left[0]!.length
      left = left.slice(1)
    }
    if (written > 0) left = [left[0]!.subarray(written), ...left.slice(1)]
  }
}
