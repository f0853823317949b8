#!/usr/bin/env -S node --max-semi-space-size=4 --optimize-for-size
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 12 does not know it
'use strict'

// The `outrider` command. In words that Node 12 understands, so that an old Node can hand over to the one installed
// beside us, or say in one line what is missing.
const { spawn } = require('child_process')
const path = require('path')
const { pathToFileURL } = require('url')

const main = path.join(__dirname, '..', 'dp-agent', 'main.js')
const oldest = 24

/** The Node of the optional dependency for this machine; null when it is not installed. */
function installedNode() {
  try {
    return require.resolve(`node-${process.platform}-${process.arch}/bin/node`)
  } catch (_error) {
    return null
  }
}

function handOver(node) {
  const child = spawn(node, [main].concat(process.argv.slice(2)), { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('exit', (code) => process.exit(code === null ? 70 : code))
}

if (Number(process.versions.node.split('.')[0]) >= oldest) import(pathToFileURL(main).href)
else {
  const node = installedNode()
  if (node !== null) handOver(node)
  else {
    console.error(`outrider needs Node ${oldest} or newer; this is ${process.version}`)
    process.exit(2)
  }
}
