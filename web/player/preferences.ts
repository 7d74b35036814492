/** The viewer's volume, kept between visits where the browser allows storage (a frame of another site may not). */
const KEY = "sluice.volume";

export function loadVolume(): { volume: number; muted: boolean } {
  const text = read();
  const match = text === null ? null : /^(m?)([01](?:\.\d+)?)$/.exec(text);
  const volume = Number(match?.[2] ?? 1);
  return { volume: Math.min(1, volume), muted: match?.[1] === "m" };
}

export function saveVolume(volume: number, muted: boolean): void {
  try {
    localStorage.setItem(KEY, `${muted ? "m" : ""}${volume.toFixed(2)}`);
  } catch {
    // Storage refused: the choice lasts for this page.
  }
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
