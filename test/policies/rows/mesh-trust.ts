import type { Lab } from '../../support/lab.ts'
import { testCa, testLeaf } from '../../support/pki.ts'
import type { PolicyTable } from '../../support/policy-table.ts'
import { allowAll } from './mesh-identity.ts'

const friends = testCa('Friends')
const strangers = testCa('Strangers')
const friend = testLeaf(friends, 'spiffe://friends.test/somebody')

const status = async (lab: Lab): Promise<number> =>
  (await lab.settled(lab.ask('/', { show: friend }))).status

const trust = (domain: string, pem: string): string =>
  `{trustDomain: ${domain}, caBundles: [{type: Pem, pem: {value: ${JSON.stringify(pem)}}}]}`

export const meshTrust: PolicyTable = {
  kind: 'MeshTrust',
  section: 'spec',
  mtls: true,
  beside: allowAll,
  rows: [
    {
      field: 'trustDomain',
      shows: 'is a domain whose members may connect besides ours',
      listener: 'inbound',
      set: trust('friends.test', friends.certificate),
      unset: trust('others.test', friends.certificate),
      drive: status,
      expect: 200,
      otherwise: 0,
    },
    {
      field: 'caBundles[].pem.value',
      also: ['caBundles[].type'],
      shows: 'are the authorities that vouch for them',
      listener: 'inbound',
      set: trust('friends.test', friends.certificate),
      unset: trust('friends.test', strangers.certificate),
      drive: status,
      expect: 200,
      otherwise: 0,
    },
  ],
}
