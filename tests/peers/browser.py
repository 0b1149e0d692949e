"""Headless Chromium, spoken to over its DevTools protocol: a page is opened, used by keyboard, and looked at."""

import base64
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import tempfile

import websocket

from hub import check

PATIENCE = 30
"""Seconds to wait for what must come."""

KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "End": (35, ""), "Home": (36, ""), "ArrowUp": (38, ""), "ArrowDown": (40, "")}
SHIFT = 8

# Resolves when the predicate holds; the page's own changes are what it waits for.
UNTIL = """new Promise((resolve) => {
  const holds = () => { try { return PREDICATE; } catch { return false; } };
  const observer = new MutationObserver(() => { if (holds()) end(true); });
  const timer = setTimeout(() => end(false), LIMIT);
  const end = (value) => { observer.disconnect(); clearTimeout(timer); resolve(value); };
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  if (holds()) end(true);
})"""


def fingerprint(host, port):
    """The hash of a server's public key, as Chromium is told to trust it."""
    certificate = ssl.get_server_certificate((host, port))
    public = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=certificate.encode(), check=True, capture_output=True)
    key = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public.stdout, check=True, capture_output=True)
    return base64.b64encode(hashlib.sha256(key.stdout).digest()).decode()


class Browser:
    """A browser with a profile of its own, that trusts one server beside those that everybody trusts."""

    def __init__(self, host, port):
        self.profile = tempfile.mkdtemp()
        command = [os.environ.get("CHROMIUM", "chromium"), "--headless", "--remote-debugging-port=0", f"--user-data-dir={self.profile}"]
        command += ["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"]
        command += [f"--ignore-certificate-errors-spki-list={fingerprint(host, port)}", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        address = next(line.split()[-1] for line in self.process.stderr if line.startswith("DevTools listening on"))
        # What else it says has to go somewhere.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)
        self.socket = websocket.create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self.last = 0
        self.pages = {}

    def page(self):
        """A page in a window and with cookies of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return self.pages.setdefault(session, Page(self, session))

    def call(self, method, session=None, **parameters):
        """Asks the browser; its answer. What it tells meanwhile goes to its pages."""
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        self.socket.send(json.dumps({**request, "sessionId": session} if session else request))
        while True:
            answer = self.hear()
            if answer.get("id") == self.last:
                check("error" not in answer, f"{method}: {answer.get('error')}")
                return answer["result"]

    def hear(self):
        """What the browser says next."""
        said = json.loads(self.socket.recv())
        page = self.pages.get(said.get("sessionId"))
        if page is not None and "method" in said:
            page.hear(said["method"], said["params"])
        return said

    def close(self):
        """Ends it, and leaves nothing behind."""
        self.process.kill()
        self.process.wait()
        self.drain.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """One page."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.requests, self.complaints, self.loads = [], [], 0
        browser.pages[session] = self
        for domain in ["Page", "Runtime", "Network", "Log", "Accessibility"]:
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Asks the browser about this page."""
        return self.browser.call(method, self.session, **parameters)

    def hear(self, method, parameters):
        """Keeps what a test wants to know: requests, loads, and whatever the browser complains of."""
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(parameters["args"]))

    def wait_for_load(self, loads):
        """Waits until so many pages have been loaded here."""
        while self.loads < loads:
            self.browser.hear()

    def open(self, address):
        """Opens an address."""
        loads = self.loads + 1
        self.call("Page.navigate", url=address)
        self.wait_for_load(loads)

    def look(self, expression):
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        check("exceptionDetails" not in found, f"{expression}: {found.get('exceptionDetails')}")
        return found["result"].get("value")

    def until(self, predicate, what=None):
        """Waits until an expression holds in the page."""
        holds = self.look(UNTIL.replace("PREDICATE", predicate).replace("LIMIT", str((PATIENCE - 5) * 1000)))
        if not holds:
            print(self.look("document.body.innerText"))
        check(holds, f"{what or predicate} on the page")

    def press(self, key, modifiers=0):
        """Presses a key."""
        code, text = KEYS.get(key) or (ord(key.upper()), key)
        event = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def tab_to(self, selector, back=False):
        """Goes on by Tab until an element has the focus that is seen to have it."""
        for _ in range(80):
            self.press("Tab", SHIFT if back else 0)
            found = self.look(f"document.activeElement.matches({json.dumps(selector)})")
            if found:
                check(self.look("document.activeElement.matches(':focus-visible')"), f"the focus of {selector} is seen")
                return
        check(False, f"Tab leads to {selector}")

    def type(self, text):
        """Types a text where the focus is."""
        self.call("Input.insertText", text=text)

    def nameless(self):
        """What can be used on the page and says not what for."""
        roles = ["button", "textbox", "searchbox", "checkbox", "link", "columnheader"]
        nodes = [node for node in self.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
        named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node]
        check(any(role == "button" for role, _ in named), "buttons are found")
        return [role for role, name in named if role in roles and not name.strip()]

    def dress(self, width, height, scheme):
        """A window of this size, light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def shoot(self, name):
        """Keeps a picture of the page in the folder UI_SHOTS, where there is one."""
        folder = os.environ.get("UI_SHOTS")
        if folder:
            picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            with open(os.path.join(folder, f"{name}.png"), "wb") as file:
                file.write(base64.b64decode(picture))
