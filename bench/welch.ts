/** Whether two kinds of samples differ in their mean: Welch's t-test, which does not ask that they vary alike. */

export const mean = (samples: readonly number[]): number =>
  samples.reduce((sum, sample) => sum + sample, 0) / samples.length;

function variance(samples: readonly number[]): number {
  const middle = mean(samples);
  return samples.reduce((sum, sample) => sum + (sample - middle) ** 2, 0) / (samples.length - 1);
}

/** Above zero when the samples of `a` are larger. Each has two samples at least, not all of them alike. */
export const welch = (a: readonly number[], b: readonly number[]): number =>
  (mean(a) - mean(b)) / Math.sqrt(variance(a) / a.length + variance(b) / b.length);

/** The value that so large a part (0 to 1) of the samples does not exceed. */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
