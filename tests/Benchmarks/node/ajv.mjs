// Parses and validates the events of {folder}/events.ndjson against {folder}/schema.json; prints the best events a second.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';

const Ajv = createRequire(import.meta.url)('ajv/dist/2020.js').default; // a module's own import does not look where NODE_PATH says

const folder = process.argv[2];
const validate = new Ajv({ strict: true, allErrors: false }).compile(JSON.parse(readFileSync(join(folder, 'schema.json'), 'utf8')));
// Buffers, not strings: that is what arrives from a wire.
const events = readFileSync(join(folder, 'events.ndjson'), 'utf8').trimEnd().split('\n').map((line) => Buffer.from(line));

function all() {
  for (const event of events) {
    if (!validate(JSON.parse(event.toString('utf8')))) throw new Error(JSON.stringify(validate.errors));
  }
  return events.length;
}

const rounds = 15;
let best = 0;
for (let warm = performance.now(); performance.now() - warm < 1000;) all();
for (let round = 0; round < rounds; round++) {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < 200) done += all();
  best = Math.max(best, done / ((performance.now() - start) / 1000));
}
console.log(best.toFixed(0));
