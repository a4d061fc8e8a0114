/**
 * The download manager, `<download-manager>`: a custom element that shows the queue and lets people act on it.
 *
 * With a `src` attribute it shows another queue than that of the server it came from. Its colours are CSS properties
 * (docs/reference/page.md).
 */

import { Screen } from "./manager/screen.js";
import { ServerQueue, serverQueue } from "./server-queue.js";

class DownloadManager extends HTMLElement {
  /** @type {Screen | null} */
  #screen = null;

  connectedCallback() {
    if (!this.#screen) {
      const src = this.getAttribute("src");
      this.#screen = new Screen(this, src ? new ServerQueue(src) : serverQueue);
    }
    this.#screen.start();
  }

  disconnectedCallback() {
    this.#screen?.stop();
  }
}

customElements.define("download-manager", DownloadManager);
