// What Node does that comes near the filter's edges.
const assert = require('assert'), { execFileSync, fork, spawn } = require('child_process'), fs = require('fs');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

const ended = (child) => new Promise((resolve, reject) => child.on('exit', resolve).on('error', reject));

async function main() {
  const answers = [1, 2, 3].map((n) => new Promise((resolve, reject) => {
    new Worker(__filename, { workerData: n }).on('message', resolve).on('error', reject);
  }));
  assert.deepStrictEqual(await Promise.all(answers), [1, 4, 9]);
  assert.strictEqual(execFileSync('/bin/echo', ['one']).toString(), 'one\n');
  assert.strictEqual(await ended(spawn('/bin/cat', { stdio: ['ignore', 'inherit', 'inherit'] })), 0);
  const child = fork(__filename, ['child']);
  const said = new Promise((resolve) => child.on('message', resolve));
  const gone = ended(child);
  assert.strictEqual(await said, 'hello');
  child.disconnect();
  assert.strictEqual(await gone, 0);
  await fs.promises.writeFile('bell', 'glass');
  assert.strictEqual((await fs.promises.readFile('bell')).toString(), 'glass');
  const bytes = new Uint8Array(new SharedArrayBuffer(1024));
  assert.strictEqual(Atomics.add(bytes, 0, 5), 0);
  const wasm = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  assert.ok(new WebAssembly.Instance(wasm));
  console.log('done');
}

if (!isMainThread) parentPort.postMessage(workerData ** 2);
else if (process.argv[2] === 'child') process.send('hello');
else main();
