// What both servers share: options, listening, and the control channel.
//
// The one argument is a JSON object of options.  When listening, one line
// {"port": …} is written.  Afterwards each line of stdin is a command
// {"id": …, "cmd": …, …} and is answered by one line {"id": …, "result": …} or
// {"id": …, "error": …}.  Bytes are written {"$bytes": "<base64>"}.  The
// process ends when stdin does, so that no test can leave it behind.
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");
const readline = require("readline");

const options = JSON.parse(process.argv[2] || "{}");

function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$bytes === "string") return Buffer.from(value.$bytes, "base64");
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v)]));
}

function portray(value) {
  if (ArrayBuffer.isView(value)) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(portray);
  if (value === null || typeof value !== "object" || value.toJSON) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, portray(v)]));
}

function write(line) {
  process.stdout.write(JSON.stringify(portray(line)) + "\n");
}

function makeHTTPServer() {
  if (!options.tls) return http.createServer();
  const { key, cert, ca, ...rest } = options.tls;
  return https.createServer({
    key: fs.readFileSync(key),
    cert: fs.readFileSync(cert),
    ca: ca && fs.readFileSync(ca),
    ...rest,
  });
}

const httpServer = makeHTTPServer();
const connections = new Set();
httpServer.on("connection", (connection) => {
  connections.add(connection);
  // engine.io has no listener while allowRequest decides: an RST would end us.
  connection.on("error", () => {});
  connection.on("close", () => connections.delete(connection));
});

// Only the options that were given: the packages treat undefined as a value.
function pick(...names) {
  return Object.fromEntries(names.filter((n) => n in options).map((n) => [n, options[n]]));
}

// On a unix socket (option "unix", its path) the port is 0.
function listen(port) {
  const where = options.unix ? [options.unix] : [port, options.host || "127.0.0.1"];
  return new Promise((resolve, reject) => {
    httpServer.once("error", reject);
    httpServer.listen(...where, () => {
      httpServer.off("error", reject);
      resolve(httpServer.address().port || 0);
    });
  });
}

// Every request and upgrade, as it came.
const requests = [];
function remember({ method, url, headers, rawHeaders }) {
  if (requests.length < 10000) requests.push({ method, url, headers, rawHeaders });
}

const common = {
  // New TCP connections are refused from now on; those that exist stay.
  async stopAccepting() {
    common.port = httpServer.address().port;
    httpServer.close();
  },
  async resumeAccepting() {
    return listen(common.port);
  },
  async requests() {
    return requests;
  },
  async clearRequests() {
    requests.length = 0;
  },
  // Where the connections come from, and how much.
  async peers() {
    return [...connections].map(({ remoteAddress, bytesRead }) => ({ remoteAddress, bytesRead }));
  },
  // RST on every connection: the cable is cut.
  async cut() {
    const count = connections.size;
    for (const connection of connections) connection.resetAndDestroy();
    return count;
  },
  // Block the whole process, as a server under load does.
  async freeze({ seconds }) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
  },
};

async function answer(commands, { id, cmd, ...rest }) {
  try {
    if (!commands[cmd]) throw new Error(`unknown command ${cmd}`);
    write({ id, result: (await commands[cmd](revive(rest))) ?? null });
  } catch (error) {
    write({ id, error: String((error && error.stack) || error) });
  }
}

async function serve(own) {
  const commands = { ...common, ...own };
  // Not before: an engine takes the listeners that were there for another's.
  httpServer.prependListener("request", remember);
  // Node takes an upgrade for a request as long as nobody wants upgrades.
  if (httpServer.listenerCount("upgrade")) httpServer.prependListener("upgrade", remember);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => answer(commands, JSON.parse(line)));
  lines.on("close", () => process.exit(0));
  write({ port: await listen(options.port || 0) });
}

module.exports = { options, httpServer, connections, pick, serve };
