// Server A: socket.io's server with something to answer each of our tests.
//
//   node sio.js '{"pingInterval": 300, "recovery": false, …}'
//
// Options beside those handed through to socket.io: recovery (true), parser
// ("msgpack"), handshakeDelay (10 ms), log (a file for "numbered" events),
// version ("3.1", "4.5": an older socket.io; see package.json),
// tls ({key, cert, ca} as files), host, port, unix, cookies (a list of
// Set-Cookie headers that the handshake brings).
"use strict";
const fs = require("fs");
const { options, httpServer, connections, pick, serve } = require("./control.js");
const { Server } = require(options.version ? `socket.io-${options.version}` : "socket.io");

const handshakeDelay = options.handshakeDelay ?? 10;

const io = new Server(httpServer, {
  serveClient: false,
  pingInterval: 2000,
  allowRequest: (request, done) => setTimeout(() => done(null, true), handshakeDelay),
  ...(options.recovery === false ? {} : { connectionStateRecovery: {} }),
  ...(options.parser === "msgpack" ? { parser: require("socket.io-msgpack-parser") } : {}),
  ...pick(
    "pingInterval", "pingTimeout", "upgradeTimeout", "connectTimeout", "path", "addTrailingSlash",
    "maxHttpBufferSize", "transports", "allowUpgrades", "cookie", "perMessageDeflate",
    "httpCompression", "allowEIO3", "connectionStateRecovery",
  ),
});

io.engine.on("initial_headers", (headers, request) => {
  if (!options.cookies) return;
  // For a WebSocket, engine.io would write an array as one line.
  const asText = request.headers.upgrade && options.cookies.join("\r\nset-cookie: ");
  headers["set-cookie"] = asText || options.cookies;
});

// what was seen, for the tests to ask about

const seen = { handshakes: [], disconnects: [], packets: [] };
const numbers = [];
const logFile = options.log ? fs.openSync(options.log, "a") : null;

io.engine.on("connection", (engine) => {
  engine.on("packet", ({ type, data }) => {
    if (seen.packets.length < 10000) seen.packets.push({ sid: engine.id, type, data });
  });
});

function watch(socket) {
  const { query, auth, headers, url } = socket.handshake;
  const { id, recovered } = socket;
  const namespace = socket.nsp.name;
  const transport = socket.conn.transport.name;
  seen.handshakes.push({ id, namespace, query, auth, headers, url, recovered, transport });
  socket.on("disconnect", (reason) => seen.disconnects.push({ id, namespace, reason }));
}

// Written and on the disk before it is acknowledged: it outlives SIGKILL.
function record(n) {
  numbers.push(n);
  if (logFile === null) return;
  fs.writeSync(logFile, `${JSON.stringify(n)}\n`);
  fs.fsyncSync(logFile);
}

// handlers

const TEXTS = [
  "日本語のテキスト、かなと漢字。",
  "Съешь ещё этих мягких булок",
  "Übergrößenträger äöüß",
  "before — after",
  "𝄞 😀 ünïcödé",
];

const isText = (value, text) => value === text;
const isBytes = Buffer.isBuffer;

// Each gives what can be acknowledged, thrown or emitted; the same names and
// meanings are in ../python/server.py.
function shared(socket) {
  socket.on("echo", (value, ack) => ack(value));
  socket.on("echoAll", (...args) => args.pop()(...args));
  socket.on("back", (...args) => socket.emit("back", ...args));
  socket.on("numbered", (n, ack) => {
    record(n);
    if (typeof ack === "function") ack(n);
  });
  socket.on("count", (n) => {
    for (let i = 0; i < n; i++) socket.emit("number", i);
  });
  socket.on("ask", (value) => {
    socket.emit("question", value, (...answer) => socket.emit("answered", ...answer));
  });
  socket.on("getId", (ack) => ack(socket.id));
  socket.on("getHandshake", (ack) => ack(socket.handshake));
  socket.on("silence", () => {});
  socket.on("kickMe", () => socket.disconnect());
  socket.on("closeMe", () => socket.disconnect(true));
  socket.on("closeMyEngine", () => socket.conn.close());
}

function text(socket) {
  socket.on("hi", () => socket.emit("hi"));
  socket.on("ack", () => {
    socket.emit("ack", (number, object) => {
      if (number === 5 && object && object.test === true) socket.emit("got it");
    });
  });
  socket.on("getAckDate", (data, ack) => ack(new Date()));
  socket.on("getDate", () => socket.emit("takeDate", new Date()));
  socket.on("getDateObj", () => socket.emit("takeDateObj", { date: new Date() }));
  socket.on("getUtf8", () => TEXTS.forEach((line) => socket.emit("takeUtf8", line)));
  socket.on("false", () => socket.emit("false", false));
}

// The client sends what the reference's rows A39 to A44 say; "…ack" comes back
// only for the right thing.
function binary(socket) {
  const bytes = Buffer.from("asdfasdf", "utf8");
  const when = (event, right, answer) =>
    socket.on(event, (value) => right(value) && socket.emit(answer));
  const mixed = (value) =>
    isText(value.hello, "lol") && isBytes(value.message) && isText(value.goodbye, "gotcha");
  let before = false;
  socket.on("doge", () => socket.emit("doge", bytes));
  socket.on("getbin", () => socket.emit("takebin", bytes));
  when("buffa", isBytes, "buffack");
  when("jsonbuff", mixed, "jsonbuff-ack");
  socket.on("abuff1", (value) => (before = isBytes(value)));
  when("abuff2", () => before, "abuff2-ack");
  when("blob", isBytes, "blob-ack");
  when("jsonblob", mixed, "jsonblob-ack");
}

io.use((socket, next) => next(socket.handshake.query.fail ? new Error("Auth failed (main namespace)") : undefined));

io.on("connection", (socket) => {
  watch(socket);
  shared(socket);
  text(socket);
  binary(socket);
});
for (const name of ["/foo", "/valid", "/asd", "/timeout_socket", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    watch(socket);
    if (name === "/foo" || name === "/custom") shared(socket);
  });
}
io.of("/abc").on("connection", (socket) => {
  watch(socket);
  socket.emit("handshake", socket.handshake);
});
io.of("/no").use((socket, next) => {
  const error = new Error("Auth failed (custom namespace)");
  error.data = { code: "refused", auth: socket.handshake.auth };
  next(error);
});
// Accepts once it is told {"auth": {"token": "secret"}}.
io.of("/token")
  .use((socket, next) =>
    next(socket.handshake.auth.token === "secret" ? undefined : new Error("bad token")),
  )
  .on("connection", (socket) => {
    watch(socket);
    shared(socket);
  });

// control

function find(sid) {
  for (const namespace of io._nsps.values()) {
    const socket = namespace.sockets.get(sid);
    if (socket) return socket;
  }
  throw new Error(`no socket ${sid}`);
}

function engines(sid) {
  const all = new Map();
  for (const client of io.engine.clients ? Object.values(io.engine.clients) : []) {
    all.set(client.id, client);
  }
  if (!sid) return [...all.values()];
  return [all.get(sid) || find(sid).conn];
}

// Before 4.6 a server had neither emitWithAck nor, before 4.4, timeout.
const askLikeOld = (socket, event, args) =>
  new Promise((resolve) => socket.emit(event, ...args, resolve));

const every = ({ namespace = "/", sid }) => (sid ? find(sid) : io.of(namespace));

serve({
  async stats() {
    const sockets = {};
    for (const [name, namespace] of io._nsps) sockets[name] = [...namespace.sockets.keys()];
    const transports = engines().map((engine) => engine.transport.name);
    return { sockets, engines: engines().length, transports, connections: connections.size };
  },
  async log() {
    return { ...seen, numbers };
  },
  async clearLog() {
    for (const list of [...Object.values(seen), numbers]) list.length = 0;
  },
  // A server-side disconnect of one socket; close ends its whole connection.
  async kick({ sid, close = false }) {
    find(sid).disconnect(close);
  },
  async disconnectAll({ namespace = "/", close = false }) {
    io.of(namespace).disconnectSockets(close);
  },
  // The Engine.IO session is closed properly (sid may be either kind of id).
  async engineClose({ sid }) {
    const chosen = engines(sid);
    chosen.forEach((engine) => engine.close());
    return chosen.length;
  },
  async emit({ event, args = [], ...where }) {
    every(where).emit(event, ...args);
  },
  // The server asks; the result is each client's answer.
  async emitWithAck({ event, args = [], timeout = 2, ...where }) {
    if (options.version) return askLikeOld(find(where.sid), event, args);
    return every(where).timeout(timeout * 1000).emitWithAck(event, ...args);
  },
});
