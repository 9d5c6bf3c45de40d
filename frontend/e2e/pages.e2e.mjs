/** What a person sees and does, in a real browser on a whole stack. Run by tests/e2e/test_browser.py. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { assertAccessible, launch, openPage, ORIGIN } from "./browser.mjs";

const FIVE_LINES = `import time
for n in range(1, 6):
    print("line", n, flush=True)
    time.sleep(0.3)
`;
const ENDLESS = `import time
while True:
    print("tick", flush=True)
    time.sleep(0.1)
`;
const LOOPBACK = `import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
client.sendall(b"glass")
print("heard", server.accept()[0].recv(5).decode())
`;
const HOSTILE = `print("<script>alert(1)</script><img src=x onerror=alert(2)>")`;

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {Awaited<ReturnType<typeof openPage>>} */
let opened;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  opened = await openPage(browser);
  page = opened.page;
});
afterEach(async () => {
  await opened.close();
  assert.deepEqual(opened.offences, []);
});

test("output appears while the program runs, then the verdict and the figures", async () => {
  await openPlayground();
  await assertAccessible(page);
  await runProgram(FIVE_LINES);
  const log = page.getByRole("log");
  await log.getByText("line 1").waitFor();
  assert.notEqual(await verdict().textContent(), "Accepted", "line 1 is there before the verdict");
  const counts = await page.evaluate(countsUntilAccepted);
  assert.ok(new Set(counts).size >= 3, `the lines came one after another: ${counts.join(" ")}`);
  await log.getByText("line 5").waitFor();
  assert.equal(await page.getByRole("button", { name: "Cancel" }).count(), 0);
  for (const [name, figure] of [
    ["Wall", /^\d+(\.\d+)?\s(ms|s)$/],
    ["Peak memory", /^\d+(\.\d+)?\s[KM]iB$/],
    ["Exit", /^0$/],
  ]) {
    const value = page.locator("dl div", { has: page.getByText(String(name), { exact: true }) });
    assert.match((await value.first().locator("dd").textContent()) ?? "", new RegExp(figure));
  }
  await assertAccessible(page);

  await page.getByRole("link", { name: /→/ }).click();
  await page.waitForURL(/\/evaluations\/[0-9a-f-]{36}$/);
  await page.getByRole("log").getByText("line 5").waitFor();
  assert.equal(await verdict().textContent(), "Accepted");
  await assertAccessible(page);
  await page.reload();
  await page.getByRole("log").getByText("line 1").waitFor();
});

test("an endless program can be cancelled, and what it wrote stays", async () => {
  await openPlayground();
  await runProgram(ENDLESS);
  await page.getByRole("log").getByText("tick").first().waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await verdict().getByText("Cancelled").waitFor();
  assert.ok((await page.getByRole("log").getByText("tick").count()) > 0);
});

test("a compile error shows the compiler's words", async () => {
  await openPlayground();
  await page.getByRole("combobox", { name: "Runtime" }).click();
  await page.getByRole("option", { name: /^c \d/ }).click();
  await runProgram("int main(void) { return undeclared_name; }\n");
  await verdict().getByText("Compile error").waitFor();
  await page
    .getByText(/error:.*undeclared_name/)
    .first()
    .waitFor();
});

test("output that looks like HTML is text", async () => {
  await openPlayground();
  await runProgram(HOSTILE);
  await verdict().getByText("Accepted").waitFor();
  const text = "<script>alert(1)</script><img src=x onerror=alert(2)>";
  await page.getByRole("log").getByText(text, { exact: true }).waitFor();
  assert.equal(await page.locator("main img, main script").count(), 0);
});

test("the list shows a new run by itself, and its filter is in the URL", async () => {
  const name = `from a script ${Date.now()}`;
  await page.goto(`${ORIGIN}/evaluations`);
  await page.getByRole("table").waitFor();
  const answer = await page.request.post(`${ORIGIN}/api/v1/evaluations?wait=60`, {
    data: { runtime: "python", source: "import sys; sys.exit(3)", name },
  });
  assert.equal(answer.status(), 201);
  const row = page.getByRole("row", { name });
  await row.getByText("Runtime error").waitFor();
  await assertAccessible(page);

  await page.getByRole("combobox", { name: "Verdict" }).click();
  await page.getByRole("option", { name: "Runtime error" }).click();
  await page.waitForURL(/verdict=runtime_error/);
  await page.reload();
  await row.waitFor();
  assert.equal(await page.getByRole("combobox", { name: "Verdict" }).inputValue(), "Runtime error");
  const words = await page.locator("tbody tr td:first-child").allTextContents();
  assert.deepEqual([...new Set(words)], ["Runtime error"]);
});

test("the queue page shows the executor and what it can run", async () => {
  await page.goto(`${ORIGIN}/queue`);
  await page.getByRole("heading", { name: "Queue" }).waitFor();
  await page.getByText("Healthy").waitFor();
  const tier = page.locator("dd", { has: page.getByText("Holds") }).last();
  await tier.getByText(/\d+ of \d+ hostile programs held/).waitFor();
  await tier.getByRole("listitem").getByText("seccomp").waitFor();
  const runtimes = await page.locator("li").allTextContents();
  for (const name of ["python", "javascript", "bash"]) {
    assert.ok(
      runtimes.some((text) => text.startsWith(`${name} `)),
      `${name} in ${runtimes.join(", ")}`,
    );
  }
  await page.getByRole("cell", { name: "interactive" }).waitFor();
  await assertAccessible(page);
});

test("a network and an isolation can be chosen, and the record says what was in force", async () => {
  await openPlayground();
  await page.getByRole("tab", { name: "Isolation" }).click();
  await page.getByRole("combobox", { name: "Network" }).click();
  await page.getByRole("option", { name: "loopback" }).click();
  await page.getByRole("combobox", { name: "Isolation, at least" }).click();
  await page.getByRole("option", { name: "namespace" }).click();
  await page.getByRole("tab", { name: "Isolation · namespace · loopback" }).waitFor();
  await assertAccessible(page);
  await runProgram(LOOPBACK);
  await verdict().getByText("Accepted").waitFor();
  await page.getByRole("log").getByText("heard glass").waitFor();
  await page.getByRole("link", { name: /→/ }).click();
  await page.waitForURL(/\/evaluations\/[0-9a-f-]{36}$/);
  const record = page.locator("dl", { has: page.getByText("Held in by", { exact: true }) });
  await record.getByRole("listitem").getByText("seccomp").waitFor();
  await record.getByText("loopback", { exact: true }).waitFor();
  await assertAccessible(page);
});

async function openPlayground() {
  await page.goto(ORIGIN);
  await runButton().waitFor();
}

/** @param {string} source */
async function runProgram(source) {
  const editor = page.getByRole("textbox", { name: /^Program source/ });
  await editor.click();
  await page.keyboard.press("Control+A");
  // Chromium styles what is typed over a selection, inline, which the policy blocks and reports.
  await page.keyboard.press("Delete");
  await page.getByRole("button", { name: /^Run/, disabled: true }).waitFor();
  await page.keyboard.insertText(source);
  await runButton().waitFor();
  await page.keyboard.press("Control+Enter");
}

function runButton() {
  return page.getByRole("button", { name: /^Run/, disabled: false });
}

function verdict() {
  return page.locator("main [role=status]").first();
}

/** Runs in the page: how many lines there were at each change, until the verdict is there. */
function countsUntilAccepted() {
  const main = /** @type {Element} */ (document.querySelector("main"));
  /** @type {number[]} */
  const counts = [];
  return new Promise((resolve) => {
    const look = () => {
      if (main.querySelector("[role=status]")?.textContent === "Accepted") resolve(counts);
      else
        counts.push(
          (main.querySelector("[role=log]")?.textContent ?? "").split("line ").length - 1,
        );
    };
    new MutationObserver(look).observe(main, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    look();
  });
}
