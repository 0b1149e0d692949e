"""Headless Chromium opens the emulator's page by its link and uses it by keyboard, while a device of azure-iot-device
(PyPI) over MQTT is at the other end; nothing leaves for elsewhere, and the browser complains of nothing."""

import threading

from azure.iot.device import MethodResponse
from browser import PATIENCE, Browser
from device_mqtt import client
from hub import READY, check, check_equal

DEVICE = "py-ui-1"
STRANGE = "AZaz09-:.+%_#*?!(),=@;$'??"
HOSTILE = "<img src=x onerror=document.title='broken'></pre><script>document.title='broken'</script>"
ROW = "[...document.querySelectorAll('#devices tbody tr')].find((row) => row.querySelector('button').textContent === '%s')"
NEWEST = "document.querySelector('#events > li:not([hidden])')"


class Board:
    """A device that answers calls and keeps what it is sent."""

    def __init__(self):
        self.board = client(DEVICE)
        self.told, self.heard = [], threading.Event()

    def connect(self):
        """Connects, which the SDK also does by itself as soon as it is told who listens."""
        self.board.connect()
        self.board.on_method_request_received = self.answer
        self.board.on_message_received = self.keep

    def answer(self, call):
        payload = {"of": call.name, "with": call.payload}
        self.board.send_method_response(MethodResponse.create_from_method_request(call, 202, payload))

    def keep(self, message):
        self.told.append(message)
        self.heard.set()


def opens(page):
    """The link leads to the page, without the token in the address."""
    page.dress(1280, 900, "light")
    page.open(READY["ui"])
    check_equal(page.look("location.pathname + location.search"), "/ui", "address of the page")
    page.until("document.getElementById('link').textContent === 'live'")
    page.until(f"!!({ROW % DEVICE})", "the device")
    quoted = STRANGE.replace("\\", "\\\\").replace("'", "\\'")
    page.until(f"!!({ROW % quoted})", "a device with every character that an id may have")
    check_equal(page.nameless(), [], "what has no name")


def sees_a_device_connect(page, board):
    """The device's dot changes by itself; chosen by keyboard, it shows its twin, which changes by itself as well."""
    page.until(f"({ROW % DEVICE}).textContent.includes('not connected')")
    board.connect()
    page.until(f"({ROW % DEVICE}).querySelector('.dot.on')?.textContent === 'connected'", "the device is seen connected")
    page.tab_to("#devices button")
    first = page.look("document.activeElement.textContent")
    page.press("ArrowDown")
    check(page.look("document.activeElement.textContent") != first, "arrows lead from device to device")
    page.press("Home")
    check_equal(page.look("document.activeElement.textContent"), first, "the first device")
    page.tab_to("#find", back=True)
    page.type(DEVICE)
    page.until("document.querySelectorAll('#devices tbody tr').length === 1", "one device is found")
    page.tab_to("#devices button")
    page.press("Enter")
    page.until(f"document.getElementById('detail-title').textContent === '{DEVICE}'", "the device is chosen")
    board.board.patch_twin_reported_properties({"firmware": HOSTILE})
    page.until("document.getElementById('reported').textContent.includes('onerror')", "what the device reports")


def sees_events(page, board):
    """An event is there at once, as text, and only where it is wanted."""
    page.tab_to("#only")
    page.press(" ")
    page.until("!document.getElementById('no-events').hidden", "nothing of this device yet")
    check_equal(page.look("document.getElementById('example').textContent"),
                f"hubctl send {DEVICE} '{{\"temperature\": 24.5}}'", "the command that sends one")
    board.send_message(HOSTILE)
    page.until(f"{NEWEST}.querySelector('pre').textContent.includes('onerror')", "the event")
    check_equal(page.look(f"{NEWEST}.querySelector('pre').textContent"), HOSTILE, "body")
    check_equal(page.look("document.querySelectorAll('#events img, #events script, #detail img').length"), 0, "markup")
    page.tab_to("#pause")
    page.press("Enter")
    board.send_message("while it was paused")
    page.until("document.getElementById('pause').textContent === 'Go on (1 more)'", "an event waits")
    check_equal(page.look(f"{NEWEST}.querySelector('pre').textContent"), HOSTILE, "newest event")
    page.press("Enter")
    page.until(f"{NEWEST}.querySelector('pre').textContent === 'while it was paused'", "the event that waited")


def speaks_with_the_device(page, board):
    """A message that is sent arrives, and a method's answer is shown."""
    page.tab_to("#send-body", back=True)
    page.type('{"led": "on"}')
    page.tab_to("#send-properties")
    page.type("level=high & rising\n a = b=c")
    page.tab_to("#send button")
    page.press("Enter")
    check(board.heard.wait(PATIENCE), "the message arrives")
    message = board.told[0]
    check_equal((message.data, message.content_type), (b'{"led": "on"}', "application/json"), "message")
    check_equal(message.custom_properties, {"level": "high & rising", "a": "b=c"}, "properties")
    page.until("document.getElementById('send-said').classList.contains('good')", "the hub has taken the message")
    check_equal(page.look("document.activeElement.textContent"), "Send message", "focus after sending")
    page.tab_to("#call-name")
    page.type("reboot")
    page.tab_to("#call-payload")
    page.type('{"in": 5}')
    page.tab_to("#call button")
    page.press("Enter")
    page.until("document.getElementById('call-said').textContent.startsWith('Status 202 ')", "the answer's status")
    answer = page.look("JSON.parse(document.getElementById('call-answer').textContent)")
    check_equal(answer, {"of": "reboot", "with": {"in": 5}}, "answer")


def fits(page):
    """Nothing is cut off on a telephone, in the light and in the dark."""
    for width, height, scheme in [(1280, 900, "light"), (1280, 900, "dark"), (360, 740, "light"), (360, 740, "dark")]:
        page.dress(width, height, scheme)
        found = page.look("document.documentElement.scrollWidth")
        check(found <= width, f"{width} pixels are enough for {found}")
        page.shoot(f"page-{width}-{scheme}")


def ends(page, board):
    """A device that goes is seen to go; who signs out is out, and a key lets in again."""
    board.shutdown()
    page.until(f"({ROW % DEVICE}).textContent.includes('not connected')", "the device is seen to go")
    check_equal(page.complaints, [], "what the browser complains of")
    page.tab_to("#logout", back=True)
    loads = page.loads + 1
    page.press("Enter")
    page.wait_for_load(loads)
    for width, scheme in [(1280, "light"), (360, "dark")]:
        page.dress(width, 740, scheme)
        page.shoot(f"door-{width}-{scheme}")
    enters_with_a_key(page)


def enters_with_a_key(page):
    """The page asks for a key; a wrong one is refused in words, the hub's own lets in."""
    page.until("document.activeElement.id === 'key'", "the focus is where the key goes")
    page.type("bm90IHRoZSBrZXk=")
    page.press("Enter")
    page.until("document.getElementById('login-said').textContent.length > 0", "a wrong key is refused")
    # It is selected, so that what is typed takes its place.
    page.until("!document.querySelector('#login button').disabled")
    page.type(READY["hubConnectionString"])
    loads = page.loads + 1
    page.press("Enter")
    page.wait_for_load(loads)
    page.until("document.getElementById('link').textContent === 'live'")


def main():
    browser = Browser("localhost", READY["ports"]["https"])
    try:
        page, board = browser.page(), Board()
        opens(page)
        sees_a_device_connect(page, board)
        sees_events(page, board.board)
        speaks_with_the_device(page, board)
        fits(page)
        ends(page, board.board)
        late = browser.page()
        late.open(READY["ui"])
        late.until("document.body.innerText.includes('used already')", "a link that was used says so")
        enters_with_a_key(late)
        asked = page.requests + late.requests
        check(len(asked) > 10, f"{len(asked)} requests are seen")
        foreign = [url for url in asked if not url.startswith("https://localhost/ui")]
        check_equal(foreign, [], "requests that go elsewhere")
        check_equal(page.look("document.title"), "hubctl emulator", "title")
    finally:
        browser.close()


if __name__ == "__main__":
    main()
