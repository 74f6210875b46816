// SPDX-License-Identifier: Apache-2.0
// A target of node: appends 1, 2, 3 … to LOG by its event loop, and answers over HTTP with the last number.
// Usage: node everyday.js LOG PORT
const fs = require('fs');
const http = require('http');

const log = fs.openSync(process.argv[2], 'a');
let number = 0;
// The next one only after the last: the threads that write keep no order.
const step = () => fs.write(log, `${++number}\n`, () => setTimeout(step, 2));
step();
http.createServer((request, response) => {
    response.setHeader('Connection', 'close');
    response.end(`at ${number}\n`);
}).listen(Number(process.argv[3]), '127.0.0.1', () => fs.writeSync(1, 'listening\n'));
