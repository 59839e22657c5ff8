/**
 * How likely counts as far from the expected shares as these are by chance: Pearson's chi-square test. Shares sum to 1; a count
 * where the share is 0 is impossible and gives 0. Expected counts should be 5 or more each.
 */
export function chiSquareP(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let statistic = 0;
  let classes = 0;
  for (const [i, share] of shares.entries()) {
    const count = counts[i]!;
    if (share === 0) {
      if (count > 0) return 0;
      continue;
    }
    classes++;
    statistic += (count - total * share) ** 2 / (total * share);
  }
  return classes < 2 ? 1 : upperGamma((classes - 1) / 2, statistic / 2);
}

/** The regularised upper incomplete gamma function Q(a, x), by series or Lentz's continued fraction (Numerical Recipes, 6.2). */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; term > sum * 1e-15; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - sum * scale;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 10_000; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-14) break;
  }
  return h * scale;
}

/** ln Γ(x) by Stirling's series, for x shifted above 8. */
function logGamma(x: number): number {
  let shift = 0;
  for (; x < 8; x++) shift -= Math.log(x);
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5) - 1 / (1680 * x ** 7);
  return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
