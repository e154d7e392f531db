// The page of --output html in a real browser: what it shows, what it must never do, and who can use it.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const { CHROMIUM, JANITOR, PAGE_FOLDER } = process.env;
const require = createRequire(join(PAGE_FOLDER, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const screenshots = join(PAGE_FOLDER, "screenshots");
const pages = join(PAGE_FOLDER, "pages");
const MOST_BYTES = 5_000_000;

let browser, emulator, folder, environment, report;
const files = {};

/** Runs the program against the registry of the demo. */
const janitor = (...args) =>
  execFileSync(JANITOR, args, {
    cwd: folder,
    env: environment,
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  }).toString();

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "page-"));
  emulator = spawn(JANITOR, ["emulator", "--demo", "--port", "0"], { stdio: ["ignore", "pipe", "ignore"] });
  const url = await new Promise((resolve) =>
    emulator.stdout.once("data", (line) => resolve(String(line).trim().split(" ").at(-1))),
  );
  environment = {
    PATH: process.env.PATH,
    AWS_ENDPOINT_URL: url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "page",
    AWS_SECRET_ACCESS_KEY: "page",
    AWS_EC2_METADATA_DISABLED: "true",
    XDG_STATE_HOME: folder,
    JANITOR_PRESET: "recommended",
    JANITOR_SUPERSEDED_SINCE: "push",
    JANITOR_KEEP_PULLED_WITHIN: "0d",
  };
  const save = (name, text) => {
    files[name] = join(folder, `${name}.html`);
    writeFileSync(files[name], text);
  };
  save("plan", janitor("plan", "--output", "html"));
  report = JSON.parse(janitor("plan", "--output", "json"));
  const orphan = report.repositories
    .find((it) => it.name === "team/api")
    .decisions.find((it) => it.state === "orphaned");
  save("orphan", janitor("explain", `team/api@${orphan.digest}`, "--output", "html"));
  save("index", janitor("explain", "team/api:main", "--output", "html"));
  save("apply", janitor("apply", "--yes", "--max-deletions", "5", "--output", "html"));
  save("after", janitor("plan", "--output", "html"));
  for (const name of ["hostile", "large"]) files[name] = join(pages, `${name}.html`);
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
});

after(async () => {
  await browser?.close();
  emulator?.kill();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Opens a page. Whatever it asks of a network, and whatever its policy forbids, fails the test at its end. */
async function open(name, hash = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("request", (request) => {
    if (!request.url().startsWith("file://") || request.resourceType() !== "document")
      wrong.push(`asked for ${request.url()}`);
  });
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => wrong.push(message.text()));
  page.on("dialog", (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.goto(`file://${files[name]}${hash}`);
  if (options.javaScriptEnabled !== false) await page.waitForSelector("html[data-ready]");
  page.end = async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  };
  page.wrong = wrong;
  return page;
}

const repository = (name, digest) => `#/r/${encodeURIComponent(name)}${digest ? `/${digest}` : ""}`;
const hex = (digest) => digest.replace("sha256:", "");

async function accessible(page, where) {
  // The policy of the page forbids scripts that are put into it; the protocol of the debugger does not ask.
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ["violations"] }),
  );
  const told = violations.map(
    (it) =>
      `${it.id}: ${it.help}: ${it.nodes
        .slice(0, 3)
        .map((node) => node.html.slice(0, 200))
        .join("\n  ")}`,
  );
  assert.deepEqual(told, [], where);
  assert.ok(passes.length > 10, where);
}

test("axe finds nothing on any view, light or dark", async () => {
  const views = [
    ["plan", ""],
    ["plan", repository("team/api")],
    ["apply", ""],
    ["after", repository("team/web")],
    ["orphan", ""],
    ["index", ""],
    ["hostile", ""],
    ["large", ""],
    ["large", repository("team-7/service-7")],
  ];
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, hash] of views) {
      // Its markup is the same in both, and there is very much of it.
      if (name === "large" && (colorScheme === "dark") === (hash === "")) continue;
      const page = await open(name, hash, { colorScheme });
      await accessible(page, `${name}${hash} ${colorScheme}`);
      await page.screenshot({
        path: join(screenshots, `${name}${hash ? "-repository" : ""}-${colorScheme}.png`),
      });
      await page.end();
    }
  }
});

test("the list has the numbers of the report", async () => {
  const page = await open("plan");
  const rows = await page.$$eval(".repositories tbody tr", (rows) =>
    rows.map((row) => [...row.children].map((cell) => cell.textContent)),
  );
  const shown = Object.fromEntries(
    rows.map(([name, , images, attestations, changes]) => [
      name,
      [images, attestations, changes].map(Number),
    ]),
  );
  const expected = Object.fromEntries(
    report.repositories.map((it) => [it.name, [it.images, it.attestations.total, it.planned]]),
  );
  assert.deepEqual(shown, expected);
  assert.ok(report.totals.planned > 0);
  const order = rows.map(([, , , attestations]) => Number(attestations));
  assert.deepEqual(
    order,
    [...order].sort((a, b) => b - a),
  );
  await page.selectOption("#sort", "name");
  const names = await page.$$eval(".repositories tbody a", (links) => links.map((link) => link.textContent));
  assert.deepEqual(names, Object.keys(expected).sort());
  await page.check("#busy");
  assert.equal(
    await page.locator(".repositories tbody tr").count(),
    report.repositories.filter((it) => it.planned > 0).length,
  );
  assert.match(page.url(), /sort=name&busy=1/);
  const [before, after] = await page.$$eval("#whole ~ .ends svg", (bars) =>
    bars.map((bar) => bar.getAttribute("aria-label")),
  );
  assert.match(before, new RegExp(`${report.totals.attestations.by_state.orphaned} orphaned attestations`));
  assert.doesNotMatch(
    after,
    new RegExp(`${report.totals.attestations.by_state.orphaned} orphaned attestations`),
  );
  await page.end();
});

test("every decision is drawn with its outcome and its reason", async () => {
  const page = await open("plan");
  for (const { name, decisions } of report.repositories) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, repository(name));
    await page.waitForSelector("#images");
    for (let more; (more = page.locator("button.more")), (await more.count()) > 0;)
      await more.first().click();
    const labels = await page.$$eval("[data-node]", (nodes) =>
      nodes.map((node) => node.getAttribute("aria-label")),
    );
    for (const { digest, kind, action, reason } of decisions) {
      const own = labels.filter((label) => label.startsWith(`${kind} ${hex(digest).slice(0, 12)}`));
      assert.ok(own.length > 0, `${name}@${digest}`);
      const word = action === "delete" ? "would be deleted" : "kept";
      assert.ok(
        own.every((label) => label.includes(word) && label.includes(reason)),
        `${own} ${action} ${reason}`,
      );
    }
  }
  await page.end();
});

test("tags stand beside the indexes that bear them", async () => {
  const page = await open("plan", repository("team/api"));
  const text = await page.locator("#images ~ .scroll").textContent();
  for (const tag of ["main", "v1.0", "v1.1", "v1.2"]) assert.ok(text.includes(tag), tag);
  await page.end();
});

test("the note of an image comes on hover and on focus, and a click holds and links it", async () => {
  const page = await open("plan", repository("team/api"));
  const gone = page.locator("[data-node].go").first();
  await gone.hover();
  const tip = page.locator("#tip");
  await tip.waitFor();
  assert.match(
    await tip.textContent(),
    /would be deleted: orphaned.*No index lists it\..*ecr-janitor explain team\/api@sha256:[0-9a-f]{64}/s,
  );
  await page.mouse.move(0, 0);
  await tip.waitFor({ state: "hidden" });
  await gone.focus();
  await tip.waitFor();
  assert.equal(await gone.getAttribute("aria-describedby"), "tip");
  await page.keyboard.press("ArrowDown");
  assert.notEqual(
    await page.evaluate(() => document.activeElement.dataset.node),
    await gone.getAttribute("data-node"),
  );
  await page.keyboard.press("Enter");
  assert.match(page.url(), /#\/r\/team%2Fapi\/[0-9a-f]{64}$/);
  assert.ok(await tip.evaluate((it) => it.classList.contains("pinned")));
  await page.mouse.move(5, 5);
  assert.ok(await tip.isVisible());
  await page.keyboard.press("Escape");
  await tip.waitFor({ state: "hidden" });
  await page.keyboard.press("Escape");
  await page.waitForSelector("#list");
  await page.end();
});

test("a link leads to an image, and one to nothing says so", async () => {
  const { name, decisions } = report.repositories.find((it) => it.planned > 0);
  const { digest } = decisions.find((it) => it.action === "delete");
  const page = await open("plan", repository(name, hex(digest)));
  const here = page.locator(".here");
  assert.ok((await here.first().getAttribute("aria-label")).includes(hex(digest).slice(0, 12)));
  assert.ok(await here.first().isVisible());
  await page.evaluate((hash) => {
    location.hash = hash;
  }, repository("no/such"));
  await page.waitForSelector("#list");
  assert.match(await page.locator("#live").textContent(), /no such repository/);
  await page.end();
});

test("search finds repositories, tags and digests by keyboard alone", async () => {
  const page = await open("plan");
  await page.keyboard.press("/");
  await page.keyboard.type("team/w");
  assert.deepEqual(
    await page.$$eval(".repositories tbody a", (links) => links.map((link) => link.textContent)),
    ["team/web"],
  );
  assert.match(page.url(), /q=team%2Fw/);
  await page.keyboard.press("Escape");
  const { digest } = report.repositories
    .find((it) => it.name === "team/api")
    .decisions.find((it) => it.action === "delete");
  await page.keyboard.type(digest.slice(0, 30));
  await page.locator("#hits").waitFor();
  const hits = page.locator("#hits ~ ul a");
  assert.equal(await hits.count(), 1);
  await hits.first().focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(".here");
  await page.goBack();
  await page.waitForSelector("#list");
  await page.fill("#search", "v1.2");
  assert.ok((await hits.count()) >= 1);
  await page.end();
});

test("filters and search of a repository", async () => {
  const page = await open("plan", repository("team/api"));
  await page.locator("button.pill.keep").click();
  assert.equal(await page.locator("button.pill.keep").getAttribute("aria-pressed"), "false");
  const status = page.locator("#images ~ [role=status]");
  const { decisions } = report.repositories.find((it) => it.name === "team/api");
  const kept = await page.$$eval("[data-node].keep", (nodes) => nodes.length);
  assert.ok(kept < decisions.filter((it) => it.action === "keep").length);
  await page.locator("button.pill.keep").click();
  await page.fill("#search", "orphaned");
  assert.match(
    await status.textContent(),
    new RegExp(`^${decisions.filter((it) => it.reason === "orphaned").length} decisions`),
  );
  await page.end();
});

test("earlier runs are shown once there are some", async () => {
  const page = await open("after");
  assert.match(
    await page.locator("#trend ~ svg").getAttribute("aria-label"),
    /Images deleted by 1 run, at most [1-5] in one/,
  );
  await page.end();
  const first = await open("plan");
  assert.equal(await first.locator("#trend").count(), 0);
  assert.equal(await first.locator("#presets ~ * tbody tr").count(), 4);
  await first.end();
});

test("what was done and what waits is told apart", async () => {
  const page = await open("apply");
  assert.match(await page.locator("h1").textContent(), /^Apply: account 123456789012/);
  assert.match(await page.locator(".tiles").textContent(), /[1-5]deleted.*wait for their turn/);
  await page.evaluate((hash) => {
    location.hash = hash;
  }, repository("team/api"));
  await page.waitForSelector("[data-node]");
  assert.ok(
    (await page.locator(".pill.wait, .node.wait").count()) + (await page.locator("[data-node].go").count()) >
      0,
  );
  await page.end();
});

test("an image's neighbourhood is drawn around it", async () => {
  const page = await open("index");
  assert.match(await page.locator(".words").textContent(), /What it is/);
  assert.match(
    await page.locator(".here").first().getAttribute("aria-label"),
    /^index [0-9a-f]{12}.*tag main/,
  );
  const kinds = await page.$$eval("[data-node]", (nodes) =>
    nodes.map((node) => node.getAttribute("aria-label").split(" ")[0]),
  );
  assert.ok(
    ["index", "image", "attestation"].every((kind) => kinds.includes(kind)),
    String(kinds),
  );
  await page.end();
});

test("sources are shown where the report has them", async () => {
  // The data are no part of what the policy of the page protects.
  const html = readFileSync(files.plan, "utf8");
  const own = (name, count) => ({
    kind: "github-actions",
    source: "github.com/acme/<b>shop</b>",
    workflow: name,
    attestations: count,
    pushes: 2,
    statements_read: 1,
    attestations_of_the_last_30_days: count,
    form: "oci",
    first_push: null,
    last_push: "2026-11-20T10:00:00Z",
  });
  const [before, rest] = html.split('id="data">');
  const [text, after] = [rest.slice(0, rest.indexOf("</script>")), rest.slice(rest.indexOf("</script>"))];
  const data = JSON.parse(text);
  data.repositories[0].sources = [own("ci", 3), own("release", 5)];
  data.repositories[1].sources = [
    own("ci", 4),
    { kind: "unknown", source: null, workflow: null, attestations: 1 },
  ];
  files.sources = join(folder, "sources.html");
  writeFileSync(
    files.sources,
    `${before}id="data">${JSON.stringify(data).replaceAll("<", "\\u003c")}${after}`,
  );
  const page = await open("sources");
  const rows = () =>
    page.$$eval("#sources ~ * tbody tr", (rows) =>
      rows.map((row) => [...row.children].map((cell) => cell.textContent)),
    );
  assert.deepEqual(await rows(), [
    ["github.com/acme/<b>shop</b>", "ci", "2", "2026-11-20", "oci", "4", "7", "7"],
    ["github.com/acme/<b>shop</b>", "release", data.repositories[0].name, "2026-11-20", "oci", "2", "5", "5"],
    ["unknown, source not stated", "", data.repositories[1].name, "", "", "0", "1", "0"],
  ]);
  await accessible(page, "sources");
  await page.screenshot({ path: join(screenshots, "sources.png"), fullPage: true });
  await page.evaluate((hash) => {
    location.hash = hash;
  }, repository(data.repositories[0].name));
  await page.waitForSelector("#images");
  assert.equal((await rows()).length, 2);
  await page.end();
});

test("hostile names are text and nothing else", async () => {
  for (const hash of [
    "",
    `#/r/${encodeURIComponent("</script><img src=x onerror=alert(1)>")}`,
    "#/?q=%3Cimg%20src%3Dx%3E&sort=__proto__",
    "#/r/%E0%A4%A/%",
    "#<svg onload=alert(1)>",
  ]) {
    const page = await open("hostile", hash);
    assert.equal(await page.locator("img, iframe, object, embed, link, script[src], base, form").count(), 0);
    assert.notEqual(await page.title(), "owned");
    await page.end();
  }
  const page = await open("hostile");
  const link = page.locator(".repositories tbody a").first();
  assert.ok((await link.textContent()).startsWith("</script><img src=x onerror="));
  assert.doesNotMatch(await page.locator("body").evaluate((it) => it.innerText), /\u202e/);
  await link.click();
  await page.waitForSelector("[data-node]");
  for (const node of await page.locator("[data-node]").all()) await node.hover();
  await page.fill("#search", "<img");
  assert.equal(await page.locator("img").count(), 0);
  assert.match(await page.locator("#name").textContent(), /^<\/script>/);
  await page.end();
});

test("the policy stops whatever would get in", async () => {
  const page = await open("plan");
  await page.evaluate(() => {
    const add = (name, set) => {
      const it = document.createElement(name);
      set(it);
      document.body.append(it);
    };
    add("script", (it) => {
      it.textContent = "window.owned = 1";
    });
    add("img", (it) => {
      it.src = "https://example.invalid/x.png";
    });
    add("iframe", (it) => {
      it.src = "https://example.invalid/";
    });
    const div = document.createElement("div");
    div.innerHTML = "<b onclick='window.owned = 2'>x</b>";
    document.body.append(div);
    div.firstChild.click();
  });
  await page.waitForTimeout(200);
  assert.equal(await page.evaluate(() => window.owned), undefined);
  assert.equal(
    await page.evaluate(() =>
      fetch("https://example.invalid/").then(
        () => "sent",
        () => "refused",
      ),
    ),
    "refused",
  );
  const refused = page.wrong.filter((text) => /Content Security Policy|violates/.test(text));
  assert.ok(refused.length >= 4, String(page.wrong));
  await page.context().close();
});

test("a hundred thousand decisions open at once, and what is not drawn is counted", async () => {
  assert.ok(statSync(files.large).size < MOST_BYTES, `${statSync(files.large).size} bytes`);
  // A figure, not a test: other programs take their time too.
  const timed = await open("large");
  const opened = await timed.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd);
  console.log(`300 repositories and 100,000 decisions: open after ${Math.round(opened)} ms`);
  await timed.end();
  const page = await open("large");
  assert.equal(await page.locator(".repositories tbody tr").count(), 300);
  const [, drawn, all, rest] = (await page.locator(".note").textContent())
    .match(/^([\d,]+) of ([\d,]+) decisions are drawn.* the other ([\d,]+) /)
    .map((it) => Number(it.replaceAll?.(",", "")));
  assert.equal(drawn + rest, all);
  assert.ok(all >= 100_000 && drawn > 30_000, `${drawn} of ${all}`);
  await page.evaluate((hash) => {
    location.hash = hash;
  }, repository("team-7/service-7"));
  await page.waitForSelector("[data-node]");
  const counted = await page.$$eval("#images ~ div table tbody tr td:nth-child(5)", (cells) =>
    cells.map((cell) => Number(cell.textContent.replaceAll(",", ""))),
  );
  assert.ok(counted.reduce((sum, it) => sum + it, 0) > 20_000, String(counted));
  console.log(`large: ${statSync(files.large).size} bytes, ${Math.round(opened)} ms, ${drawn} of ${all} drawn`);
  await page.end();
});

test("it can be printed, read on a telephone, and read without scripts", async () => {
  const page = await open("plan", repository("team/api"));
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".tools").isVisible(), false);
  await page.pdf({ path: join(screenshots, "plan.pdf"), format: "A4", landscape: true });
  await page.end();
  for (const [name, hash] of [
    ["plan", ""],
    ["plan", repository("team/api")],
    ["index", ""],
  ]) {
    const small = await open(name, hash, { viewport: { width: 360, height: 740 } });
    assert.ok(
      await small.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      `${name}${hash} is wider than a telephone`,
    );
    await small.screenshot({ path: join(screenshots, `${name}${hash ? "-repository" : ""}-small.png`) });
    await small.end();
  }
  const plain = await open("plan", "", { javaScriptEnabled: false });
  assert.match(
    await plain.locator("noscript, main").first().textContent(),
    /Attestations: \d+ of \d+ images/,
  );
  await plain.context().close();
});

test("each heading stands above its cells and no reason is cut, at any width", async () => {
  for (const width of [1280, 1100, 1000, 740, 360]) {
    const viewport = { width, height: 800 };
    const list = await open("plan", "", { viewport });
    const [heads, cells] = await list.evaluate(() =>
      ["thead tr", "tbody tr"].map((row) =>
        [...document.querySelector(`.repositories ${row}`).children]
          .filter((cell) => cell.getClientRects().length > 0)
          .map((cell) => Math.round(cell.getBoundingClientRect().left)),
      ),
    );
    assert.deepEqual(heads, cells, `${width}`);
    await list.end();
    if (width < 1000) continue;
    const one = await open("plan", repository("team/api"), { viewport });
    assert.ok(
      await one.evaluate(() => {
        const edge = document.querySelector(".scroll .family").getBoundingClientRect().right;
        const whys = [...document.querySelectorAll(".whyline")];
        return whys.length > 0 && whys.every((it) => it.getBoundingClientRect().right <= edge + 1);
      }),
      `a reason is cut at ${width}`,
    );
    await one.end();
  }
});
