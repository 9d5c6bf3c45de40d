/** A glass bell over a prompt. */
export function Mark() {
  return (
    <svg
      aria-hidden
      width="22"
      height="22"
      viewBox="0 0 24 24"
      fill="none"
      stroke="var(--c-accent-text)"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <circle cx="12" cy="3.4" r="1.5" />
      <path d="M4.5 17.5v-4.2a7.5 7.5 0 0 1 15 0v4.2" fill="var(--c-accent-soft)" />
      <path d="M2.5 20.8h19" />
      <path d="M9.2 12.2l2.3 2.1-2.3 2.1" />
      <path d="M13.4 16.6h1.8" />
    </svg>
  );
}
