import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

// Parts are named after what is in them: those of an earlier build would be packed with ours.
rmSync('dist/dp-agent', { recursive: true, force: true })

/**
 * The program as production runs it: `dist/dp-agent/main.js` and `dist/worker.js` with what they need of our code and the
 * small packages in a few files. Measured: 13 MB less resident memory than the same modules one by one, and a start twice
 * as fast. What only some commands load stays a package.
 */
await build({
  entryPoints: { 'dp-agent/main': 'dp-agent/main.ts', worker: 'dp-agent/worker.ts' },
  outdir: 'dist',
  chunkNames: 'dp-agent/[name]-[hash]',
  bundle: true,
  splitting: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  external: ['@opentelemetry/*', 'http-proxy-3', 'node-forge', 'undici'],
  banner: {
    js: "import{createRequire as outriderRequire}from'node:module';const require=outriderRequire(import.meta.url);",
  },
})
mkdirSync('dist/bin', { recursive: true })
cpSync('dp-agent/launcher.cjs', 'dist/bin/outrider.cjs')
cpSync('dp-agent/admin/page', 'dist/dp-agent/page', { recursive: true })
