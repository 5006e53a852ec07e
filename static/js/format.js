"use strict";
/* Numbers as people read them. Pure: no DOM. */
const Format = (() => {
  const BYTE_UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];
  const COUNT_UNITS = ["", "k", "M", "G", "T", "P"];
  const TIME_UNITS = ["ns", "µs", "ms", "s"];

  function scaled(value, base, units) {
    let step = 0;
    let rest = value;
    while (Math.round(rest * 10) / 10 >= base && step < units.length - 1) {
      rest /= base;
      step += 1;
    }
    const text = step === 0 ? String(Math.round(rest * 10) / 10) : rest.toFixed(1);
    return units[step] === "" ? text : `${text} ${units[step]}`;
  }

  const bytes = (value) => scaled(value, 1024, BYTE_UNITS);
  const count = (value) => scaled(value, 1000, COUNT_UNITS);
  const rate = (value) => `${count(value)}/s`;
  const byteRate = (value) => `${bytes(value)}/s`;

  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
  const exact = (value) => whole.format(value);

  function time(ns) {
    return ns < 60e9 ? scaled(ns, 1000, TIME_UNITS) : age(Math.round(ns / 1e9));
  }

  function age(seconds) {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  }

  /* Labels below a chart: whole minutes without seconds. */
  function ago(seconds) {
    if (seconds === 0) return "now";
    if (seconds < 60) return `−${seconds} s`;
    return seconds % 60 === 0 ? `−${seconds / 60} min` : `−${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }

  /* Ends a right-to-left name with a left-to-right mark: the number or dot after it stays on its right. */
  const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
  const name = (text) => (RIGHT_TO_LEFT.test(text) ? `${text}\u200e` : text);

  return { bytes, count, rate, byteRate, exact, time, age, ago, name };
})();
