/**
 * Checks of what is not code: relative links in documents lead somewhere, files that they name are there, the
 * lockfile names no registry, and no file of the repository holds words that belong to one machine.
 */
import path from 'node:path'
import { type Finding, lineAt, type SourceFile } from './tree.ts'

/** `files` are documents, `exists` tells whether a path from the root of the repository is there. */
export function checkLinks(
  files: readonly SourceFile[],
  exists: (file: string) => boolean,
): readonly Finding[] {
  return files.flatMap((file) => {
    const text = withoutCodeBlocks(file.text)
    return [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s+(\S+)/gm)].flatMap((match) => {
      const link = (match[1] ?? match[2]) as string
      if (/^([a-z][a-z+.-]*:|#)/i.test(link)) return []
      const target = decodeURIComponent(link.split('#')[0] as string)
      const place = target.startsWith('/')
        ? target.slice(1)
        : path.posix.join(path.dirname(file.path), target)
      if (exists(place)) return []
      const message = `dead link ${link}`
      return [{ path: file.path, line: lineAt(text, match.index), message, level: 'error' } as const]
    })
  })
}

/** What plans name may not exist yet. */
const plans = ['docs/design.md']

/** Files of the code that documents name in backquotes are there; patterns such as `src/<folder>/errors.ts` are not looked at. */
export function checkPaths(
  files: readonly SourceFile[],
  exists: (file: string) => boolean,
): readonly Finding[] {
  return files
    .filter((file) => !plans.includes(file.path))
    .flatMap((file) =>
      [...file.text.matchAll(/`((?:src|test|tools|bin)\/[\w./-]+)`/g)].flatMap((match): Finding[] => {
        const name = match[1] as string
        if (exists(name)) return []
        const line = lineAt(file.text, match.index)
        return [{ path: file.path, line, message: `there is no ${name}`, level: 'error' }]
      }),
    )
}

function withoutCodeBlocks(text: string): string {
  const blank = (block: string) => block.replace(/[^\n]/g, ' ')
  return text.replace(/^```[^]*?^```/gm, blank).replace(/`[^`\n]*`/g, blank)
}

/** npm must find every package by name, whatever registry the machine uses. */
export function checkLockfile(text: string): readonly Finding[] {
  return [...text.matchAll(/"resolved":/g)].map((match) => ({
    path: 'package-lock.json',
    line: lineAt(text, match.index),
    message: 'a registry address: install with the .npmrc of this repository, which omits it',
    level: 'error',
  }))
}

// Written in parts, so that this file passes its own check.
const forbidden: readonly [RegExp, string][] = [
  [new RegExp(`registry\\.${'npmjs'}\\.org|registry\\.${'yarnpkg'}\\.com`, 'g'), 'a registry host'],
  [
    new RegExp(`/${'work'}/(?:main|shared|tmp)|(?<![\\w.-])/${'home'}/\\w+/\\w`, 'g'),
    'a path of one machine',
  ],
  [
    new RegExp(`import\\.meta\\.url\\)\\.${'pathname'}`, 'g'),
    'no path where a folder has a space in its name, fileURLToPath gives one',
  ],
]

/** Words that no file of the repository may hold. Mail in test/corpus is data and exempt. */
export function checkWords(files: readonly SourceFile[]): readonly Finding[] {
  return files
    .filter((file) => !file.path.startsWith('test/corpus/'))
    .flatMap((file) =>
      forbidden.flatMap(([pattern, what]) =>
        [...file.text.matchAll(pattern)].map((match): Finding => {
          const line = lineAt(file.text, match.index)
          return { path: file.path, line, message: `${what}: ${match[0]}`, level: 'error' }
        }),
      ),
    )
}
