"""Looks at a monitor's pages with a real browser, at two sizes and in both themes.

    browser.py pages URL SHOTS       each page: time to load, errors, foreign requests, axe-core, keyboard, screenshots
    browser.py moves URL             curves and numbers follow a batch
    browser.py same URL AUDIT.json   page = status.json = ledger
    browser.py lost URL PID COMMAND… the service hangs, the browser sleeps, the service is killed and starts again
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

PAGES = ["/", "/live.html", "/history.html", "/alerts.html"]
SIZES = {"wide": (1400, 900), "phone": (390, 844)}
NUMBERS = ["read", "written", "rejected", "dropped"]


def status(url):
    with urllib.request.urlopen(url + "/status.json", timeout=5) as r:
        return json.load(r)


@contextlib.contextmanager
def browser():
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox", "--disable-gpu"])
        yield b
        b.close()


class Visit:
    """A page, and what went wrong on it."""

    def __init__(self, b, url, path, size="wide", theme="light"):
        self.context = b.new_context(viewport=dict(zip(("width", "height"), SIZES[size])), color_scheme=theme, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.name = f"{path} {size} {theme}"
        self.wrong = []
        host = urlsplit(url).netloc
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.wrong.append("console: " + m.text))
        self.page.on("pageerror", lambda e: self.wrong.append("error: " + str(e)))
        self.page.on("request", lambda r: urlsplit(r.url).netloc != host and self.wrong.append("foreign: " + r.url))
        self.page.on("response", lambda r: r.status >= 400 and self.wrong.append(f"{r.status}: {r.url}"))
        self.page.on("dialog", lambda d: (self.wrong.append("dialog: " + d.message), d.dismiss()))
        self.page.goto(url + path, wait_until="load")

    def numbers(self):
        return {n: int(self.page.inner_text("#" + n).replace(",", "")) for n in NUMBERS}

    def lost(self):
        return self.page.is_visible("#lost.on")

    def done(self):
        self.context.close()
        if self.wrong:
            sys.exit(f"{self.name}: " + "; ".join(self.wrong[:5]))


def wait(what, seconds, reached):
    begun = time.time()
    while not reached():
        if time.time() - begun > seconds:
            sys.exit(f"not within {seconds} s: {what}")
        time.sleep(0.1)
    return time.time() - begun


def pages(url, shots):
    os.makedirs(shots, exist_ok=True)
    axe, slowest, checks = Axe(), 0, 0
    with browser() as b:
        Visit(b, url, "/").done()  # the browser's own start is not the page's
        for path in PAGES:
            for size in SIZES:
                for theme in ("light", "dark"):
                    times = []
                    for _ in range(3):  # the best of three: the machine does other work too
                        v = Visit(b, url, path, size, theme)
                        times.append(v.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
                        if times[-1] < 1000:
                            break
                        v.done()
                    slowest = max(slowest, min(times))
                    if min(times) >= 1000:
                        sys.exit(f"{v.name}: loaded within {min(times):.0f} ms")
                    if path == "/live.html":
                        v.page.wait_for_function("document.getElementById('read').textContent !== '–'", timeout=5000)
                    if path == "/alerts.html":
                        v.page.wait_for_selector("#alerts td.num", timeout=20000)
                        strange(v)
                    v.page.wait_for_timeout(700)
                    for bad in axe.run(v.page).response["violations"]:
                        if bad["impact"] in ("serious", "critical"):
                            v.wrong.append(f"axe, {bad['impact']}: {bad['id']}: {bad['nodes'][0]['html'][:200]}: {bad['nodes'][0].get('failureSummary')}")
                    checks += 1
                    over = v.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    if over > 0:
                        v.wrong.append(f"{over} px wider than the screen")
                    name = (path.strip("/").removesuffix(".html") or "index") + f"-{size}-{theme}.png"
                    v.page.screenshot(path=os.path.join(shots, name), full_page=size == "phone")
                    keyboard(v, path)
                    v.done()
    print(f"    {checks} visits: no error, no foreign request, nothing serious by axe-core; the slowest loaded in {slowest:.0f} ms")


def strange(v):
    """Text from packets is text: escapes for control characters, isolated marks, no elements."""
    cell = v.page.locator("#alerts td.text", has_text="<img").first
    cell.wait_for(timeout=10000)
    text, html = cell.inner_text(), cell.inner_html()
    if "\\u001b" not in text or "\x1b" in text or "<img" in html or not html.startswith("<bdi"):
        v.wrong.append(f"strange text: {html!r}")


def keyboard(v, path):
    """Every link and button has the focus once on the way by Tab, and shows it."""
    v.page.evaluate("document.activeElement.blur()")
    want = v.page.evaluate("[...document.querySelectorAll('a[href], button')].filter((e) => e.offsetParent).length")
    seen = 0
    for _ in range(want + 30):
        v.page.keyboard.press("Tab")
        at = v.page.evaluate("(() => { const e = document.activeElement; return [e.tagName, getComputedStyle(e).outlineStyle] })()")
        if at[0] in ("A", "BUTTON"):
            seen += 1
            if at[1] == "none":
                v.wrong.append("focus that is not seen: " + at[0])
        if seen == want:
            break
    if seen < want:
        v.wrong.append(f"{seen} of {want} links and buttons have the focus by Tab")
    if path == "/history.html":
        v.page.focus("#ranges button:nth-child(2)")
        v.page.keyboard.press("Enter")
        v.page.wait_for_function("document.querySelector('#ranges button:nth-child(2)').getAttribute('aria-pressed') === 'true'")
        before = v.page.inner_text("#from")
        v.page.get_by_role("button", name="zoom in").focus()
        v.page.keyboard.press("Space")
        v.page.wait_for_function("(t) => document.getElementById('from').textContent !== t", arg=before)


def moves(url):
    with browser() as b:
        v = Visit(b, url, "/live.html")
        curve = lambda: v.page.get_attribute("#rate path.out", "d")
        wait("a curve", 10, lambda: v.page.query_selector("#rate path.out") is not None)
        slowest = 0
        for _ in range(5):
            last = status(url)["batch"]["number"]
            wait("a batch", 20, lambda: status(url)["batch"]["number"] > last)
            now, before = status(url)["job"], curve()
            took = wait("numbers and curves follow a batch", 2, lambda: v.numbers()["written"] >= now["written"] and curve() != before)
            slowest = max(slowest, took)
        v.done()
    print(f"    numbers and curves follow a batch within {slowest:.1f} s")


def same(url, audit):
    rows = json.load(open(audit))["partitions"]
    ledger = {n: sum(r.get(n, 0) for r in rows) for n in NUMBERS}
    with browser() as b:
        v = Visit(b, url, "/live.html")
        wait("numbers on the page", 5, lambda: v.page.inner_text("#read") != "–")
        page, job = v.numbers(), status(url)["job"]
        v.done()
    print(f"    page {page}, status {({n: job[n] for n in NUMBERS})}, ledger {ledger}")
    if not page == {n: job[n] for n in NUMBERS} == ledger:
        sys.exit("not equal")


def lost(url, pid, *command):
    pid = int(pid)
    with browser() as b:
        v = Visit(b, url, "/live.html")
        v.page.evaluate("window.same = true")
        wait("a first status", 10, lambda: v.page.inner_text("#read") != "–")

        os.kill(pid, signal.SIGSTOP)
        said = wait("lost, when the service hangs", 15, v.lost)
        os.kill(pid, signal.SIGCONT)
        back = wait("back, when it goes on", 30, lambda: not v.lost())
        print(f"    the service hangs: said after {said:.1f} s, back after {back:.1f} s")

        cdp = v.context.new_cdp_session(v.page)
        cdp.send("Page.setWebLifecycleState", {"state": "frozen"})
        time.sleep(15)
        cdp.send("Page.setWebLifecycleState", {"state": "active"})
        stamp = status(url)["job"]["read"]
        back = wait("back, when the browser wakes", 30, lambda: not v.lost() and v.numbers()["read"] >= stamp)
        print(f"    the browser sleeps for 15 s: back after {back:.1f} s")

        os.kill(pid, signal.SIGKILL)
        said = wait("lost, when the service is killed", 15, v.lost)
        time.sleep(5)
        again = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait("the service starts again", 30, lambda: answers(url))
            back = wait("back, when it is started again", 30, lambda: not v.lost() and v.page.inner_text("#started") == started(url))
            print(f"    the service is killed: said after {said:.1f} s, back {back:.1f} s after its start")
            if not v.page.evaluate("window.same"):
                sys.exit("the page was loaded again")
        finally:
            again.terminate()
            again.wait()
        v.wrong = [w for w in v.wrong if not re.search(r"ERR_(CONNECTION|INCOMPLETE|EMPTY|NETWORK)", w)]
        v.done()


def answers(url):
    try:
        return bool(status(url))
    except OSError:
        return False


def started(url):
    return status(url)["started"][:19].replace("T", " ") + " UTC"


globals()[sys.argv[1]](*sys.argv[2:])
