/**
 * Installs the programs that the tests here drive. Does nothing, and says nothing, where all are there. Called
 * as root, where apt-get is; exit code 1 when a package cannot be had.
 */
import { install } from './apt.ts'
import { packageOf, programs, unpacked } from './debian-packages.ts'
import { locate } from './program.ts'
import { unpack } from './unpack.ts'

const missing = programs.filter((program) => locate(program) === undefined)
const packages = [
  ...new Set(missing.filter((program) => !(program in unpacked)).flatMap((program) => packageOf[program])),
]
if (packages.length > 0) {
  process.stdout.write(`installing ${packages.join(', ')}\n`)
  if (!install(packages)) process.exitCode = 1
}
for (const program of missing.filter((one) => one in unpacked)) {
  process.stdout.write(`unpacking ${packageOf[program].join(', ')}\n`)
  if (!unpack(program)) process.exitCode = 1
}
