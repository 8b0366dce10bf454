using 'main.bicep'

param environment = 'dev'
param location = 'westeurope'
param hubs = [{ suffix: 'a', sku: 'S1', units: 1 }]
param size = {
  throughputUnits: 1
  throughputUnitsMax: 1
  partitions: 4
  maximumInstances: 40
  webhookInstances: 1
}
param opsEmail = 'ops@example.com'
param apiClientId = '00000000-0000-0000-0000-000000000000'
param monthlyBudget = 250
param budgetStart = '2026-12-01'
