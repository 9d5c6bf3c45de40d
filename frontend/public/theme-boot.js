// Sets the colour scheme before the first paint; a file of its own because the CSP forbids
// inline scripts. The key and the attribute are those of Mantine's colour scheme manager.
(() => {
  let scheme = "auto";
  try {
    scheme = localStorage.getItem("mantine-color-scheme-value") ?? "auto";
  } catch {
    // Storage is blocked: the system's scheme it is.
  }
  if (scheme !== "light" && scheme !== "dark") {
    scheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.setAttribute("data-mantine-color-scheme", scheme);
})();
