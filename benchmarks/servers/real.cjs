// The reference server, socket.io on its default engine.
//
//   NODE_PATH=... node real.cjs        prints "READY <port>" once it listens
//
// What a client may say, in any namespace:
//   flood      {n, shape}     n "tick" events come
//   flood-bin  {n, size}      n "bin" events with a Buffer come
//   sink, sink-bin            counted
//   sink-end   _, ack         ack(count); counting begins anew
//   echo       value, ack     ack(value)
"use strict";
const http = require("http");
const { Server } = require("socket.io");
const { eventData } = require("./shapes.cjs");

const httpServer = http.createServer();
const io = new Server(httpServer, { serveClient: false });

const MAX_BYTES = 8 * 1024 * 1024; // that may wait in ws
const MAX_PACKETS = 4000; // that may wait in the engine

function congested(socket) {
  const { transport, writeBuffer } = socket.conn;
  const ws = transport && transport.socket;
  return (ws && ws.bufferedAmount > MAX_BYTES) || writeBuffer.length > MAX_PACKETS;
}

function flood(socket, n, batch, emitOne) {
  let sent = 0;
  (function step() {
    if (!socket.connected) return;
    if (congested(socket)) return void setTimeout(step, 1);
    const end = Math.min(n, sent + batch);
    for (; sent < end; sent++) emitOne(sent);
    if (sent < n) setImmediate(step);
  })();
}

function serve(socket) {
  let count = 0;
  socket.on("flood", ({ n, shape }) => {
    flood(socket, n, 256, (i) => socket.emit("tick", eventData(shape, i)));
  });
  socket.on("flood-bin", ({ n, size }) => {
    const data = Buffer.alloc(size, 0x5a);
    flood(socket, n, size > 16384 ? 16 : 128, () => socket.emit("bin", data));
  });
  socket.on("sink", () => { count++; });
  socket.on("sink-bin", () => { count++; });
  socket.on("sink-end", (_, ack) => {
    ack(count);
    count = 0;
  });
  socket.on("echo", (value, ack) => ack(value));
}

io.on("connection", serve);
io.of("/prices").on("connection", serve);
io.of("/idle").on("connection", () => {});

httpServer.listen(0, "127.0.0.1", () => console.log(`READY ${httpServer.address().port}`));
