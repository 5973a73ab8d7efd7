// The two shapes of answers (/v1/images, /v1/videos) as one, for the cards.

/**
 * @typedef {object} Outcome
 * @property {{name: string, flagged_labels: string[]}} model
 * @property {object} media  what the file is
 * @property {{label: string, score: number}[]} labels  highest first; over time: each label's highest
 * @property {number} threshold  that the service was asked with
 * @property {Timeline|null} timeline  scores over time; null for stills
 *
 * @typedef {object} Timeline
 * @property {number[]} times  of the looks, seconds
 * @property {boolean[]} reused
 * @property {Object<string, number[]>} scores  a column for each label
 * @property {number} end  seconds
 * @property {boolean} exact  every frame was looked at
 * @property {object[]|null} segments  the service's own, at `threshold`
 * @property {object|null} coverage
 */

/** @returns {Outcome} */
export function ofImage(answer, threshold) {
  const [result] = answer.results;
  const { media, labels, frames } = result;
  return { model: answer.model, media, labels, threshold, timeline: frames ? ofFrames(frames, flaggedFirst(labels, answer.model), media) : null };
}

/** As the plot's lines are coloured: in this order. */
function flaggedFirst(labels, { flagged_labels }) {
  const isFlagged = ({ label }) => flagged_labels.includes(label);
  return [...labels.filter(isFlagged), ...labels.filter((entry) => !isFlagged(entry))];
}

function ofFrames(frames, labels, media) {
  const scores = Object.fromEntries(labels.map(({ label }) => [label, []]));
  for (const frame of frames) {
    for (const { label, score } of frame.labels) scores[label].push(score);
  }
  return {
    times: frames.map((frame) => frame.time_seconds),
    reused: frames.map(() => false),
    scores,
    end: media.duration_seconds,
    exact: true,
    segments: null,
    coverage: null,
  };
}

/** @returns {Outcome} */
export function ofVideo(answer, threshold) {
  const { model, media, series, segments, coverage } = answer;
  const labels = answer.labels
    .map(({ label, max_score }) => ({ label, score: max_score }))
    .sort((a, b) => b.score - a.score);
  const timeline = {
    times: series.time_seconds,
    reused: series.reused,
    scores: series.scores,
    end: media.duration_seconds,
    exact: coverage.frames_classified + coverage.frames_reused === media.frames,
    segments,
    coverage,
  };
  return { model, media, labels, threshold, timeline };
}
