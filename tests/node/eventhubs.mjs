// Drives Microsoft's client against the broker. One task as JSON in argv[2]; the token in EVENTHUBS_TOKEN; one JSON line out.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url); // a module's own import does not look where NODE_PATH says
const { EventHubConsumerClient, EventHubProducerClient, earliestEventPosition } = require("@azure/event-hubs");
const { mapPartitionKeyToId } = require(join(process.env.NODE_PATH, "@azure/event-hubs/dist/commonjs/impl/partitionKeyToIdMapper.js"));

const task = JSON.parse(process.argv[2]);
const scopes = new Set();
const credential = {
  async getToken(scope) {
    scopes.add(String(scope));
    return { token: process.env.EVENTHUBS_TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 };
  },
};
const quick = { retryOptions: { maxRetries: 1, retryDelayInMs: 100, timeoutInMs: 10_000 } };
const producer = () => new EventHubProducerClient(task.namespace, task.hub, credential, quick);
const consumer = (group = "$Default") => new EventHubConsumerClient(group, task.namespace, task.hub, credential, quick);

// Subscribes to the whole hub and stops after a count.
async function read(client, count, position, options = {}) {
  const events = [];
  await new Promise((resolve, reject) => {
    const subscription = client.subscribe(
      {
        processEvents: async (batch, context) => {
          for (const e of batch) {
            events.push({
              body: e.body, key: e.partitionKey ?? null, partition: context.partitionId, sequenceNumber: Number(e.sequenceNumber), offset: String(e.offset),
              enqueued: e.enqueuedTimeUtc.getTime(), properties: e.properties ?? {}, contentType: e.contentType ?? null, messageId: e.messageId ?? null, system: e.systemProperties ?? {},
            });
          }
          if (events.length >= count) subscription.close().then(resolve, reject);
        },
        processError: async (error) => { subscription.close().finally(() => reject(error)); },
      },
      { startPosition: position, maxWaitTimeInSeconds: 1, ...options },
    );
  });
  return events;
}

const tasks = {
  async properties() {
    const client = producer();
    const hub = await client.getEventHubProperties();
    const partition = await client.getPartitionProperties(hub.partitionIds[0]);
    await client.close();
    return { name: hub.name, partitionIds: hub.partitionIds, createdOn: hub.createdOn.getTime(), partition, scopes: [...scopes] };
  },
  async send() {
    const client = producer();
    const batch = await client.createBatch({ partitionKey: task.key });
    for (let i = 0; i < task.count; i++) {
      if (!batch.tryAdd({ body: { n: i }, contentType: "application/json", messageId: `js-${i}`, properties: { run: "js" } })) throw new Error("batch is full");
    }
    await client.sendBatch(batch);
    await client.close();
    return { maxSizeInBytes: batch.maxSizeInBytes };
  },
  async read() {
    const client = consumer(task.group);
    const events = await read(client, task.count, earliestEventPosition);
    await client.close();
    return events;
  },
  async positions() {
    const client = consumer();
    const all = await read(client, task.count, earliestEventPosition);
    const at = all[Math.floor(all.length / 2)];
    const from = async (position) => {
      const events = [];
      await new Promise((resolve, reject) => {
        const subscription = client.subscribe(at.partition, {
          processEvents: async (batch) => {
            events.push(...batch.map((e) => Number(e.sequenceNumber)));
            if (batch.length === 0) subscription.close().then(resolve, reject); // maxWaitTime passed: nothing more is there
          },
          processError: async (error) => { subscription.close().finally(() => reject(error)); },
        }, { startPosition: position, maxWaitTimeInSeconds: 0.4 });
      });
      return events;
    };
    const result = {
      at: at.sequenceNumber,
      offset: await from({ offset: at.offset }),
      offsetInclusive: await from({ offset: at.offset, isInclusive: true }),
      sequence: await from({ sequenceNumber: at.sequenceNumber }),
      sequenceInclusive: await from({ sequenceNumber: at.sequenceNumber, isInclusive: true }),
      time: await from({ enqueuedOn: at.enqueued - 1 }),
    };
    await client.close();
    return result;
  },
  async steal() {
    const clients = [consumer(), consumer()];
    const errors = [];
    const owner = (ownerLevel) => clients[ownerLevel - 1].subscribe("0", {
      processEvents: async () => {},
      processError: async (error) => { errors.push({ ownerLevel, code: error.code }); },
    }, { startPosition: earliestEventPosition, ownerLevel, maxWaitTimeInSeconds: 1 });
    const first = owner(1);
    await new Promise((resolve) => setTimeout(resolve, 700));
    const second = owner(2);
    for (let i = 0; i < 50 && errors.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([first.close(), second.close()]);
    await Promise.all(clients.map((client) => client.close()));
    return errors;
  },
  async refused() {
    const client = producer();
    try {
      await client.sendBatch([{ body: "x" }]);
      return { codes: [] };
    } catch (error) {
      // After its retries the client throws aggregates of what each try met.
      const codes = (one) => one.errors ? one.errors.flatMap(codes) : [one.code ?? one.message];
      return { codes: codes(error) };
    } finally {
      await client.close();
    }
  },
  async connects() {
    const times = [];
    for (let i = 0; i < task.count; i++) {
      const began = performance.now();
      const client = producer();
      await client.getPartitionIds();
      await client.close();
      times.push(performance.now() - began);
    }
    return { slowestMs: Math.max(...times), count: times.length };
  },
  async rate() {
    const body = Buffer.alloc(task.bytes, 0x61);
    const client = producer();
    const began = performance.now();
    for (let sent = 0; sent < task.count; sent += 100) await client.sendBatch(Array.from({ length: 100 }, () => ({ body })), { partitionKey: `k${sent % 8}` });
    const sendSeconds = (performance.now() - began) / 1000;
    await client.close();
    const reading = consumer();
    const readBegan = performance.now();
    const events = await read(reading, task.count, earliestEventPosition, { maxBatchSize: 300 });
    const readSeconds = (performance.now() - readBegan) / 1000;
    await reading.close();
    return { sendPerSecond: task.count / sendSeconds, readPerSecond: events.length / readSeconds };
  },
  async hash() {
    return task.keys.map((key) => mapPartitionKeyToId(key, task.partitions));
  },
};

try {
  const result = await tasks[task.do]();
  console.log(JSON.stringify({ ok: true, result }));
  process.exit(0);
} catch (error) {
  console.log(JSON.stringify({ ok: false, code: error?.code ?? null, message: String(error?.message ?? error) }));
  process.exit(1);
}
