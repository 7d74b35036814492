import classes from "./water.module.css";

const WAVES = [34, 46, 58, 70, 82];

/** Drawn where there is no picture: lines of water. `seed` makes each thing's its own. */
export function Water({ seed, calm }: { seed: number; calm: boolean }) {
  return (
    <svg
      className={classes.water}
      data-calm={calm}
      aria-hidden="true"
      viewBox="0 0 160 90"
      preserveAspectRatio="xMidYMid slice"
    >
      {WAVES.map((y, index) => (
        <path key={y} d={wave(y, seed + index)} />
      ))}
    </svg>
  );
}

function wave(y: number, seed: number): string {
  const swing = 5 + ((seed * 7) % 9);
  const shift = (seed * 37) % 80;
  return `M${-80 - shift} ${y}${` q 20 ${-swing} 40 0 t 40 0`.repeat(5)}`;
}
