// Server S: what the public protocol test suites want of a server under test:
// engine.io's server that says back what it hears, or socket.io's with two
// namespaces.
//
//   node suite.js '{"protocol": "engine", "pingInterval": 300, …}'
"use strict";
const { options, httpServer, pick, serve } = require("./control.js");

const chosen = pick("pingInterval", "pingTimeout", "connectTimeout");

function engine() {
  const { Server } = require("engine.io");
  const server = new Server(chosen);
  server.attach(httpServer, { path: "/engine.io" });
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
}

function joined(socket) {
  socket.emit("auth", socket.handshake.auth);
  socket.on("message", (...args) => socket.emit("message-back", ...args));
  socket.on("message-with-ack", (...args) => args.pop()(...args));
}

function socket() {
  const { Server } = require("socket.io");
  const server = new Server(httpServer, { serveClient: false, ...chosen });
  for (const name of ["/", "/custom"]) server.of(name).on("connection", joined);
}

({ engine, socket })[options.protocol]();
serve({});
