#!/usr/bin/env node
// The command line program `postern`. Runs the bundle where it fits the sources, else the sources. Plain
// JavaScript, since it must run on Node 20 up to the point where Node 24 takes over.

import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleOf, isFresh, sourceOf } from './bundle.js'
import { ensureInstalled, ensureNode, orAdvise } from './prepare.js'

await orAdvise(async () => {
  await ensureInstalled({ dev: false })
  await ensureNode(fileURLToPath(import.meta.url), process.argv.slice(2))
  const file = isFresh('cli') ? bundleOf('cli') : sourceOf('cli')
  process.argv.splice(1, 1, file)
  await import(pathToFileURL(file).href)
})
