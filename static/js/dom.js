"use strict";
/* Small helpers over the DOM: make an element, change a text only if it differs. */
const Dom = (() => {
  const byId = (id) => document.getElementById(id);

  /* make("th", { scope: "col", class: "text" }, "Type", button): attributes, then texts and elements. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  /* Untouched texts cost no layout, and a screen reader does not say them again. */
  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function setTitle(element, text) {
    if (element.title !== text) element.title = text;
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

  return { byId, make, setText, setTitle, colour, rem };
})();
