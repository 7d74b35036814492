import { expect, it } from "vitest";
import { ViewerWindow } from "#kit/viewer-window";

it("counts distinct viewers of the last ten seconds", () => {
  const window = new ViewerWindow();
  window.see(7, "a", 0);
  window.see(7, "b", 1_000);
  window.see(7, "a", 5_000);
  window.see(8, "a", 5_000);
  expect(window.count(7, 9_999)).toBe(2);
  expect(window.count(7, 11_000)).toBe(1);
  expect(window.count(7, 15_000)).toBe(0);
  expect(window.count(9, 0)).toBe(0);
});

it("reports at most every ten seconds and stream, the first viewer at once", () => {
  const window = new ViewerWindow();
  expect(window.see(7, "a", 0)).toBe(1);
  for (let now = 1; now < 10_000; now += 500) expect(window.see(7, `v${now}`, now)).toBeNull();
  expect(window.see(8, "a", 9_000)).toBe(1);
  expect(window.see(7, "a", 10_000)).toBe(21);
});

it("holds a bounded number of viewers and streams", () => {
  const window = new ViewerWindow();
  for (let i = 0; i < 25_000; i++) window.see(7, `v${i}`, 0);
  expect(window.count(7, 0)).toBe(20_000);
  for (let stream = 0; stream < 1_000; stream++) window.see(stream, "a", 0);
  expect(window.count(0, 0)).toBe(0);
  expect(window.count(999, 0)).toBe(1);
});
