/** The sign of Sluice: a gate, raised, and the water that flows beneath it. */
export function Mark({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" style={{ flex: "none", display: "block" }}>
      <rect width="32" height="32" rx="8" fill="#0d7567" />
      <rect x="7" y="6" width="18" height="8.5" rx="1.5" fill="#fff" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round">
        <path d="M7.5 20c2.8-2.6 5.7-2.6 8.5 0s5.7 2.6 8.5 0" />
        <path d="M7.5 25.400c2.8-2.6 5.7-2.6 8.5 0s5.7 2.6 8.5 0" opacity=".6" />
      </g>
    </svg>
  );
}
