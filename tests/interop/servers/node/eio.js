// Server E: engine.io's server alone, for the floors below Socket.IO.
//
//   node eio.js '{"maxHttpBufferSize": 1000000, …}'
//
// A query with deny=1 refuses the request, deny=websocket or deny=polling that
// transport's only.  Options beside engine.io's own: path ("/engine.io"),
// cookies (true), tls, host, port.
"use strict";
const { Server } = require("engine.io");
const { options, httpServer, connections, pick, serve } = require("./control.js");

const engine = new Server({
  pingInterval: 500,
  maxHttpBufferSize: 100,
  allowRequest: refuseDenied,
  ...pick(
    "pingInterval", "pingTimeout", "upgradeTimeout", "maxHttpBufferSize", "transports",
    "allowUpgrades", "cookie", "perMessageDeflate", "httpCompression", "allowEIO3",
  ),
});
engine.attach(httpServer, { path: "/engine.io", ...pick("path", "addTrailingSlash") });

function refuseDenied(request, done) {
  const { deny, transport } = request._query;
  const denied = deny !== undefined && (deny === transport || !["polling", "websocket"].includes(deny));
  denied ? done("denied", false) : done(null, true);
}

const COOKIES = () => [
  "1=1; Max-Age=86400",
  "2=2; Path=/; HttpOnly; Secure; SameSite=Strict",
  "3=3; Max-Age=0",
  `4=4; Expires=${new Date().toUTCString()}`,
];

let lastPost = {};
const requests = [];
engine.on("initial_headers", (headers) => {
  if (options.cookies !== false) headers["set-cookie"] = COOKIES();
});
httpServer.prependListener("request", (request) => {
  if (request.method === "POST") lastPost = request.headers;
  remember(request);
});
httpServer.prependListener("upgrade", (request) => remember(request));

function remember({ method, url, headers, rawHeaders }) {
  if (requests.length < 10000) requests.push({ method, url, headers, rawHeaders });
}

const closes = [];
const answers = {
  "give binary": () => Buffer.from([0, 1, 2, 3, 4]),
  "give utf8": () => "пусть всегда будет солнце",
  sendHeaders: () => JSON.stringify(lastPost),
};

engine.on("connection", (socket) => {
  socket.send("hi");
  socket.on("message", (data) => {
    const answer = answers[data];
    socket.send(answer ? answer() : data);
  });
  socket.on("close", (reason) => closes.push({ sid: socket.id, reason }));
});

const chosen = (sid) => (sid ? [engine.clients[sid]] : Object.values(engine.clients));

serve({
  async stats() {
    const transports = chosen().map((socket) => socket.transport.name);
    return { engines: chosen().map((s) => s.id), transports, connections: connections.size };
  },
  async log() {
    return { requests, closes };
  },
  async clearLog() {
    requests.length = closes.length = 0;
  },
  async engineClose({ sid, discard = false }) {
    chosen(sid).forEach((socket) => socket.close(discard));
  },
  async emit({ sid, message }) {
    chosen(sid).forEach((socket) => socket.send(message));
  },
});
