import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshExternalService } from './rows/mesh-external-service.ts'

testPolicy(t, meshExternalService)
