using 'main.bicep'

param environment = 'prod'
param location = 'westeurope'
param hubs = [
  { suffix: 'a', sku: 'S2', units: 2 }
  { suffix: 'b', sku: 'S2', units: 2 }
]
param size = {
  throughputUnits: 4
  throughputUnitsMax: 20
  partitions: 32
  maximumInstances: 100
  webhookInstances: 2
}
param opsEmail = 'ops@example.com'
param apiClientId = '00000000-0000-0000-0000-000000000000'
param isolated = true
param zoneRedundant = true
param hardwareKeys = true
param forensics = true
param monthlyBudget = 3500
param budgetStart = '2026-12-01'
