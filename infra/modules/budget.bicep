metadata name = 'Budget'
metadata description = 'Tells when the month costs more than was meant. A budget stops nothing.'
metadata trust = 'Not trusted to protect: cost data comes hours late. A flood is stopped by quotas and by the limits of each app.'

@description('Required. Name of the budget.')
param name string

@description('Required. Amount a month, in the currency of the subscription.')
@minValue(1)
param monthlyAmount int

@description('Required. First day of the month of the first deployment, as yyyy-MM-01; not to be changed later.')
param start string

@description('Required. Mail address of the people on call.')
param opsEmail string

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: monthlyAmount
    timeGrain: 'Monthly'
    timePeriod: { startDate: start }
    notifications: {
      actual80: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: [opsEmail]
      }
      forecast100: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [opsEmail]
      }
    }
  }
}
