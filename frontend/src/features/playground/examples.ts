const PYTHON = `import sys
import time

# Everything a program prints appears here while it runs.
name = input() if not sys.stdin.isatty() else "glass"
print(f"Hello, {name}.")

total = 0
for n in range(1, 11):
    total += n * n
    print(f"{n:2d}² → {total:4d}", flush=True)
    time.sleep(0.1)

print("that was stdout, this is stderr", file=sys.stderr)
`;

const JAVASCRIPT = `// Sieve of Eratosthenes; the line of input says how far.
const limit = Number(require("fs").readFileSync(0, "utf8").trim()) || 60;
const composite = new Uint8Array(limit + 1);

for (let n = 2; n <= limit; n++) {
  if (composite[n]) continue;
  console.log(n);
  for (let m = n * n; m <= limit; m += n) composite[m] = 1;
}
console.error(\`primes up to \${limit}\`);
`;

const BASH = `# The cell has no network and a work directory of its own.
read -r name || name="glass"
echo "Hello, $name."

for n in 1 2 3 4 5; do
  echo "step $n of 5"
  sleep 0.2
done

df -h . | tail -1 >&2
`;

const C = `#include <stdio.h>

/* Collatz: how long until 1? */
int main(void) {
    unsigned long n = 27;
    int steps = 0;
    if (scanf("%lu", &n) != 1) n = 27;
    for (; n != 1; steps++) {
        printf("%lu\\n", n);
        n = n % 2 ? 3 * n + 1 : n / 2;
    }
    fprintf(stderr, "%d steps\\n", steps);
    return 0;
}
`;

const CPP = `#include <algorithm>
#include <iostream>
#include <numeric>
#include <vector>

int main() {
    std::vector<long> row{1};
    for (int n = 0; n < 12; ++n) {
        for (long value : row) std::cout << value << ' ';
        std::cout << '\\n';
        std::vector<long> next(row.size() + 1, 1);
        std::transform(row.begin() + 1, row.end(), row.begin(), next.begin() + 1, std::plus<>());
        row = std::move(next);
    }
    std::cerr << "sum of the next row: " << std::accumulate(row.begin(), row.end(), 0L) << '\\n';
}
`;

interface Example {
  source: string;
  stdin: string;
}

const EXAMPLES: Readonly<Record<string, Example>> = {
  python: { source: PYTHON, stdin: "Cloche\n" },
  javascript: { source: JAVASCRIPT, stdin: "100\n" },
  bash: { source: BASH, stdin: "Cloche\n" },
  c: { source: C, stdin: "27\n" },
  cpp: { source: CPP, stdin: "" },
};

/** A short program that shows streams and input, or nothing for a runtime without one. */
export function exampleFor(runtimeName: string): Example | null {
  return EXAMPLES[runtimeName] ?? null;
}

/** Whether a text is one of the examples, untouched: then another may take its place. */
export function isExample(source: string): boolean {
  return Object.values(EXAMPLES).some((example) => example.source === source);
}
