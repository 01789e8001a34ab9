/* What the page does without asking the server: linked figures, zoom, address, pictures, tabs. */
(() => {
  const no = () => window.dash_clientside.no_update;
  const drawn = () =>
    [...document.querySelectorAll(".js-plotly-plot")].filter((one) => one.data && !late.waits(one));
  /* The figure as it is now, drawn if it was not yet. */
  function plot(name) {
    const figure = document.querySelector(`#figure-${name} .js-plotly-plot`);
    late.now(figure);
    return figure;
  }
  const triggered = () => window.dash_clientside.callback_context.triggered;
  const study = () => document.title.split(" · ")[0];
  const role = (trace) => (trace.meta || {}).role;

  /* Fade every size but one, in every figure; no size: as they were. */
  function highlight(size) {
    for (const figure of drawn()) {
      const places = [], opacity = [];
      figure.data.forEach((trace, place) => {
        if (!trace.meta || trace.meta.size === undefined) return;
        places.push(place);
        const other = size !== null && trace.meta.size !== size;
        opacity.push(other ? 0.12 : trace.meta.opacity);
      });
      if (places.length) Plotly.restyle(figure, { opacity }, places);
    }
  }

  /* A ring around the same record in both linked figures; none: no ring. */
  function ring(curve, point) {
    for (const figure of [plot("norm"), plot("step")]) {
      if (!figure || !figure.data) continue;
      const place = figure.data.findIndex((trace) => role(trace) === "ring");
      if (place < 0) continue;
      const trace = curve === null ? null : figure._fullData[curve];
      const at = (axis) => (trace && trace[axis] ? [[trace[axis][point]]] : [[]]);
      Plotly.restyle(figure, { x: at("x"), y: at("y") }, [place]);
    }
  }

  /* Select in one of the linked figures what is selected in the other; their points correspond. */
  function select(from, to) {
    const source = plot(from), target = plot(to);
    if (!source || !target || !source.data || !target.data) return;
    const places = source.data.flatMap((trace, place) => (role(trace) === "line" ? [place] : []));
    const selectedpoints = places.map((place) => {
      const chosen = source._fullData[place].selectedpoints;
      return chosen ? [...chosen] : null;
    });
    if (places.length) Plotly.restyle(target, { selectedpoints }, places);
  }

  function save(name, format) {
    const figure = plot(name);
    const named = new Set();
    const data = figure.data.map((trace) => {
      const size = (trace.meta || {}).size;
      const first = role(trace) === "line" && size !== undefined && !named.has(size);
      if (first) named.add(size);
      const name = first ? `P = ${size.toLocaleString("en")}` : trace.name;
      const kept = { ...trace, name, opacity: (trace.meta || {}).opacity ?? 1 };
      return { ...kept, showlegend: first || (size === undefined && Boolean(trace.name)) };
    });
    const { width, height } = { width: 860, height: 560 };
    const layout = { ...figure.layout, width, height, autosize: false, showlegend: true };
    Plotly.downloadImage({ data, layout }, { format, width, height, filename: `${study()}-${name}`,
      scale: format === "png" ? 3 : 1 });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    explore: {
      tabs(tab) {
        setTimeout(() => window.dispatchEvent(new Event("resize")), 50);
        setTimeout(late.rest, 100);
        const named = ["study", "collapse", "theory"].indexOf(tab);
        const shown = named < 0 ? 3 : named;
        return [0, 1, 2, 3].map((place) => `pane${place === shown ? "" : " gone"}`);
      },

      address(query) {
        if (query !== undefined && query !== null)
          window.history.replaceState(null, "", window.location.pathname + query);
        return no();
      },

      zoom(...wires) {
        const kept = { ...wires[wires.length - 1] };
        let changed = false;
        for (const { prop_id, value } of triggered()) {
          const name = prop_id.replace(/^figure-|\.relayoutData$/g, "");
          const figure = plot(name);
          const keys = Object.keys(value || {}).join(" ");
          if (!figure || !figure._fullLayout || !figure.layout.meta) continue;
          if (/axis\.autorange/.test(keys)) {
            changed = changed || name in kept;
            delete kept[name];
          } else if (/axis\.range/.test(keys)) {
            const { xaxis, yaxis } = figure._fullLayout;
            kept[name] = { of: figure.layout.meta.of, range: [...xaxis.range, ...yaxis.range] };
            changed = true;
          }
        }
        return changed ? kept : no();
      },

      link(normHover, normChosen, stepHover, stepChosen) {
        for (const { prop_id, value } of triggered()) {
          const [id, prop] = prop_id.split(".");
          const name = id.replace("figure-", "");
          if (prop === "selectedData") {
            select(name, name === "norm" ? "step" : "norm");
            continue;
          }
          const point = value && value.points[0];
          const trace = point && plot(name).data[point.curveNumber];
          const line = trace && role(trace) === "line";
          highlight(line ? trace.meta.size : null);
          ring(line ? point.curveNumber : null, line ? point.pointIndex : null);
        }
        return no();
      },

      picture() {
        for (const { prop_id, value } of triggered()) {
          if (!value) continue;
          const { type, figure, form } = JSON.parse(prop_id.replace(/\.n_clicks$/, ""));
          if (type === "image") save(figure, form);
          else Plotly.relayout(plot(figure), { "xaxis.autorange": true, "yaxis.autorange": true });
        }
        return no();
      },

      /* On a phone the controls fold away until asked for. */
      fold: () => !window.matchMedia("(max-width: 48rem)").matches,

      follow: (value) => !(value || []).length,

      copy(clicks) {
        if (!clicks) return no();
        navigator.clipboard.writeText(window.location.href);
        setTimeout(() => window.dash_clientside.set_props("copy", { children: "Copy link" }), 2000);
        return "Link copied";
      },
    },
  });

  /* Dash's lists of boxes call themselves listboxes, its sliders have no names, and its menus hold
     a hidden field that takes the focus: say to screen readers what each of them is. */
  function name_lists() {
    for (const list of document.querySelectorAll(".dash-options-list[id]")) {
      const radio = list.querySelector("input[type=radio]");
      list.setAttribute("role", radio ? "radiogroup" : "group");
      const named = list.closest("[data-named]");
      if (named) list.setAttribute("aria-label", named.dataset.named);
      for (const option of list.querySelectorAll("label"))
        for (const wrong of ["role", "aria-selected"]) option.removeAttribute(wrong);
    }
  }

  function name_sliders() {
    for (const named of document.querySelectorAll("[data-named]")) {
      const thumbs = [...named.querySelectorAll("[role=slider]")];
      thumbs.forEach((thumb, place) => {
        const end = thumbs.length > 1 ? [", from", ", to"][place] : "";
        thumb.setAttribute("aria-label", named.dataset.named + end);
        if (named.dataset.said) thumb.setAttribute("aria-describedby", named.dataset.said);
      });
    }
  }

  function mend() {
    name_lists();
    name_sliders();
    for (const menu of document.querySelectorAll("button.dash-dropdown")) {
      menu.setAttribute("tabindex", "0");
      menu.setAttribute("aria-labelledby", `${menu.id}-label ${menu.id}-value`);
      const hidden = menu.parentElement.querySelector(".dash-dropdown-focus-target");
      if (hidden) hidden.setAttribute("tabindex", "-1");
    }
  }

  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      mend();
    });
  }).observe(document, { childList: true, subtree: true, attributeFilter: ["aria-selected"] });

  /* What cannot be a number above zero is said below its field. */
  document.addEventListener("input", ({ target }) => {
    if (!target.matches || !target.matches("input[type=number]")) return;
    const said = target.closest(".field") && target.closest(".field").querySelector(".refused");
    if (!said) return;
    const bad = target.validity.badInput || (target.value !== "" && !(Number(target.value) > 0));
    target.setAttribute("aria-invalid", String(bad));
    said.textContent = bad ? "Expected a number above 0; this field is not used." : "";
  });

  /* The sizes beside the figures find their lines: by pointer and by keyboard. */
  const size_of = (event) => {
    const label = event.target.closest && event.target.closest(".sizes label");
    const named = label && label.querySelector("[data-size]");
    return named ? Number(named.dataset.size) : null;
  };
  for (const kind of ["mouseover", "focusin"])
    document.addEventListener(kind, (event) => {
      const size = size_of(event);
      if (size !== null) highlight(size);
    });
  for (const kind of ["mouseout", "focusout"])
    document.addEventListener(kind, (event) => {
      if (size_of(event) !== null) highlight(null);
    });
})();
