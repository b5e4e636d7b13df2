"""The link for the audience on the Live page: a button and the panel that it opens (audience.js)."""

AUDIENCE_BUTTON_HTML = """<button class="audience" type="button" aria-expanded="false">Audience link</button>"""


def audience_html() -> str:
    """Returns the panel; it is hidden until the button is pressed, and no link exists until one is created."""
    return """<section class="qal-audience qal-note" aria-label="Audience link" hidden>
<div class="off"><p>Everyone with the link can read the captions, without a login, and nothing else. The link stays the
same when you stop and start again; it is valid until you revoke it.</p>
<button class="create" type="button">Create link</button></div>
<div class="on" hidden><button class="enlarge" type="button" title="Enlarge"><img class="qr"
alt="QR code of the link, enlarge"></button>
<div class="facts"><p><b class="viewers" role="status"></b></p>
<label>Link <input class="link" readonly></label>
<p class="local" hidden>Only this computer can open this link. Start Qal with <code>--share</code> or
<code>--host 0.0.0.0</code>, or open this page at its public address.</p>
<div class="buttons"><button class="copy-link" type="button">Copy link</button>
<a class="open-link" target="_blank" rel="noopener">Open</a>
<button class="copy-overlay" type="button" title="Transparent page for OBS and other streaming software">Copy overlay
link</button>
<button class="revoke" type="button">Revoke link</button></div></div></div>
<p class="error" role="alert" hidden></p>
<dialog aria-label="QR code of the audience link"><img class="qr" alt="QR code of the link"><p class="address"></p>
<form method="dialog"><button>Close</button></form></dialog></section>"""
