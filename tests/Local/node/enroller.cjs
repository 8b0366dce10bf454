// A tool of manufacturing on azure-iot-provisioning-service: enrols, looks, lists, changes in bulk, deletes. Settings from stdin, results as
// JSON lines. Bulk and queries in callback form: the SDK's promise forms never resolve, or lose the continuation.
'use strict';
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const settings = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const say = (event, more) => console.log(JSON.stringify({ event, ...more }));
const credential = { getToken: async () => ({ token: settings.token, expiresOnTimestamp: Date.now() + 3600_000 }) };
const call = (start) => new Promise((resolve, reject) => start((error, result) => (error ? reject(error) : resolve(result))));

async function main() {
  const client = settings.token
    ? ProvisioningServiceClient.fromTokenCredential(settings.host, credential)
    : ProvisioningServiceClient.fromConnectionString(settings.connectionString);
  const x509 = (form) => ({ type: 'x509', x509: { [form]: { primary: { certificate: settings.cert } } } });
  const made = (await client.createOrUpdateIndividualEnrollment({ registrationId: 'node-x', attestation: x509('clientCertificates'), provisioningStatus: 'disabled' })).responseBody;
  say('made', { status: made.provisioningStatus, subject: made.attestation.x509.clientCertificates.primary.info.subjectName });
  made.provisioningStatus = 'enabled';
  const updated = (await client.createOrUpdateIndividualEnrollment(made)).responseBody;
  say('updated', { status: updated.provisioningStatus, changed: updated.etag !== made.etag });
  try {
    await client.createOrUpdateIndividualEnrollment(made); // the version it was read at
  } catch (error) {
    say('stale', { error: error.name });
  }
  const group = (await client.createOrUpdateEnrollmentGroup({ enrollmentGroupId: 'node-g', attestation: x509('signingCertificates') })).responseBody;
  say('grouped', { id: group.enrollmentGroupId, read: (await client.getEnrollmentGroup('node-g')).responseBody.etag === group.etag });

  const keys = Array.from({ length: 9 }, (_, i) => ({ registrationId: `node-${i}`, attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: settings.symmetricKey, secondaryKey: settings.symmetricKey } } }));
  const bulk = await call((done) => client.runBulkEnrollmentOperation({ mode: 'create', enrollments: [...keys, made] }, done));
  say('bulk', { ok: bulk.isSuccessful, failed: bulk.errors.map((error) => error.registrationId) });
  const query = client.createIndividualEnrollmentQuery({ query: 'SELECT * FROM enrollments' }, 4);
  const ids = [];
  while (query.hasMoreResults) ids.push(...(await call((done) => query.next(done))).map((item) => item.registrationId));
  say('listed', { ids });
  const secrets = (await client.getIndividualEnrollmentAttestationMechanism('node-0')).responseBody;
  say('secrets', { same: secrets.symmetricKey.primaryKey === settings.symmetricKey });

  await client.deleteIndividualEnrollment(updated);
  await client.deleteEnrollmentGroup('node-g');
  try {
    await client.getIndividualEnrollment('node-x');
  } catch (error) {
    say('missing', { status: error.response && error.response.statusCode });
  }
}

main().then(() => process.exit(0), (error) => { say('failed', { error: error.name, message: error.message }); process.exit(1); });
