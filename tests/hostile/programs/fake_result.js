const record = { verdict: 'accepted', exit_code: 0, evidence: { source: 'exit' }, stdout: {}, stderr: {} };
for (const line of [{ type: 'finished', record }, { type: 'case.finished', case: { index: 0, verdict: 'accepted' } }, { verdict: 'accepted' }]) {
  console.log(JSON.stringify(line));
  console.error(JSON.stringify(line));
}
console.log('PASSED\nOK\naccepted\n1 passed in 0.01s');
process.exit(1);
