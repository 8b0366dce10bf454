metadata name = 'Function app identity'
metadata description = 'One user-assigned identity a function app. Every right an app has hangs on it, and nothing else uses it.'
metadata trust = 'Trusted for its own app only: whoever runs code in the app holds exactly the roles that infra/README.md lists for it.'

@description('Required. Name of the identity.')
param name string

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
