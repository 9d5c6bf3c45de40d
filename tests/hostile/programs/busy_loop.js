process.on('SIGTERM', () => {});
process.on('SIGXCPU', () => {});
for (;;) {}
