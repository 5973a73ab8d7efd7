// When a label counts as seen: the service's rules, on the scores at hand.

const HYSTERESIS = 0.1; // deployments/video/hysteresis.py

/** Whether a score reaches a threshold, as the service compares them: as float32. */
export function reaches(score, threshold) {
  return score >= Math.fround(threshold);
}

/** true, false, or null where the model has no labels that flag. */
export function isFlagged(labels, flaggedLabels, threshold) {
  if (!flaggedLabels.length) return null;
  return labels.some(({ label, score }) => flaggedLabels.includes(label) && reaches(score, threshold));
}

/** The flagged labels at or over the threshold, the highest first. */
export function reasons(labels, flaggedLabels, threshold) {
  return labels
    .filter(({ label, score }) => flaggedLabels.includes(label) && reaches(score, threshold))
    .sort((a, b) => b.score - a.score);
}

/**
 * The looks of each stretch in which a label is seen, as [first, last]: a longest row of scores no
 * more than HYSTERESIS below the threshold, of which one reaches it.
 */
export function stretches(scores, threshold) {
  const leave = Math.max(0, threshold - HYSTERESIS);
  const found = [];
  let first = null;
  let seen = false;
  for (let i = 0; i <= scores.length; i++) {
    if (i < scores.length && reaches(scores[i], leave)) {
      first ??= i;
      seen ||= reaches(scores[i], threshold);
      continue;
    }
    if (seen) found.push([first, i - 1]);
    first = null;
    seen = false;
  }
  return found;
}

/**
 * Segments of all labels, by their start. An edge lies at the middle between a look inside and its
 * neighbour outside (the service moves it on to the next frame), or at the look itself where every
 * frame was looked at.
 */
export function segmentsAt({ times, scores, end, exact }, threshold) {
  const found = [];
  for (const [label, column] of Object.entries(scores)) {
    for (const [first, last] of stretches(column, threshold)) {
      const peak = column.slice(first, last + 1).reduce((best, s, i, all) => (s > all[best] ? i : best), 0) + first;
      const edge = (i) => (exact ? times[i] : (times[i - 1] + times[i]) / 2);
      found.push({
        label,
        start_seconds: first === 0 ? 0 : edge(first),
        end_seconds: last === column.length - 1 ? end : edge(last + 1),
        peak_score: column[peak],
        peak_seconds: times[peak],
      });
    }
  }
  return found.sort((a, b) => a.start_seconds - b.start_seconds);
}
