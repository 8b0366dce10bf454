using 'main.bicep'

// For azd, which keeps these in its environment: azd env set OPS_EMAIL you@contoso.net, and so on.
param environment = readEnvironmentVariable('AZURE_ENV_NAME', 'dev')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param opsEmail = readEnvironmentVariable('OPS_EMAIL', 'nobody')
param apiClientId = readEnvironmentVariable('API_CLIENT_ID', 'none')
param budgetStart = readEnvironmentVariable('BUDGET_START', '2026-12-01')
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '250'))
param hubs = [{ suffix: 'a', sku: 'S1', units: 1 }]
param size = {
  throughputUnits: 1
  throughputUnitsMax: 1
  partitions: 4
  maximumInstances: 40
  webhookInstances: 1
}
