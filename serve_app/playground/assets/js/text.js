// Numbers and facts as people read them.

/** Never more than it is: 0.6996 at a threshold of 0.7 must not read 0.700. */
export function score(value) {
  return (Math.floor(value * 1000 + 1e-6) / 1000).toFixed(3);
}

/** m:ss.t or h:mm:ss.t; with two digits hundredths. */
export function moment(seconds, digits = 1) {
  const unit = 10 ** digits;
  const count = Math.floor(Math.max(0, seconds) * unit + 1e-6);
  const whole = Math.floor(count / unit);
  const [s, m, h] = [whole % 60, Math.floor(whole / 60) % 60, Math.floor(whole / 3600)];
  const head = h ? `${h}:${String(m).padStart(2, "0")}` : `${m}`;
  return `${head}:${String(s).padStart(2, "0")}.${String(count % unit).padStart(digits, "0")}`;
}

export function bytes(count) {
  for (const unit of ["bytes", "KiB", "MiB"]) {
    if (count < 1024) return `${unit === "bytes" ? count : count.toFixed(count < 10 ? 1 : 0)} ${unit}`;
    count /= 1024;
  }
  return `${count.toFixed(1)} GiB`;
}

export function percent(fraction) {
  return `${Math.floor(fraction * 100)} %`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** What a file is: from the answer where there is one. */
export function facts(file, media) {
  const parts = [];
  if (media) {
    parts.push((media.format ?? [media.container, media.codec].join(" · ")).toUpperCase());
    parts.push(`${media.width} × ${media.height}`);
    if (media.frames > 1) parts.push(plural(media.frames, "frame"));
    if (media.duration_seconds) parts.push(moment(media.duration_seconds));
  }
  parts.push(bytes(file.size));
  return parts.join(" · ");
}

export function coverage({ coverage: looked, times }, media) {
  if (!looked) return `Every frame was looked at: ${media.frames}.`;
  const again = looked.frames_reused ? `, ${looked.frames_reused} of them because they look like an earlier one` : "";
  const whole = looked.complete ? "" : " It was not looked at to its end.";
  const failed = looked.frames_failed ? ` ${plural(looked.frames_failed, "look")} failed.` : "";
  return (
    `Looked at ${times.length} of ${plural(media.frames, "frame")}${again}. ` +
    `Longest time without a look: ${looked.largest_gap_seconds.toFixed(2)} s.${whole}${failed}`
  );
}
