"""POST /qal/live/audience: the speaker's page switches the audience link of its session on or off, or reads its state.

It is behind the login of the page. The session id, which cannot be guessed, proves whose session it is."""

from typing import Literal

from pydantic import BaseModel, Field
from starlette.routing import Route

from qal.api.access import INVALID_MESSAGE, Allowed, UserOf, no_user
from qal.api.audience.address import link_address, qr_code, split_page
from qal.api.audience.hub import AudienceHub
from qal.api.json_route import json_route
from qal.api.origin import ShareAddress
from qal.captions.audience_link import MAX_PANES, AudienceLink, PaneSource
from qal.errors import OptionError

PATH = "/qal/live/audience"


class AudienceRequest(BaseModel, frozen=True, extra="forbid"):
    """Body of the request.

    "on" gives the sessions of the panes a link; "off" and "status" concern the link of the first one."""

    do: Literal["on", "off", "status"]
    panes: list[PaneSource] = Field(default=[], max_length=MAX_PANES)
    previous: str | None = Field(default=None, max_length=64, description="session whose link is taken over")
    page: str = Field(max_length=2000, description="address of the speaker's page")


class AudienceResponse(BaseModel, frozen=True):
    """Body of the response. Without a link, only `on` has a meaning."""

    on: bool
    session: str = ""  # the link is stored with it
    link: str = ""
    is_local: bool = False  # the link can be opened on this machine only
    qr: str = ""  # an image as a data URI
    viewers: int = 0


def audience_control_route(
    hub: AudienceHub,
    bound: str,
    share_address: ShareAddress,
    allowed: Allowed,
    user_of: UserOf = no_user,
) -> Route:
    """Returns the route of the speaker's page.

    Args:
        hub: the links and viewers of the server.
        bound: the name or address on which the server listens.
        share_address: returns the address of the share link.
        allowed: whether a connection may use the server.
        user_of: returns the name of a connection's user."""

    def change(message: AudienceRequest, user: str | None) -> AudienceResponse:
        split_page(message.page)  # before anything changes
        _require_own(message, hub, user)
        return _response(_apply(message, hub), message.page)

    def _response(link: AudienceLink | None, page: str) -> AudienceResponse:
        if not link:
            return AudienceResponse(on=False)
        url, is_local = link_address(page, link.token, bound, share_address())
        viewers = hub.viewers(link)
        return AudienceResponse(
            on=True, session=link.owner, link=url, is_local=is_local, qr=qr_code(url), viewers=viewers
        )

    return json_route(PATH, AudienceRequest, change, allowed, user_of)


def _require_own(message: AudienceRequest, hub: AudienceHub, user: str | None) -> None:
    """Raises SessionAccessError if a session belongs to another user, OptionError if an id is not valid."""
    sessions = [pane.session for pane in message.panes] + ([message.previous] if message.previous else [])
    for session in sessions:
        hub.links.require_own(session, user)


def _apply(message: AudienceRequest, hub: AudienceHub) -> AudienceLink | None:
    """Does what the request says; returns the link, if there is one. Raises OptionError, StorageError."""
    if message.do == "on":
        return hub.links.switch_on(message.panes, message.previous)
    if not message.panes:
        raise OptionError(INVALID_MESSAGE)
    session = message.panes[0].session
    if message.do == "off":
        hub.links.switch_off(session)
        return None
    return hub.links.of_session(session)
