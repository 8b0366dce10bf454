// Runs steps with @azure/keyvault-keys against a vault on this machine. Settings come on stdin, one line of JSON goes to stdout.
const { KeyClient, CryptographyClient } = require("@azure/keyvault-keys");

const steps = {
  async getKey({ keys }, { name, version }) {
    const key = await keys.getKey(name, { version });
    return { id: key.id, version: key.properties.version, crv: key.key.crv, ops: key.keyOperations, enabled: key.properties.enabled, x: Buffer.from(key.key.x).toString("hex") };
  },
  async versions({ keys }, { name, pageSize }) {
    const pages = [];
    for await (const page of keys.listPropertiesOfKeyVersions(name).byPage({ maxPageSize: pageSize })) pages.push(page.map((one) => one.version));
    return pages;
  },
  async keys({ keys }) {
    const names = [];
    for await (const one of keys.listPropertiesOfKeys()) names.push(one.name);
    return names;
  },
  async sign({ crypto }, { id, algorithm, digest }) {
    const signed = await crypto(id).sign(algorithm, Buffer.from(digest, "hex"));
    return { keyId: signed.keyID, signature: Buffer.from(signed.result).toString("hex") };
  },
  async verify({ crypto }, { id, algorithm, digest, signature }) {
    return (await crypto(id).verify(algorithm, Buffer.from(digest, "hex"), Buffer.from(signature, "hex"))).result;
  },
  async create({ keys }, { name, curve, expiresOn, notBefore, tags }) {
    const key = await keys.createEcKey(name, { curve, keyOps: ["sign", "verify"], expiresOn: expiresOn && new Date(expiresOn), notBefore: notBefore && new Date(notBefore), tags });
    return { id: key.id, version: key.properties.version, expiresOn: key.properties.expiresOn, tags: key.properties.tags };
  },
  async importKey({ keys }, { name, jwk }) {
    const bytes = (text) => Buffer.from(text, "base64url");
    return (await keys.importKey(name, { kty: "EC", crv: "P-256", keyOps: ["sign", "verify"], x: bytes(jwk.x), y: bytes(jwk.y), d: bytes(jwk.d) })).id;
  },
  async disable({ keys }, { name, version }) {
    return (await keys.updateKeyProperties(name, version, { enabled: false })).properties.enabled;
  },
  async rotate({ keys }, { name }) {
    return (await keys.rotateKey(name)).properties.version;
  },
  async deleteAndRecover({ keys }, { name }) {
    const deleted = await (await keys.beginDeleteKey(name, { intervalInMs: 10 })).pollUntilDone();
    const again = await steps.refused({ keys }, { of: "create", name, curve: "P-256" });
    const recovered = await (await keys.beginRecoverDeletedKey(name, { intervalInMs: 10 })).pollUntilDone();
    return { recoveryId: deleted.properties.recoveryId, again, recovered: recovered.name };
  },
  async refused(clients, { of, ...rest }) {
    try {
      await steps[of](clients, rest);
      return null;
    } catch (error) {
      return { status: error.statusCode, code: error.code ?? error.details?.error?.code, message: error.message };
    }
  },
};

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { vault, token, plan, verifyChallenge } = JSON.parse(Buffer.concat(chunks).toString());
  const asked = [];
  const credential = {
    async getToken(scopes, options) {
      asked.push({ scopes, tenantId: options.tenantId });
      return { token, expiresOnTimestamp: Date.now() + 3600_000 };
    },
  };
  const options = { disableChallengeResourceVerification: !verifyChallenge, retryOptions: { retryDelayInMs: 1, maxRetryDelayInMs: 5 } };
  const keys = new KeyClient(vault, credential, options);
  const made = new Map();
  const crypto = (id) => made.get(id) ?? made.set(id, new CryptographyClient(id, credential, options)).get(id);
  const results = [];
  for (const { step, ...rest } of plan) results.push(await steps[step]({ keys, crypto }, rest));
  console.log(JSON.stringify({ results, asked }));
}

main().catch((error) => {
  console.log(JSON.stringify({ error: String(error.stack ?? error) }));
  process.exitCode = 1;
});
