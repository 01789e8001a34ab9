/* Figures are drawn where they are seen: others wait until they come near the window, until the
   page is printed, or until the browser has nothing else to do. */
(() => {
  const NEAR = 200; // pixels above and below the window
  const waiting = new Map(); // figure → what draws it
  const when_idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200)); // Safari
  let idle = 0;

  const open = (figure) => figure.getClientRects().length > 0;
  const near = (figure) => {
    const { top, bottom } = figure.getBoundingClientRect();
    return open(figure) && bottom > -NEAR && top < window.innerHeight + NEAR;
  };

  /* Draw a figure that waits, now. */
  function now(figure) {
    const draw = waiting.get(figure);
    if (draw) draw();
  }

  const seen = new IntersectionObserver(
    (entries) => entries.filter((one) => one.isIntersecting).forEach((one) => now(one.target)),
    { rootMargin: `${NEAR}px` },
  );

  /* One of those that wait in the open tab, whenever there is time. */
  function rest() {
    if (idle || ![...waiting.keys()].some(open)) return;
    idle = when_idle(() => {
      idle = 0;
      const next = [...waiting.keys()].find(open);
      if (next) now(next);
      rest();
    }, { timeout: 2000 });
  }

  /* Dash draws with `react`. A figure that was drawn before is marked as out of date meanwhile, and
     Dash goes on; the first time it waits for the figure, to listen to it. */
  function postpone(figure, react) {
    return new Promise((done) => {
      waiting.set(figure, () => {
        forget(figure);
        done(react());
      });
      figure.classList.add("late");
      seen.observe(figure);
      if (figure.data) done(figure);
      rest();
    });
  }

  function forget(figure) {
    waiting.delete(figure);
    seen.unobserve(figure);
    figure.classList.remove("late");
  }

  /* The stills that the page came with go into the places of their figures, and then away. */
  function place_stills() {
    const first = document.querySelector("#first"), page = document.querySelector("#page");
    if (!first || !page || !page.firstElementChild) return;
    for (const still of first.querySelectorAll(".still")) {
      const figure = page.querySelector(`#figure-${still.dataset.of}`);
      if (figure && !figure.querySelector(".main-svg")) figure.parentElement.append(still);
    }
    first.remove();
  }
  new MutationObserver((_, watch) => {
    place_stills();
    if (!document.querySelector("#first")) watch.disconnect();
  }).observe(document.body, { childList: true, subtree: true });

  function unveil(figure) {
    const still = figure.closest(".plot")?.querySelector(".still");
    if (still) still.remove();
  }

  function change(Plotly) {
    const { react } = Plotly, { resize } = Plotly.Plots;
    Plotly.react = (figure, ...given) => {
      const draw = () => {
        figure.drawn_at = [figure.clientWidth, figure.clientHeight].join();
        const drawn = react(figure, ...given);
        drawn.then(() => unveil(figure));
        return drawn;
      };
      if (!near(figure)) return postpone(figure, draw);
      forget(figure);
      return draw();
    };
    /* Dash asks for the size a figure has already, each time at the price of drawing it. */
    Plotly.Plots.resize = (figure) => {
      const size = [figure.clientWidth, figure.clientHeight].join();
      if (waiting.has(figure) || !open(figure) || figure.drawn_at === size)
        return Promise.resolve(figure);
      figure.drawn_at = size;
      return resize(figure);
    };
  }

  window.addEventListener("beforeprint", () => [...waiting.keys()].filter(open).forEach(now));
  window.late = { now, waits: (figure) => waiting.has(figure), rest };

  /* Dash would load plotly a second time where it is not there yet: it can wait for a promise. */
  const script = document.querySelector("script[src*='plotly']");
  window.Plotly = new Promise((loaded, failed) => {
    script.addEventListener("load", () => loaded(change(window.Plotly)));
    script.addEventListener("error", failed);
  });
})();
