/** This tree's server. */
import { type StartedServer } from './started.ts'

export async function startPostern(_accounts: number): Promise<StartedServer> {
  throw new Error('not yet')
}
