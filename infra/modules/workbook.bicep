metadata name = 'Workbook'
metadata description = 'One page for the people on call: verdicts, refusals by fault code, outages, callers, keys.'
metadata trust = 'Not trusted: it shows what is in the workspace and can change nothing.'

@description('Required. Azure region.')
param location string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Name shown.')
param title string

@description('Required. Log Analytics workspace the queries run in.')
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'pipeline')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    version: '1.0'
    sourceId: workspaceId
    serializedData: string(loadJsonContent('../workbook.json'))
  }
}

output id string = workbook.id
