// The picture or video of a file, as far as the browser can show it.

import { frameOf } from "./animation.js";

export class Stage {
  #box;
  #file;
  #url;
  #media;
  #still = null; // a canvas over an animation that stands at one frame
  #asked = 0;

  /** onTime gets the seconds of what is shown while a video plays or is sought. */
  constructor(box, file, isVideo, onTime) {
    this.#box = box;
    this.#file = file;
    this.#url = URL.createObjectURL(file);
    this.#media = isVideo ? this.#video(onTime) : this.#image();
    this.#media.addEventListener("error", () => this.#placeholder());
    this.#media.src = this.#url;
    box.replaceChildren(this.#media);
  }

  /** Go to a moment; index is that of the frame, for animations. */
  async seek(seconds, index) {
    if (this.#media instanceof HTMLVideoElement) {
      this.#media.currentTime = seconds + 0.001; // on the frame, not on the end of the one before
      return;
    }
    const mine = ++this.#asked;
    const canvas = await frameOf(this.#file, index);
    if (!canvas || mine !== this.#asked) return;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${this.#file.name}, frame ${index}`);
    this.#still?.remove();
    this.#still = canvas;
    this.#box.append(canvas);
  }

  /** Play or pause; an animation that stands at a frame goes on. */
  toggle() {
    if (this.#media instanceof HTMLVideoElement) {
      if (this.#media.paused) this.#media.play().catch(() => {}); // a placeholder stands there by then
      else this.#media.pause();
    } else {
      this.#asked++;
      this.#still?.remove();
      this.#still = null;
    }
  }

  /** Whether the media may be seen and used. */
  set inert(value) {
    this.#box.inert = value;
    if (value && this.#media instanceof HTMLVideoElement) this.#media.pause();
  }

  close() {
    this.#media.removeAttribute("src");
    URL.revokeObjectURL(this.#url);
  }

  #image() {
    const image = new Image();
    image.alt = this.#file.name;
    image.decoding = "async";
    return image;
  }

  #video(onTime) {
    const video = document.createElement("video");
    video.controls = true;
    video.playsInline = true;
    video.muted = true;
    video.preload = "auto";
    video.setAttribute("aria-label", this.#file.name);
    const tell = () => onTime(video.currentTime);
    const follow = () => {
      tell();
      if (!video.paused && !video.ended) requestAnimationFrame(follow);
    };
    video.addEventListener("play", follow);
    video.addEventListener("seeking", tell);
    video.addEventListener("loadeddata", () => video.videoWidth || this.#placeholder());
    return video;
  }

  #placeholder() {
    const box = document.createElement("div");
    box.className = "placeholder";
    const kind = document.createElement("b");
    kind.textContent = /\.([^.]+)$/.exec(this.#file.name)?.[1].toUpperCase() ?? "File";
    const sentence = document.createElement("span");
    sentence.textContent = "This browser cannot show it. The service looks at it all the same.";
    box.append(kind, sentence);
    this.#box.replaceChildren(box);
  }
}
