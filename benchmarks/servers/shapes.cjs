// The data of one event of each shape; the same for both servers and all clients.
"use strict";
const fs = require("fs");
const path = require("path");

const shapes = JSON.parse(fs.readFileSync(path.join(__dirname, "..", "shapes.json"), "utf8"));

// A constant number of digits, so that every event of a shape has the same size.
exports.eventData = (shape, i) => ({ ...shapes[shape || "small"], seq: 100000 + (i % 900000) });
