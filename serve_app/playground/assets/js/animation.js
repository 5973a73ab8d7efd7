// One frame of an animated image, where the browser has a decoder for that (WebCodecs, over TLS or on localhost).

const decoders = new WeakMap();

/** The frame on a canvas; null where it cannot be had. Frames count from 0. */
export async function frameOf(file, index) {
  try {
    const decoder = await decoderOf(file);
    const { image } = await decoder.decode({ frameIndex: index });
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.displayWidth, image.displayHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    image.close();
    return canvas;
  } catch {
    return null; // no such decoder, or none for this format: the picture goes on playing
  }
}

async function decoderOf(file) {
  if (!decoders.has(file)) {
    decoders.set(file, new ImageDecoder({ data: await file.arrayBuffer(), type: file.type, preferAnimation: true }));
  }
  return decoders.get(file);
}
