/** A real Chromium on the stack that CLOCHE_URL names, and what every page must keep to. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const ORIGIN = required("CLOCHE_URL");
/** For anything that a page must show; generous, because the machine may be busy. */
export const PATIENCE_MS = 30_000;

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update"];

/** Start a browser with an empty profile. */
export async function launch() {
  return chromium.launch({
    executablePath: required("CHROMIUM"),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", ...QUIET],
  });
}

/**
 * A page of its own context, and what it did that no page may: errors, breaches of the Content
 * Security Policy, requests to elsewhere.
 *
 * @param {import("playwright-core").Browser} browser
 */
export async function openPage(browser) {
  const context = await browser.newContext({ reducedMotion: "reduce" });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  /** @type {string[]} */
  const offences = [];
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) return;
    const { url } = message.location();
    // Asked in the moment between storing and queueing; see shared/evaluation/get-task.ts.
    if (message.text().includes("404") && url.startsWith(`${ORIGIN}/queue/v1/tasks/`)) return;
    offences.push(`console: ${message.text()} ${url}`);
  });
  page.on("pageerror", (error) => offences.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    offences.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== ORIGIN && protocol !== "data:") offences.push(`request: ${request.url()}`);
  });
  await page.exposeFunction("reportViolation", (/** @type {string} */ text) => {
    offences.push(`policy: ${text}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const report = Reflect.get(window, "reportViolation");
      report(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return { page, offences, close: () => context.close() };
}

/**
 * Axe finds nothing on the page as it is, in light and in dark colours.
 *
 * @param {import("playwright-core").Page} page
 */
export async function assertAccessible(page) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    await page.waitForSelector(`html[data-mantine-color-scheme=${colorScheme}]`);
    await page.evaluate(AXE);
    const found = await page.evaluate(async () => {
      const { violations } = await Reflect.get(window, "axe").run();
      return violations.map((/** @type {any} */ { id, nodes }) => ({
        id,
        where: nodes.map((/** @type {any} */ node) => [node.html, node.failureSummary]),
      }));
    });
    assert.deepEqual(
      found,
      [],
      `${page.url()} in ${colorScheme}: ${JSON.stringify(found, null, 1)}`,
    );
  }
}

/** @param {string} name */
function required(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
