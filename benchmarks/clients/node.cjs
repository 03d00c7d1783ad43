// The scenarios of scenarios.py with socket.io-client on Node.
//
//   NODE_PATH=... node --expose-gc node.cjs SCENARIO URL '{"seconds": 1.0}'
"use strict";
const { io } = require("socket.io-client");

const [scenario, url, given] = process.argv.slice(2);
const args = {
  transports: "websocket", namespace: "/", listener: "plain", shape: "small", bytes: 0,
  seconds: 1.0, warm: 500, most: 1000000, batch: 100, window: 100, n: 20, group: 20,
  ...JSON.parse(given),
};

const LEAST_WARMING = 0.7; // seconds; as in scenarios.py

class Meter {
  constructor() {
    this.usage = process.cpuUsage();
    this.began = performance.now();
  }

  read(more) {
    const { user, system } = process.cpuUsage(this.usage);
    const wall = (performance.now() - this.began) / 1e3;
    return { wall, cpu: (user + system) / 1e6, system: system / 1e6, ...more };
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1e3));
const heard = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

function build(namespace = args.namespace) {
  const transports = args.transports === "default" ? undefined : [args.transports];
  return io(url + (namespace === "/" ? "" : namespace), {
    transports, forceNew: true, autoConnect: false, reconnection: false,
    rejectUnauthorized: false,
  });
}

async function connected(socket) {
  const refused = heard(socket, "connect_error").then((error) => { throw error; });
  socket.connect();
  await Promise.race([heard(socket, "connect"), refused]);
  const { engine } = socket.io;
  if (args.transports === "default" && engine.transport.name === "polling") {
    await heard(engine, "upgrade");
  }
  return socket;
}

async function growing(measure) {
  let cost = await measure(args.warm);
  const warming = Math.max(args.seconds, LEAST_WARMING);
  for (const seconds of [warming / 4, warming / 2, args.seconds]) {
    const n = Math.floor((cost.n / cost.wall) * seconds);
    cost = await measure(Math.max(args.warm, Math.min(args.most, n)));
  }
  return cost;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

async function drained(socket) {
  const { engine } = socket.io;
  while ((engine.transport.ws?.bufferedAmount ?? 0) > 4e6 || engine.writeBuffer.length > 128) {
    await sleep(0.001);
  }
}

function memory() {
  global.gc();
  global.gc();
  return process.memoryUsage().rss;
}

const scenarios = {
  async inbound() {
    const socket = build();
    let left = 0, done;
    const plain = (data) => { if (--left === 0) done(); };
    const listener = args.listener === "async" ? async (data) => plain(data) : plain;
    socket.on(args.bytes ? "bin" : "tick", listener);
    if (args.listener === "any") socket.onAny(() => {});
    await connected(socket);
    return growing(async (n) => {
      left = n;
      const all = new Promise((resolve) => { done = resolve; });
      const meter = new Meter();
      if (args.bytes) socket.emit("flood-bin", { n, size: args.bytes });
      else socket.emit("flood", { n, shape: args.shape });
      await all;
      return meter.read({ n });
    });
  },

  async outbound() {
    const socket = await connected(build());
    const event = args.bytes ? "sink-bin" : "sink";
    const attachment = args.bytes ? Buffer.alloc(args.bytes, 0x5a) : null;
    return growing(async (n) => {
      const meter = new Meter();
      for (let i = 0; i < n;) {
        const end = Math.min(n, i + args.batch);
        for (; i < end; i++) {
          socket.emit(event, attachment || { seq: i, price: 123.45, name: "EURUSD" });
        }
        await turn();
        if (attachment) await drained(socket);
      }
      const got = await socket.emitWithAck("sink-end", 0);
      if (got !== n) throw new Error(`${got} of ${n} arrived`);
      return meter.read({ n });
    });
  },

  async ack_seq() {
    const socket = await connected(build());
    return growing(async (n) => {
      const latencies = new Float64Array(n);
      const meter = new Meter();
      for (let i = 0; i < n; i++) {
        const began = performance.now();
        await socket.emitWithAck("echo", i);
        latencies[i] = (performance.now() - began) / 1e3;
      }
      return { ...meter.read({ n }), p50: median(latencies) };
    });
  },

  async ack_pipe() {
    const socket = await connected(build());
    return growing(async (n) => {
      let next = 0;
      const caller = async () => {
        while (next < n) await socket.emitWithAck("echo", next++);
      };
      const meter = new Meter();
      await Promise.all(Array.from({ length: args.window }, caller));
      return meter.read({ n });
    });
  },

  async connect() {
    const once = async () => {
      const meter = new Meter();
      const socket = await connected(build());
      const cost = meter.read();
      socket.disconnect();
      await sleep(0.002);
      return cost;
    };
    await once();
    const costs = [];
    while (costs.length < args.n) costs.push(await once());
    const total = (key) => costs.reduce((sum, cost) => sum + cost[key], 0);
    return {
      n: args.n, wall: total("wall"), cpu: total("cpu"), system: total("system"),
      p50: median(costs.map((cost) => cost.wall)),
    };
  },

  async idle() {
    const sockets = [await connected(build("/idle"))];
    await sleep(0.05);
    const before = memory();
    const meter = new Meter();
    while (sockets.length <= args.n) {
      const size = Math.min(args.group, args.n + 1 - sockets.length);
      const group = Array.from({ length: size }, () => build("/idle"));
      sockets.push(...(await Promise.all(group.map(connected))));
    }
    const cost = meter.read({ n: args.n });
    await sleep(0.3);
    cost.memory = (memory() - before) / args.n;
    const still = new Meter();
    await sleep(1);
    return { ...cost, idle: still.read().cpu };
  },
};

scenarios[scenario]().then((cost) => {
  const { version } = require("socket.io-client/package.json");
  const versions = { "socket.io-client": version, Node: process.versions.node };
  process.stdout.write(`${JSON.stringify({ ...cost, versions })}\n`, () => process.exit(0));
}, (error) => {
  console.error(error);
  process.exit(1);
});
