import t from 'tap'
import { testPolicy } from '../support/policy-table.ts'
import { meshMultiZoneService } from './rows/mesh-multi-zone-service.ts'

testPolicy(t, meshMultiZoneService)
