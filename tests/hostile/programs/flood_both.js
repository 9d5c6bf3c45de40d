const fs = require('fs');
process.on('SIGTERM', () => {});
const piece = Buffer.alloc(65536, 'x');
for (;;) {
  for (const fd of [1, 2]) {
    try { fs.writeSync(fd, piece); } catch {}
  }
}
