// A server that is never the slower side: it knows just enough of HTTP, WebSocket,
// Engine.IO and Socket.IO to let a client run flat out, and needs Node only.
//
//   node canned.cjs [PEM]             prints "READY <port>"; with a PEM file, over TLS
//
// Events are encoded once and leave in chunks of at least 64 KiB; what comes in is
// walked from header to header and counted. It obeys the commands of real.cjs.
"use strict";
const net = require("net");
const tls = require("tls");
const fs = require("fs");
const crypto = require("crypto");
const { eventData } = require("./shapes.cjs");

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CHUNK = 64 * 1024;
const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const HANDSHAKE = '0{"sid":"canned","upgrades":[],"pingInterval":25000,"pingTimeout":20000,' +
  '"maxPayload":1000000}';

function frame(opcode, payload) {
  const size = payload.length;
  let head;
  if (size < 126) {
    head = Buffer.from([0x80 | opcode, size]);
  } else if (size < 65536) {
    head = Buffer.from([0x80 | opcode, 126, 0, 0]);
    head.writeUInt16BE(size, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = 0x80 | opcode;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, payload]);
}
const text = (message) => frame(TEXT, Buffer.from(message));

const chunks = new Map();

function chunkOf(key, eventAt) {
  let chunk = chunks.get(key);
  if (!chunk) {
    const events = [];
    for (let size = 0; size < CHUNK; size += events.at(-1).length) events.push(eventAt(events.length));
    chunk = { events, whole: Buffer.concat(events) };
    chunks.set(key, chunk);
  }
  return chunk;
}

function pour(wire, chunk, n) {
  let left = n;
  (function step() {
    while (left > 0 && !wire.destroyed) {
      const now = Math.min(left, chunk.events.length);
      left -= now;
      const whole = now === chunk.events.length;
      const data = whole ? chunk.whole : Buffer.concat(chunk.events.slice(0, now));
      if (!wire.write(data)) return void wire.once("drain", step);
    }
  })();
}

const commands = {
  flood(wire, prefix, { n, shape }) {
    pour(wire, chunkOf(`${prefix} ${shape}`, (i) =>
      text(`42${prefix}${JSON.stringify(["tick", eventData(shape, i)])}`)), n);
  },
  "flood-bin"(wire, prefix, { n, size }) {
    const head = text(`451-${prefix}["bin",{"_placeholder":true,"num":0}]`);
    const event = Buffer.concat([head, frame(BINARY, Buffer.alloc(size, 0x5a))]);
    pour(wire, chunkOf(`${prefix} ${size}`, () => event), n);
  },
};

function unmasked(data, start, size) {
  const out = Buffer.allocUnsafe(size);
  const key = start - 4;
  for (let i = 0; i < size; i++) out[i] = data[start + i] ^ data[key + (i & 3)];
  return out.toString("latin1");
}

class Connection {
  constructor(wire) {
    this.wire = wire;
    this.rest = null; // the beginning of a frame or of the request
    this.open = false;
    this.count = 0;
    wire.on("error", () => {});
    wire.on("data", (data) => this.received(data));
  }

  received(data) {
    if (this.rest !== null) data = Buffer.concat([this.rest, data]);
    this.rest = null;
    if (this.open) this.walk(data);
    else this.shakeHands(data);
  }

  shakeHands(data) {
    const end = data.indexOf("\r\n\r\n");
    if (end < 0) {
      this.rest = data;
      return;
    }
    const key = /sec-websocket-key:\s*(\S+)/i.exec(data.toString("latin1", 0, end));
    if (!key) return void this.wire.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    const accept = crypto.createHash("sha1").update(key[1] + GUID).digest("base64");
    this.wire.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
      `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    this.wire.write(text(HANDSHAKE));
    this.open = true;
    this.walk(data.subarray(end + 4));
  }

  walk(data) {
    const answers = [];
    let at = 0;
    while (data.length - at >= 6) {
      let size = data[at + 1] & 127;
      let head = 6;
      if (size === 126) {
        if (data.length - at < 8) break;
        size = data.readUInt16BE(at + 2);
        head = 8;
      } else if (size === 127) {
        if (data.length - at < 14) break;
        size = Number(data.readBigUInt64BE(at + 2));
        head = 14;
      }
      const start = at + head;
      if (data.length - start < size) break;
      this.frame(data[at] & 15, data, start, size, answers);
      at = start + size;
    }
    if (at < data.length) this.rest = data.subarray(at);
    if (answers.length) this.wire.write(Buffer.concat(answers));
  }

  frame(opcode, data, start, size, answers) {
    if (opcode === TEXT) this.message(data, start, size, answers);
    else if (opcode === BINARY) this.count++;
    else if (opcode === CLOSE) this.wire.end(frame(CLOSE, Buffer.alloc(0)));
    else if (opcode === PING) {
      answers.push(frame(PONG, Buffer.from(unmasked(data, start, size), "latin1")));
    }
  }

  // Only what is rare is unmasked: counting looks at six bytes.
  message(data, start, size, answers) {
    const key = start - 4;
    const second = data[start + 1] ^ data[key + 1];
    const third = data[start + 2] ^ data[key + 2];
    if (second === 0x30) { // 40: CONNECT
      answers.push(text(`40${namespaceOf(unmasked(data, start, size))}{"sid":"canned"}`));
    } else if (second !== 0x32) {
      // 45, the head of a binary event: its attachment is counted; 41, DISCONNECT
    } else if (third >= 0x30 && third <= 0x39) { // 42 and digits: wants an answer
      answers.push(this.answer("", unmasked(data, start, size), 2));
    } else if (third === 0x2f || (data[start + 4] ^ data[key]) === 0x66) { // 42/ or 42["f
      this.event(unmasked(data, start, size), answers);
    } else {
      this.count++;
    }
  }

  event(message, answers) {
    const prefix = namespaceOf(message);
    const at = 2 + prefix.length;
    if (message[at] !== "[") return void answers.push(this.answer(prefix, message, at));
    const [name, data] = JSON.parse(message.slice(at));
    if (commands[name]) commands[name](this.wire, prefix, data);
    else this.count++;
  }

  answer(prefix, message, at) {
    const bracket = message.indexOf("[", at);
    const id = message.slice(at, bracket);
    if (message.startsWith('["echo",', bracket)) {
      return text(`43${prefix}${id}[${message.slice(bracket + 8)}`);
    }
    const count = this.count;
    this.count = 0;
    return text(`43${prefix}${id}[${count}]`);
  }
}

function namespaceOf(message) {
  if (message[2] !== "/") return "";
  const comma = message.indexOf(",");
  return comma < 0 ? `${message.slice(2)},` : message.slice(2, comma + 1);
}

const accept = (wire) => {
  wire.setNoDelay(true);
  new Connection(wire);
};
const pem = process.argv[2] && fs.readFileSync(process.argv[2]);
const server = pem ? tls.createServer({ key: pem, cert: pem }, accept) : net.createServer(accept);
server.listen(0, "127.0.0.1", () => console.log(`READY ${server.address().port}`));
