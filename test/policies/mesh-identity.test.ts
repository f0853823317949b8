import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshIdentity } from './rows/mesh-identity.ts'

testPolicy(t, meshIdentity)
