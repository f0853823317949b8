import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshTrust } from './rows/mesh-trust.ts'

testPolicy(t, meshTrust)
