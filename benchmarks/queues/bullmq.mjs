// BullMQ for Node: Lua scripts; settling a job and fetching the next are one call.
//
//     node bullmq.mjs (submit | work) URL [--keep]
//
// It speaks the lines of child.py. The module is looked for below the folder that it runs in.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

const CHUNK = 500;
const CONCURRENCY = 100;

const { Queue, Worker } = createRequire(join(process.cwd(), "here.js"))("bullmq");
const [side, url, ...flags] = process.argv.slice(2);
const connection = { url, maxRetriesPerRequest: null };
const options = { removeOnComplete: !flags.includes("--keep") };
const monotonic = () => Number(process.hrtime.bigint()) / 1e9;
const pipe = process.env.STARTED ? openSync(process.env.STARTED, "r+") : -1;

function work() {
  const noteStart = () => writeSync(pipe, Buffer.from(Float64Array.of(monotonic()).buffer));
  const doIt = async (job) => {
    if (job.name === "noted") noteStart();
  };
  new Worker("bench", doIt, { connection, concurrency: CONCURRENCY });
  process.stdin.on("end", () => process.exit(0)).resume();
}

async function submit(queue, count) {
  const begun = monotonic();
  for (let begin = 0; begin < count; begin += CHUNK) {
    const size = Math.min(CHUNK, count - begin);
    await queue.addBulk(Array.from({ length: size }, () => ({ name: "nothing", data: {}, opts: options })));
  }
  return begun;
}

async function latency(queue) {
  const begun = monotonic();
  await queue.add("noted", {}, options);
  const stamp = new Float64Array(1);
  readSync(pipe, stamp);
  return (stamp[0] - begun) * 1000;
}

async function left(queue) {
  const counts = await queue.getJobCounts("wait", "active");
  return counts.wait + counts.active;
}

async function obey() {
  const queue = new Queue("bench", { connection });
  await queue.waitUntilReady();
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, argument] = line.split(" ");
    const answers = { submit: () => submit(queue, Number(argument)), start: () => latency(queue), left: () => left(queue) };
    console.log(String(await answers[verb]()));
  }
  process.exit(0);
}

if (side === "work") work();
else await obey();
