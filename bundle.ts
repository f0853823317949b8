import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const [outdir = 'dist'] = process.argv.slice(2)
// Parts are named after what is in them: those of an earlier build would be packed with ours.
rmSync(join(outdir, 'dp-agent'), { recursive: true, force: true })

/**
 * The program as production runs it: `dist/dp-agent/main.js` and `dist/worker.js` with what they need of our code and the
 * small packages in a few files. Measured: 13 MB less resident memory than the same modules one by one, and a start twice
 * as fast. What only some commands load stays a package.
 */
await build({
  entryPoints: { 'dp-agent/main': 'dp-agent/main.ts', worker: 'dp-agent/worker.ts' },
  outdir,
  chunkNames: 'dp-agent/[name]-[hash]',
  bundle: true,
  splitting: true,
  // Not the names: stack traces show them, and `keepNames` would define one anew for each closure, per request and per resource.
  minifySyntax: true,
  minifyWhitespace: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  external: ['@opentelemetry/*', 'http-proxy-3', 'node-forge', 'undici'],
  banner: {
    js: "import{createRequire as outriderRequire}from'node:module';const require=outriderRequire(import.meta.url);",
  },
})
mkdirSync(join(outdir, 'bin'), { recursive: true })
cpSync('dp-agent/launcher.cjs', join(outdir, 'bin/outrider.cjs'))
cpSync('dp-agent/admin/page', join(outdir, 'dp-agent/page'), { recursive: true })
