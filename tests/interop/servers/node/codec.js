// The JavaScript parsers as an oracle: one line of base64 in, one line of JSON
// out, in order.  A line is a letter and its data:
//   s<base64>[,<base64>...]  Socket.IO: a text message and its attachments
//   e<base64>                Socket.IO: encode a packet, given as JSON
//   p<base64>                one Engine.IO packet of text
// The answer is {"ok": value} or {"error": text}.  Bytes appear as
// {"$bytes": base64}.
"use strict";

const readline = require("readline");
const { Decoder, Encoder } = require("socket.io-parser");
const { decodePacket } = require("engine.io-parser");

const bytes = (text) => Buffer.from(text, "base64");

function shown(value) {
  if (Buffer.isBuffer(value)) return { $bytes: value.toString("base64") };
  if (Array.isArray(value)) return value.map(shown);
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (value === null || typeof value !== "object") return value;
  // Entries rather than an object: "__proto__" is a key like any other.
  return { $entries: Object.entries(value).map(([key, each]) => [key, shown(each)]) };
}

function socketIO(parts) {
  const found = [];
  const decoder = new Decoder();
  decoder.on("decoded", (packet) => found.push(packet));
  parts.forEach((part, index) => decoder.add(index ? bytes(part) : bytes(part).toString("utf8")));
  decoder.destroy();
  if (found.length !== 1) throw new Error(`${found.length} packets`);
  const { type, nsp, id, data } = found[0];
  return { type, nsp, id: id === undefined ? null : shown(id), data: shown(data) };
}

function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) return bytes(value.$bytes);
  return Object.fromEntries(value.$entries.map(([key, each]) => [key, revived(each)]));
}

function encoded(part) {
  const { type, nsp, id, data } = JSON.parse(bytes(part).toString("utf8"));
  const packet = { type, nsp, data: revived(data) };
  if (id !== null) packet.id = id;
  return new Encoder().encode(packet).map((each) => Buffer.from(each).toString("base64"));
}

const modes = { s: socketIO, e: ([part]) => encoded(part), p: ([part]) => engineIO(part) };

function engineIO(part) {
  const { type, data } = decodePacket(bytes(part).toString("utf8"), "nodebuffer");
  if (type === "error") throw new Error(data);
  return { type, data: shown(data === undefined ? "" : data) };
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    answer = { ok: modes[line[0]](line.slice(1).split(",")) };
  } catch (error) {
    answer = { error: String(error && error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
