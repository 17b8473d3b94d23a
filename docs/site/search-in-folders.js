// Search without a server. A page of a folder (file:) may start no worker, so the same script runs
// in a hidden frame; search.js, which tools/site.py writes, has the index that it is given.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(script) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.waiting = [];
      window.addEventListener("message", (event) => {
        if (event.source === this.frame.contentWindow) this.onmessage?.(event);
      });
      this.frame.addEventListener("load", () => {
        for (const data of this.waiting.splice(0)) this.deliver(data);
        this.waiting = null;
      });
      this.frame.srcdoc =
        `<script>self.postMessage = (data) => parent.postMessage(data, "*")</script>` +
        `<script src="${new URL(script, document.baseURI)}"></script>`;
      document.body.append(this.frame);
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.deliver(data);
    }
    deliver(data) {
      const copy = structuredClone(data); // the script changes what it is given
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: copy }));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
