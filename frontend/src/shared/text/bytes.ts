const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** A byte count for people, in powers of 1024: "512 B", "9.1 MiB", "256 MiB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes;
  let unit = "B";
  for (const next of UNITS) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  const rounded = value < 99.95 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(0);
  return `${rounded} ${unit}`;
}

/** Every digit, grouped: "268 435 456 bytes". */
export function formatExactBytes(bytes: number): string {
  return `${String(bytes).replace(/\B(?=(\d{3})+$)/g, "\u202f")} ${bytes === 1 ? "byte" : "bytes"}`;
}
