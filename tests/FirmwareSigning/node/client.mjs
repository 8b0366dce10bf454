// One request a line on stdin: { base, dir, target }. One answer a line on stdout: { ok, fault, content, foundMs, rssBytes }.
// dir/metadata/root.json is the root the client starts with; what it trusts stays in dir/metadata between requests.
import { createInterface } from 'node:readline';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Updater } = createRequire(import.meta.url)('tuf-js'); // a module's own import does not look where NODE_PATH says

for await (const line of createInterface({ input: process.stdin })) {
  const { base, dir, target } = JSON.parse(line);
  let answer;
  const began = process.hrtime.bigint();
  try {
    mkdirSync(`${dir}/targets`, { recursive: true });
    const updater = new Updater({
      metadataDir: `${dir}/metadata`,
      metadataBaseUrl: `${base}/metadata`,
      targetDir: `${dir}/targets`,
      targetBaseUrl: `${base}/targets`,
      config: { fetchRetries: 0, fetchTimeout: 30_000 },
    });
    await updater.refresh();
    let content;
    let foundMs;
    if (target) {
      const info = await updater.getTargetInfo(target);
      if (!info) throw new Error('target not found');
      foundMs = Number(process.hrtime.bigint() - began) / 1e6;
      content = readFileSync(await updater.downloadTarget(info)).toString('base64');
    }
    answer = { ok: true, fault: '', content, foundMs, rssBytes: process.resourceUsage().maxRSS * 1024 };
  } catch (failure) {
    answer = { ok: false, fault: `${failure.name}: ${failure.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
