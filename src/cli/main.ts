/** The entry of the command line `postern`. */
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

// Whoever reads the output has seen enough, as in `postern query Account --all | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await run(process.argv.slice(2), processTerminal())
