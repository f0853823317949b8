import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readVariables } from '../config/kuma-cp/dataplane-template.ts'
import type { Sidecar, TransparentProxy } from '../config/kuma-cp/node.ts'
import { type OwnDataplane, readOwnDataplane } from '../config/kuma-cp/own-dataplane.ts'
import { readTransparentProxy, usualInterception } from '../config/kuma-cp/transparent-proxy.ts'
import type { SourceProblem } from '../config/source.ts'
import type { SocketAddress } from './cli/option.ts'
import type { Terminal } from './dispatch.ts'
import type { RunOptions } from './options.ts'

/** The Dataplane that the options bring along, null when they bring none; or what is wrong: with the usage, or with it. */
export type Brought =
  | {
      readonly ok: true
      readonly dataplane: OwnDataplane | null
      readonly problems: readonly SourceProblem[]
    }
  | {
      readonly ok: false
      readonly usage: string | null
      readonly problems: readonly SourceProblem[]
    }

const wrongUsage = (usage: string): Brought => ({ ok: false, usage, problems: [] })

/** Reads the template of `--dataplane-file` or `--dataplane`; the file wins, as with kuma-dp. */
export function broughtDataplane(options: RunOptions): Brought {
  const { dataplane: inline, dataplaneFile, dataplaneVar, name, mesh } = options
  const read = readVariables(dataplaneVar)
  if (!read.ok) return wrongUsage(`--dataplane-var ${read.message}`)
  if (inline === null && dataplaneFile === null) return { ok: true, dataplane: null, problems: [] }
  let template: { readonly path: string; readonly text: string }
  try {
    template = dataplaneFile === null ? inlineTemplate(inline) : fileTemplate(dataplaneFile)
  } catch (error) {
    return wrongUsage(`--dataplane-file cannot be read: ${String(error)}`)
  }
  const { dataplane, problems } = readOwnDataplane(template, read.variables)
  if (dataplane === null) return { ok: false, usage: null, problems }
  if (name !== null && name !== dataplane.name)
    return wrongUsage(`--name is "${name}", the Dataplane is called "${dataplane.name}"`)
  if (mesh !== 'default' && mesh !== dataplane.mesh)
    return wrongUsage(`--mesh is "${mesh}", the Dataplane is in "${dataplane.mesh}"`)
  return { ok: true, dataplane, problems }
}

const inlineTemplate = (text: string | null) => ({ path: '--dataplane', text: text ?? '' })

const fileTemplate = (path: string) =>
  path === '-'
    ? { path: 'standard input', text: readFileSync(0, 'utf8') }
    : { path, text: readFileSync(path, 'utf8') }

/** A directory of our own for sockets. */
export interface WorkDir {
  readonly path: string
  /** Removes it if it was made for this process. */
  close(): void
}

export function openWorkDir(wanted: string | null): WorkDir {
  if (wanted !== null) {
    mkdirSync(wanted, { recursive: true, mode: 0o711 })
    return { path: wanted, close() {} }
  }
  const path = mkdtempSync(join(tmpdir(), 'outrider-'))
  return { path, close: () => rmSync(path, { recursive: true, force: true }) }
}

const defaultAdminPort = 9901

/** Where the admin server goes: the port of the Dataplane counts unless `--admin` names another than the usual one. */
export function adminAddress({ admin }: RunOptions, dataplane: OwnDataplane | null): SocketAddress {
  const port = dataplane?.adminPort ?? null
  return port === null || admin.port !== defaultAdminPort ? admin : { ...admin, port }
}

/** The port on which the control plane will look for a Dataplane's admin pages, where that is not the one they are on; else null. */
export function missedAdminPort(
  admin: SocketAddress,
  dataplane: OwnDataplane | null,
): number | null {
  const asked = dataplane?.adminPort ?? defaultAdminPort
  return dataplane === null || admin.port === 0 || admin.port === asked ? null : asked
}

/** Bundles of roots as systems keep them. Source: Go `crypto/x509/root_linux.go`, as kuma-dp. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** How connections are intercepted, null when they are not, or what is wrong with the option. */
export function interceptionOf({
  transparentProxy,
  transparentProxyConfig,
}: RunOptions): TransparentProxy | string | null {
  if (transparentProxyConfig !== null) return readTransparentProxy(transparentProxyConfig)
  return transparentProxy ? usualInterception : null
}

/** This process as a control plane is told of it. */
export function sidecarOf(
  options: RunOptions,
  { env, version }: Pick<Terminal, 'env' | 'version'>,
  { name, mesh, dataplane }: { name: string; mesh: string; dataplane: OwnDataplane | null },
  workDir: string,
): Sidecar {
  const interception = interceptionOf(options)
  return {
    version,
    nodeVersion: process.version,
    mesh,
    name,
    dataplane: dataplane?.json ?? null,
    admin: adminAddress(options, dataplane),
    workDir,
    bindOutbounds: options.bindOutbounds,
    transparentProxy: typeof interception === 'string' ? null : interception,
    dnsPort: options.dnsEnabled ? options.dnsProxyPort : 0,
    metricsCertificate: {
      certPath: options.metricsCertPath ?? '',
      keyPath: options.metricsKeyPath ?? '',
    },
    spire: { supported: options.spireSupported, socketPath: options.spireSocketPath ?? '' },
    systemCaPath: systemBundles.find((path) => existsSync(path)) ?? '',
    ipv6: Object.values(networkInterfaces()).some((addresses) =>
      addresses?.some(({ family }) => family === 'IPv6'),
    ),
    dynamicMetadata: env.HOST_IP === undefined ? {} : { HOST_IP: env.HOST_IP },
  }
}
