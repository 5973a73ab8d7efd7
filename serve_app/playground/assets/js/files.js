// Files as they come: chosen, dropped (folders too), pasted.

const VIDEO = /\.(mp4|m4v|mov|webm|mkv|avi|ts|m2ts|mts|flv|ogv|ogg|mpg|mpeg|3gp|wmv)$/i;
const IMAGE = /\.(jpe?g|png|apng|gif|webp|avif|heic|heif|bmp|tiff?|jp2|j2k|jpx|jxl)$/i;

/** "image" or "video" by type or name; null where neither tells. */
export function kindOf({ name, type }) {
  if (VIDEO.test(name)) return "video"; // first: .ts has the type of a script for some systems
  if (IMAGE.test(name)) return "image";
  const [family] = type.split("/");
  return family === "image" || family === "video" ? family : null;
}

/** All files of a drop or paste. Read at once: the transfer is empty after the event. */
export function filesOf(transfer) {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
    .filter(Boolean);
  return Promise.all(entries.map(walk)).then((found) => found.flat());
}

async function walk(entry) {
  if (entry instanceof File) return [entry];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found; // it gives a hundred at a time
    for (const inside of some) found.push(...(await walk(inside)));
  }
}

/** Calls onFiles for everything that is chosen, dropped anywhere, or pasted. */
export function watch({ input, zone, onFiles }) {
  input.addEventListener("change", () => {
    onFiles([...input.files]);
    input.value = "";
  });
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    onFiles(await filesOf(event.dataTransfer));
  });
  document.addEventListener("paste", async (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    onFiles([...event.clipboardData.files]);
  });
}
