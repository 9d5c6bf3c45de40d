/** Linux's names of the signals that end programs. Source: signal(7), x86 and ARM. */
const NAMES: Readonly<Record<number, readonly [name: string, meaning: string]>> = {
  1: ["SIGHUP", "hang-up"],
  2: ["SIGINT", "interrupt"],
  3: ["SIGQUIT", "quit"],
  4: ["SIGILL", "illegal instruction"],
  5: ["SIGTRAP", "trap"],
  6: ["SIGABRT", "abort"],
  7: ["SIGBUS", "bus error"],
  8: ["SIGFPE", "arithmetic error"],
  9: ["SIGKILL", "killed"],
  10: ["SIGUSR1", "user signal 1"],
  11: ["SIGSEGV", "invalid memory access"],
  12: ["SIGUSR2", "user signal 2"],
  13: ["SIGPIPE", "broken pipe"],
  14: ["SIGALRM", "alarm"],
  15: ["SIGTERM", "terminated"],
  24: ["SIGXCPU", "CPU time used up"],
  25: ["SIGXFSZ", "file too large"],
  31: ["SIGSYS", "forbidden system call"],
};

export function signalName(signal: number): string {
  return NAMES[signal]?.[0] ?? `signal ${signal}`;
}

export function signalMeaning(signal: number): string {
  const known = NAMES[signal];
  return known === undefined ? `signal ${signal}` : `${known[0]} (${known[1]})`;
}
