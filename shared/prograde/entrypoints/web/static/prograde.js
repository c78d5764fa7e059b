// Keeps a page that says data-poll="SECONDS" fresh: the same page is fetched, and its data-live parts are put in place.
// Without this script the page asks for itself again now and then; nothing else depends on it.
"use strict";

// What a form did is said once: a reload need not say it again.
if (new URLSearchParams(location.search).has("said")) history.replaceState(null, "", location.pathname);

(() => {
  const main = document.querySelector("main[data-poll]");
  if (!main) return;
  const every = Number(main.dataset.poll) * 1000;
  const state = document.getElementById("live-state");
  let tag = null;

  const isBusy = (part) => part.contains(document.activeElement) || part.querySelector("details[open]");

  function putInPlace(page) {
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh && !isBusy(part) && part.innerHTML !== fresh.innerHTML) part.innerHTML = fresh.innerHTML;
    }
    document.title = page.title;
  }

  async function look() {
    try {
      const answer = await fetch(location.href, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
      if (answer.ok) {
        tag = answer.headers.get("ETag");
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (!page.querySelector("main[data-poll]")) return location.reload();
        putInPlace(page);
      } else if (answer.status !== 304) {
        throw new Error(answer.statusText);
      }
      state.textContent = "";
    } catch {
      state.textContent = "prograde does not answer; trying again.";
    }
    return wait();
  }

  function wait() {
    setTimeout(() => (document.hidden ? wait() : look()), every);
  }

  wait();
})();
