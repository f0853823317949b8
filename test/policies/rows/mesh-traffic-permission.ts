import { once } from 'node:events'
import { type Lab, labListeners } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'

const callers = ['frontend', 'batch', 'stranger'] as const

/** What each caller is answered; `plain` is one without a certificate. */
async function statuses(lab: Lab): Promise<unknown> {
  const seen: Record<string, number> = {}
  for (const as of callers) seen[as] = (await lab.settled(lab.ask('/', { as }))).status
  return seen
}

/** The same, and how many the shadow rules would have let pass and not. */
async function shadowed(lab: Lab): Promise<unknown> {
  const seen = await statuses(lab)
  const { counters } = lab.sidecar.http(labListeners.inbound)
  return {
    seen,
    shadow: [counters.rbac_shadow_allowed, counters.rbac_shadow_denied],
  }
}

/** Which callers get a byte through a TCP inbound. */
async function echoed(lab: Lab): Promise<unknown> {
  lab.services.app.serve = (socket) => socket.pipe(socket)
  const seen: Record<string, boolean> = {}
  for (const as of callers) {
    const socket = await lab.dial('inbound', as)
    socket.write('x')
    const heard = Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
      once(socket, 'end').then(() => false),
    ])
    seen[as] = await lab.settled(heard)
  }
  return seen
}

const id = (caller: string): string =>
  `{spiffeID: {type: Exact, value: 'spiffe://default/${caller}'}}`
const everyone = "{spiffeID: {type: Prefix, value: 'spiffe://default/'}}"
const all = { frontend: 200, batch: 200, stranger: 200 }
const none = { frontend: 403, batch: 403, stranger: 403 }
const only = { frontend: 200, batch: 403, stranger: 403 }

export const meshTrafficPermission: PolicyTable = {
  kind: 'MeshTrafficPermission',
  section: 'rules',
  mtls: true,
  rows: [
    {
      field: 'allow[].spiffeID.value',
      also: ['allow[].spiffeID.type'],
      shows: 'the caller may call, no other may; without a rule nobody may',
      set: `{allow: [${id('frontend')}]}`,
      unset: null,
      drive: statuses,
      expect: only,
      otherwise: none,
    },
    {
      field: 'allow[].spiffeID.type',
      shows: 'Prefix allows all whose identity begins so',
      set: `{allow: [${everyone}]}`,
      unset: "{allow: [{spiffeID: {type: Exact, value: 'spiffe://default/'}}]}",
      drive: statuses,
      expect: all,
      otherwise: none,
    },
    {
      field: 'allow[].sni.value',
      also: ['allow[].sni.type'],
      shows: 'callers that asked for this server name may call',
      set: '{allow: [{sni: {type: Exact, value: web}}]}',
      unset: '{allow: [{sni: {type: Exact, value: other}}]}',
      drive: statuses,
      expect: all,
      otherwise: none,
    },
    {
      field: 'deny[].spiffeID.value',
      also: ['deny[].spiffeID.type'],
      shows: 'wins over every allow',
      set: `{allow: [${everyone}], deny: [${id('batch')}]}`,
      unset: `{allow: [${everyone}]}`,
      drive: statuses,
      expect: { frontend: 200, batch: 403, stranger: 200 },
      otherwise: all,
    },
    {
      field: 'deny[].sni.value',
      also: ['deny[].sni.type'],
      shows: 'callers that asked for this server name may not call',
      set: `{allow: [${everyone}], deny: [{sni: {type: Exact, value: web}}]}`,
      unset: `{allow: [${everyone}], deny: [{sni: {type: Exact, value: other}}]}`,
      drive: statuses,
      expect: none,
      otherwise: all,
    },
    {
      field: 'allowWithShadowDeny[].spiffeID.value',
      also: ['allowWithShadowDeny[].spiffeID.type'],
      shows: 'the caller may call and is counted as one that should not',
      set: `{allow: [${id('frontend')}], allowWithShadowDeny: [${id('batch')}]}`,
      unset: `{allow: [${id('frontend')}]}`,
      drive: shadowed,
      expect: { seen: { frontend: 200, batch: 200, stranger: 403 }, shadow: [1, 2] },
      otherwise: { seen: only, shadow: [0, 0] },
    },
    {
      field: 'allowWithShadowDeny[].sni.value',
      also: ['allowWithShadowDeny[].sni.type'],
      shows: 'callers that asked for this server name are counted',
      set: '{allowWithShadowDeny: [{sni: {type: Exact, value: web}}]}',
      unset: null,
      drive: shadowed,
      expect: { seen: all, shadow: [0, 3] },
      otherwise: { seen: none, shadow: [0, 0] },
    },
    {
      field: 'allow[].spiffeID.value',
      shows: 'holds for connections of TCP',
      protocol: 'tcp',
      set: `{allow: [${id('frontend')}]}`,
      unset: null,
      drive: echoed,
      expect: { frontend: true, batch: false, stranger: false },
      otherwise: { frontend: false, batch: false, stranger: false },
    },
    {
      field: 'action',
      shows: 'Allow, of the callers named in from (2.x)',
      in: 'spec',
      listener: 'inbound',
      set: '{from: [{targetRef: {kind: MeshService, name: frontend}, default: {action: Allow}}]}',
      unset: null,
      drive: statuses,
      expect: only,
      otherwise: none,
    },
    {
      field: 'action',
      shows: 'Deny takes away what a wider Allow gives (2.x)',
      in: 'spec',
      listener: 'inbound',
      set: `{from: [
        {targetRef: {kind: Mesh}, default: {action: Allow}},
        {targetRef: {kind: MeshService, name: batch}, default: {action: Deny}}]}`,
      unset: '{from: [{targetRef: {kind: Mesh}, default: {action: Allow}}]}',
      drive: statuses,
      expect: { frontend: 200, batch: 403, stranger: 200 },
      otherwise: all,
    },
    {
      field: 'action',
      shows: 'AllowWithShadowDeny counts those that should not (2.x)',
      in: 'spec',
      listener: 'inbound',
      set: '{from: [{targetRef: {kind: Mesh}, default: {action: AllowWithShadowDeny}}]}',
      unset: '{from: [{targetRef: {kind: Mesh}, default: {action: Allow}}]}',
      drive: shadowed,
      expect: { seen: all, shadow: [0, 3] },
      otherwise: { seen: all, shadow: [0, 0] },
    },
  ],
}
