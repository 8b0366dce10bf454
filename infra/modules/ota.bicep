metadata name = 'OTA distribution'
metadata description = 'Front Door before the public OTA container: TLS, caching by the origin headers, nothing else reachable.'
metadata trust = 'Not trusted: a hostile mirror can only withhold. Devices check every byte against signed metadata.'

@description('Required. Name of the Front Door profile.')
param name string

@description('Required. Tags of the deployment.')
param tags object

@description('Required. Blob host of the OTA account, without scheme.')
param originHost string

@description('Required. Workspace for diagnostics.')
param workspaceId string

resource profile 'Microsoft.Cdn/profiles@2024-09-01' = {
  name: name
  location: 'global'
  tags: tags
  sku: { name: 'Standard_AzureFrontDoor' }
  properties: { originResponseTimeoutSeconds: 60 }

  resource endpoint 'afdEndpoints' = {
    name: 'ota'
    location: 'global'
    tags: tags
    properties: { enabledState: 'Enabled' }

    resource route 'routes' = {
      name: 'ota'
      properties: {
        originGroup: { id: originGroup.id }
        originPath: '/ota'
        patternsToMatch: ['/*']
        supportedProtocols: ['Https']
        httpsRedirect: 'Disabled'
        forwardingProtocol: 'HttpsOnly'
        linkToDefaultDomain: 'Enabled'
        // timestamp.json is published no-cache, everything else immutable: the origin headers decide.
        cacheConfiguration: { queryStringCachingBehavior: 'IgnoreQueryString' }
        enabledState: 'Enabled'
      }
      dependsOn: [originGroup::origin]
    }
  }

  resource originGroup 'originGroups' = {
    name: 'blobs'
    properties: {
      loadBalancingSettings: { sampleSize: 4, successfulSamplesRequired: 3, additionalLatencyInMilliseconds: 50 }
      sessionAffinityState: 'Disabled'
    }

    resource origin 'origins' = {
      name: 'blobs'
      properties: {
        hostName: originHost
        originHostHeader: originHost
        httpsPort: 443
        enforceCertificateNameCheck: true
        enabledState: 'Enabled'
        priority: 1
        weight: 1000
      }
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: profile
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output host string = profile::endpoint.properties.hostName
