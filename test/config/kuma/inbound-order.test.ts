import t from 'tap'
import { viewMesh } from '../../../config/kuma/mesh-view.ts'
import { confsByPeer } from '../../../config/kuma/per-peer.ts'
import { inboundEntries } from '../../../config/kuma/target-ref.ts'
import { resourcesOf } from '../../support/kuma.ts'

const mesh = `
type: Mesh
name: default
skipCreatingInitialPolicies: ['*']
---
type: Dataplane
name: web-1
labels: {app: web}
networking:
  address: 10.0.0.1
  inbound:
    - {port: 8080, servicePort: 9080, name: main, tags: {kuma.io/service: web, version: v1}}
    - {port: 8081, servicePort: 9081, name: admin, tags: {kuma.io/service: web-admin}}
`

/** A policy: name, `targetRef`, labels, and either `from` or `rules`, each entry a caller and a time-out. */
interface Row {
  readonly name: string
  readonly top?: string
  readonly labels?: string
  readonly from?: readonly (readonly [ref: string, idle: string])[]
  readonly rules?: readonly (readonly [matches: string, idle: string])[]
}

const text = ({ name, top = '{kind: Mesh}', labels = '{}', from, rules }: Row): string => {
  const entries = (list: Row['from'], key: string) =>
    list?.map(([value, idle]) => `{${key}: ${value}, default: {idleTimeout: ${idle}}}`).join(', ')
  const body =
    from === undefined
      ? `rules: [${entries(rules, 'matches')}]`
      : `from: [${entries(from, 'targetRef')}]`
  return `---\ntype: MeshTimeout\nname: ${name}\nlabels: ${labels}\nspec: {targetRef: ${top}, ${body}}\n`
}

const everyone = '{kind: Mesh}'
const exact = (id: string) => `[{spiffeID: {type: Exact, value: "spiffe://td/${id}"}}]`
const prefix = (id: string) => `[{spiffeID: {type: Prefix, value: "spiffe://td/${id}"}}]`
const sni = (name: string) => `[{sni: {type: Exact, value: ${name}}}]`

/** Policies in any order, and what each set of callers gets at the inbound `main`, the narrowest first. */
const rows: readonly (readonly [
  title: string,
  policies: readonly Row[],
  callers: readonly string[],
  inbound?: string,
])[] = [
  ['from holds for everyone', [{ name: 'a', from: [[everyone, '1s']] }], ['everyone 1s']],
  ['rules without matches do, too', [{ name: 'a', rules: [['[]', '1s']] }], ['everyone 1s']],
  [
    'of two equals the smaller name wins',
    [
      { name: 'b', rules: [['[]', '2s']] },
      { name: 'a', rules: [['[]', '1s']] },
    ],
    ['everyone 1s'],
  ],
  [
    'the same in from',
    [
      { name: 'b', from: [[everyone, '2s']] },
      { name: 'a', from: [[everyone, '1s']] },
    ],
    ['everyone 1s'],
  ],
  [
    'a section of the proxy beats its labels',
    [
      { name: 'a', top: '{kind: Dataplane, labels: {app: web}}', rules: [['[]', '1s']] },
      { name: 'b', top: '{kind: Dataplane, sectionName: main}', rules: [['[]', '2s']] },
    ],
    ['everyone 2s'],
  ],
  [
    'another section does not hold',
    [
      { name: 'a', rules: [['[]', '1s']] },
      { name: 'b', top: '{kind: Dataplane, sectionName: admin}', rules: [['[]', '2s']] },
    ],
    ['everyone 1s'],
  ],
  [
    'for the other inbound it does',
    [
      { name: 'a', rules: [['[]', '1s']] },
      { name: 'b', top: '{kind: Dataplane, sectionName: admin}', rules: [['[]', '2s']] },
    ],
    ['everyone 2s'],
    'admin',
  ],
  [
    'a section may be the port',
    [
      { name: 'a', rules: [['[]', '1s']] },
      { name: 'b', top: '{kind: Dataplane, sectionName: "8080"}', rules: [['[]', '2s']] },
    ],
    ['everyone 2s'],
  ],
  [
    '2.x: the service of the inbound beats the mesh',
    [
      { name: 'a', from: [[everyone, '1s']] },
      { name: 'b', top: '{kind: MeshService, name: web}', from: [[everyone, '2s']] },
    ],
    ['everyone 2s'],
  ],
  [
    '2.x: the service of another inbound does not hold',
    [
      { name: 'a', from: [[everyone, '1s']] },
      { name: 'b', top: '{kind: MeshService, name: web}', from: [[everyone, '2s']] },
    ],
    ['everyone 1s'],
    'admin',
  ],
  [
    '2.x: a part of the service beats the service',
    [
      { name: 'a', top: '{kind: MeshService, name: web}', from: [[everyone, '1s']] },
      {
        name: 'b',
        top: '{kind: MeshServiceSubset, name: web, tags: {version: v1}}',
        from: [[everyone, '2s']],
      },
    ],
    ['everyone 2s'],
  ],
  [
    '2.x: tags beat the mesh',
    [
      { name: 'a', from: [[everyone, '1s']] },
      { name: 'b', top: '{kind: MeshSubset, tags: {version: v1}}', from: [[everyone, '2s']] },
    ],
    ['everyone 2s'],
  ],
  [
    '2.x: an entry for a service lies over that for everyone',
    [
      {
        name: 'a',
        from: [
          ['{kind: MeshService, name: client}', '2s'],
          [everyone, '1s'],
        ],
      },
    ],
    ['spiffe://default/client 2s', 'everyone 1s'],
  ],
  [
    'rules are over from, whatever their names',
    [
      { name: 'a', from: [[everyone, '1s']] },
      { name: 'b', rules: [['[]', '2s']] },
    ],
    ['everyone 2s'],
  ],
  [
    'one caller lies over everyone',
    [
      {
        name: 'a',
        rules: [
          ['[]', '1s'],
          [exact('x'), '2s'],
        ],
      },
    ],
    ['spiffe://td/x 2s', 'everyone 1s'],
  ],
  [
    'whichever policy it stands in',
    [
      { name: 'a', rules: [['[]', '1s']] },
      { name: 'b', rules: [[exact('x'), '2s']] },
    ],
    ['spiffe://td/x 2s', 'everyone 1s'],
  ],
  [
    'one caller comes before a prefix, a longer prefix before a shorter',
    [
      {
        name: 'a',
        rules: [
          [prefix('x/'), '1s'],
          [prefix('x/y/'), '2s'],
          [exact('x/y/z'), '3s'],
        ],
      },
    ],
    ['spiffe://td/x/y/z 3s', 'spiffe://td/x/y/* 2s', 'spiffe://td/x/* 1s'],
  ],
  [
    'a server name comes after callers and before everyone',
    [
      {
        name: 'a',
        rules: [
          ['[]', '1s'],
          [sni('s'), '2s'],
          [prefix('x/'), '3s'],
        ],
      },
    ],
    ['spiffe://td/x/* 3s', 'sni s 2s', 'everyone 1s'],
  ],
  [
    'of two policies for one caller the smaller name wins',
    [
      { name: 'b', rules: [[exact('x'), '2s']] },
      { name: 'a', rules: [[exact('x'), '1s']] },
    ],
    ['spiffe://td/x 1s'],
  ],
  [
    'a rule may name several callers',
    [
      {
        name: 'a',
        rules: [
          [
            '[{spiffeID: {type: Exact, value: "spiffe://td/x"}}, {sni: {type: Exact, value: s}}]',
            '1s',
          ],
        ],
      },
    ],
    ['spiffe://td/x 1s', 'sni s 1s'],
  ],
  [
    'a shadow policy is not applied',
    [
      { name: 'b', rules: [['[]', '2s']] },
      { name: 'a', labels: '{kuma.io/effect: shadow}', rules: [['[]', '1s']] },
    ],
    ['everyone 2s'],
  ],
  [
    'the zone beats the name',
    [
      { name: 'a', rules: [['[]', '1s']] },
      { name: 'b', labels: '{kuma.io/origin: zone}', rules: [['[]', '2s']] },
    ],
    ['everyone 2s'],
  ],
  [
    'the owner of the workload beats the consumer',
    [
      { name: 'a', labels: '{kuma.io/policy-role: consumer}', rules: [['[]', '1s']] },
      { name: 'b', labels: '{kuma.io/policy-role: workload-owner}', rules: [['[]', '2s']] },
    ],
    ['everyone 2s'],
  ],
]

for (const [title, policies, callers, name = 'main'] of rows) {
  t.test(`inbound order: ${title}`, async (t) => {
    for (const order of [policies, [...policies].reverse()]) {
      const view = viewMesh(resourcesOf(mesh + order.map(text).join('')), 'default')
      const proxy = view.proxies[0]!
      const inbound = proxy.inbounds.find((one) => one.name === name)!
      const confs = confsByPeer(inboundEntries(view, 'MeshTimeout', proxy, inbound))
      const shown = confs.map(({ peer, conf }) => {
        const id = peer?.spiffeId
        const caller = id
          ? `${id.value}${id.kind === 'prefix' ? '*' : ''}`
          : `sni ${peer?.sni?.value}`
        return `${peer === null ? 'everyone' : caller} ${(conf as { idleTimeout: string }).idleTimeout}`
      })
      t.same(shown, callers)
    }
  })
}
