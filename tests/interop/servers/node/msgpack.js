// socket.io-msgpack-parser as an oracle: one line in, one line of JSON out, in
// order.  A line is a letter and base64:
//   d<base64>  decode a message
//   e<base64>  encode a packet, given as JSON
// The answer is {"ok": value} or {"error": text}.  What JSON cannot say appears
// as {"$bytes": base64}, {"$buffer": base64} (an ArrayBuffer), {"$undefined":
// true}, {"$number": text} and, for objects, {"$entries": [[key, value], ...]}.
"use strict";

const readline = require("readline");
const { Decoder, Encoder } = require("socket.io-msgpack-parser");

const bytes = (text) => Buffer.from(text, "base64");

function shown(value) {
  if (Buffer.isBuffer(value)) return { $bytes: value.toString("base64") };
  if (value instanceof ArrayBuffer) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(shown);
  if (value === undefined) return { $undefined: true };
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (value === null || typeof value !== "object") return value;
  return { $entries: Object.entries(value).map(([key, each]) => [key, shown(each)]) };
}

function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) return bytes(value.$bytes);
  if ("$buffer" in value) return new Uint8Array(bytes(value.$buffer)).buffer;
  if ("$undefined" in value) return undefined;
  if ("$number" in value) return Number(value.$number);
  return Object.fromEntries(value.$entries.map(([key, each]) => [key, revived(each)]));
}

function decode(part) {
  const found = [];
  const decoder = new Decoder();
  decoder.on("decoded", (packet) => found.push(packet));
  decoder.add(bytes(part));
  const { type, nsp, id, data } = found[0];
  return { type, nsp, id: shown(id), data: shown(data) };
}

function encode(part) {
  const packet = revived(JSON.parse(bytes(part).toString("utf8")));
  return new Encoder().encode(packet).map((each) => Buffer.from(each).toString("base64"));
}

const modes = { d: decode, e: encode };

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    answer = { ok: modes[line[0]](line.slice(1)) };
  } catch (error) {
    answer = { error: String(error && error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
