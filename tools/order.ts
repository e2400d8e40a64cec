/**
 * The ordered folder list of docs/design.md and the checker of imports against it. What must hold: a file
 * imports its own folder, an earlier one, node:*, and the npm packages listed for it; folders of group 4 do
 * not import each other; group 1 is pure; the parts of a folder have an order too. Tests may import anything,
 * but only from src, node:* and npm. Run alone, it prints what it found.
 */
import path from 'node:path'
import { separate } from './source-text.ts'
import { type Finding, lineAt, readSources, reportFindings, type SourceFile } from './tree.ts'

/** Folders of src in order, in groups 0 to 5. A file may import its own folder or one that stands earlier. */
export const groups: readonly (readonly string[])[] = [
  ['base'],
  ['settings', 'telemetry', 'expression', 'message', 'ical', 'vcard', 'sieve', 'mailauth'],
  ['bus', 'kv', 'net', 'http', 'dns', 'blob', 'lookup', 'search', 'tasks'],
  ['registry', 'observe', 'cluster', 'account', 'cert', 'queue', 'report', 'groupware', 'spam', 'mail'],
  ['smtp', 'imap', 'pop3', 'managesieve', 'jmap', 'dav', 'admin'],
  ['server', 'cli'],
]

/**
 * The same for the parts of a folder that has many: a file in one imports its own part or an earlier one. Files that
 * stand beside the parts may import any, and be imported by any, without a circle.
 */
export const parts: { readonly [folder: string]: readonly string[] } = {
  imap: [
    'wire',
    'namespace',
    'fetch',
    'session',
    'mailbox',
    'search',
    'url',
    'append',
    'selected',
    'notify',
    'commands',
  ],
  server: ['terminal', 'store', 'offline', 'listeners', 'services', 'background', 'diagnosis', 'web'],
}

const folders = groups.flat()
const protocols = groups[4] as readonly string[]
const pure = new Set(groups[1])

/** Which files may import an npm package: a folder with its slash, or one file. */
const packages: { readonly [name: string]: readonly string[] } = {
  '@hono/node-server': ['http/'],
  '@node-rs/argon2': ['account/verifiers/argon2.ts'],
  '@zxcvbn-ts/core': ['account/strength.ts'],
  '@zxcvbn-ts/language-common': ['account/strength.ts'],
  '@zxcvbn-ts/language-en': ['account/strength.ts'],
  asn1js: ['mailauth/'],
  pkijs: ['mailauth/'],
  bcryptjs: ['account/verifiers/bcrypt.ts'],
  commander: ['cli/'],
  fflate: ['report/unpack.ts', 'search/office-text.ts'],
  hono: ['http/', 'jmap/', 'dav/', 'admin/'],
  http_ece: ['jmap/push-message.ts'],
  'iconv-lite': ['message/charset.ts'],
  lmdb: ['kv/engines/lmdb.ts'],
  re2js: ['base/pattern.ts'],
  'snowball-stemmers': ['search/languages.ts'],
  tinyld: ['search/languages.ts'],
  saxes: ['mailauth/aggregate-report-reader.ts', 'mailauth/bimi-svg.ts'],
  'smol-toml': ['settings/'],
  ws: ['jmap/websocket.ts', 'jmap/websocket-session.ts'],
  unpdf: ['search/pdf-text.ts'],
  zod: ['base/schema.ts'],
}

// `module` is for a library whose tables are loaded when they are first needed; `zlib` only computes.
const pureBuiltins = new Set(['buffer', 'crypto', 'module', 'string_decoder', 'url', 'util', 'zlib'])

/** Loads the rest of the program by the role of the thread. */
const entry = 'src/server/main.ts'

const impurities: readonly [RegExp, string][] = [
  [/\bDate\.now\b/g, 'the clock is a parameter'],
  [/\bnew Date\(\s*\)/g, 'the clock is a parameter'],
  [/\bperformance\.now\b/g, 'the clock is a parameter'],
  [/\bMath\.random\b/g, 'randomness is a parameter'],
  [/\b(?:randomBytes|randomUUID|randomInt|getRandomValues)\b/g, 'randomness is a parameter'],
  [/\bset(?:Timeout|Interval|Immediate)\b/g, 'no timers'],
  [/\bprocess\.(?!versions\b)\w+/g, 'no process state'],
  [/(?<![.\w])fetch\(/g, 'no I/O'],
]

const importForms: readonly { readonly form: RegExp; readonly dynamic: boolean }[] = [
  { form: /^\s*import\s[^'"]*?\bfrom\s*['"]([^'"]+)['"]/gm, dynamic: false },
  { form: /^\s*export\s+(?:type\s+)?[*{][^'"]*?\bfrom\s*['"]([^'"]+)['"]/gm, dynamic: false },
  { form: /^\s*import\s*['"]([^'"]+)['"]/gm, dynamic: false },
  { form: /\bimport\(\s*['"`]([^'"`]+)/g, dynamic: true },
]

interface Import {
  readonly specifier: string
  readonly line: number
  readonly dynamic: boolean
}

export function importsOf(withoutComments: string): readonly Import[] {
  return importForms.flatMap(({ form, dynamic }) =>
    [...withoutComments.matchAll(form)].map((match) => {
      const specifier = match[1] as string
      const offset = match.index + match[0].lastIndexOf(specifier)
      return { specifier, line: lineAt(withoutComments, offset), dynamic }
    }),
  )
}

/** Checks the files below src/; others are ignored. */
export function checkOrder(files: readonly SourceFile[]): readonly Finding[] {
  return files.filter(({ path }) => path.startsWith('src/')).flatMap(checkFile)
}

function checkFile(file: SourceFile): readonly Finding[] {
  const folder = file.path.split('/')[1] as string
  const error = (line: number, message: string): Finding => ({
    path: file.path,
    line,
    message,
    level: 'error',
  })
  if (!folders.includes(folder)) return [error(0, `folder ${folder} is not in the list of tools/order.ts`)]
  const isTest = /(\.test|\/suite)\.ts$/.test(file.path)
  const { withoutComments, code } = separate(file.text)
  const findings = importsOf(withoutComments).flatMap((one) => {
    const problem = isTest ? testProblem(file.path, one) : importProblem(file.path, folder, one)
    return problem === undefined ? [] : [error(one.line, `${one.specifier}: ${problem}`)]
  })
  if (isTest || !pure.has(folder)) return findings
  const impure = impurities.flatMap(([pattern, why]) =>
    [...code.matchAll(pattern)].map((match) =>
      error(lineAt(code, match.index), `${match[0]}: ${why}, ${folder}/ is pure`),
    ),
  )
  return [...findings, ...impure]
}

// A test may also stand on what test/ holds, such as the server it starts.
function testProblem(file: string, { specifier }: Import): string | undefined {
  if (!specifier.startsWith('.') || path.posix.join(path.dirname(file), specifier).startsWith('test/'))
    return undefined
  return relativeProblem(file, specifier)
}

/** What only rare work needs, and a library with it: loaded when that work comes (`start-imports.test.ts`). */
const late: ReadonlySet<string> = new Set([
  'src/mailauth/aggregate-report-reader.ts',
  'src/mailauth/bimi-svg.ts',
  'src/mailauth/bimi-vmc.ts',
  'src/report/unpack.ts',
  'src/search/office-text.ts',
])

const isLate = (file: string, specifier: string): boolean =>
  late.has(
    specifier.startsWith('#')
      ? `src/${specifier.slice(1)}`
      : path.posix.join(path.posix.dirname(file), specifier),
  )

function importProblem(file: string, folder: string, one: Import): string | undefined {
  const { specifier, dynamic } = one
  if (
    dynamic &&
    file !== entry &&
    !/\/engines\/|^#?observe\//.test(specifier) &&
    packages[packageOf(specifier)] === undefined &&
    !isLate(file, specifier)
  ) {
    return `dynamic imports are for engines, exporters, what only rare work needs and ${entry}`
  }
  if (specifier.startsWith('.')) return relativeProblem(file, specifier) ?? partProblem(file, specifier)
  if (specifier.startsWith('#')) return folderProblem(folder, specifier)
  if (specifier.startsWith('node:')) return builtinProblem(folder, specifier.slice('node:'.length))
  return packageProblem(file, packageOf(specifier))
}

// Relative paths stay inside a folder of src and its subfolders; anything else is reached by #folder/.
function relativeProblem(file: string, specifier: string): string | undefined {
  const target = path.posix.join(path.dirname(file), specifier)
  const folder = file.split('/').slice(0, 2).join('/')
  return target.startsWith(`${folder}/`) ? undefined : 'other folders are imported as #folder/file.ts'
}

function partProblem(file: string, specifier: string): string | undefined {
  const [, folder = '', own = '', ...inside] = file.split('/')
  const order = parts[folder]
  if (order === undefined || inside.length === 0) return undefined
  if (!order.includes(own)) return `part ${own} of ${folder}/ is not in the list of tools/order.ts`
  const [, , target = ''] = path.posix.join(path.dirname(file), specifier).split('/')
  return order.indexOf(target) > order.indexOf(own) ? `${target}/ comes after ${own}/` : undefined
}

function folderProblem(own: string, specifier: string): string | undefined {
  const target = specifier.slice(1).split('/')[0] as string
  if (!folders.includes(target)) return `there is no folder ${target} in the list`
  if (target === own) return undefined
  if (protocols.includes(own) && protocols.includes(target)) return 'protocols do not import each other'
  if (folders.indexOf(target) > folders.indexOf(own)) return `${target}/ comes after ${own}/`
  return undefined
}

function builtinProblem(own: string, name: string): string | undefined {
  if (name.startsWith('test')) return 'only tests import the test runner'
  if (pure.has(own) && !pureBuiltins.has(name)) return `${own}/ is pure`
  return undefined
}

function packageProblem(file: string, name: string): string | undefined {
  const allowed = packages[name]
  if (allowed === undefined) return 'this package is not in the list of tools/order.ts'
  const own = file.slice('src/'.length)
  if (allowed.some((place) => (place.endsWith('/') ? own.startsWith(place) : own === place))) return undefined
  return `only ${allowed.join(', ')} may import this package`
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] as string)
}

if (import.meta.main) reportFindings(checkOrder(readSources()))
