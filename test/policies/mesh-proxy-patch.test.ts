import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshProxyPatch } from './rows/mesh-proxy-patch.ts'

testPolicy(t, meshProxyPatch)
