// A page opened from a file may not read other files: search then lists titles without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What the theme leaves without a name, or out of the keyboard's reach.
const all = (selector) => document.querySelectorAll(selector);
addEventListener("load", async () => {
  all("details.hide > summary, .search-button-field").forEach((e) => e.removeAttribute("aria-label"));
  all(".bd-sidebar-primary li > details > summary").forEach((summary) =>
    summary.setAttribute("aria-label", `Pages of ${summary.closest("li").querySelector("a").textContent.trim()}`));
  all(".sidebar-primary-items__start").forEach((e) => {
    e.setAttribute("role", "region");
    e.setAttribute("aria-label", "The book");
  });
  await window.MathJax?.startup?.promise;
  all(".bd-article table, mjx-container").forEach((e) => {
    if (e.scrollWidth > e.clientWidth) e.tabIndex = 0;
  });
});
