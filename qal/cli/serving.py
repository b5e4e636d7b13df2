"""The login and the guard of the pages, made from the options of `qal studio` and `qal live`."""

from starlette.types import ASGIApp

from qal.api.access import Allowed
from qal.api.origin import HostNames
from qal.api.request_guard import MAX_BODY_BYTES, RequestGuard
from qal.api.users import Login, SingleUser, Users
from ui_components.app.server import Guard, ShareAddress
from ui_components.app.server_options import ServeOptions
from ui_components.app.uploads import MAX_UPLOAD_BYTES


def login_of(options: ServeOptions) -> Login | None:
    """Returns the accounts of --users or --auth, None if there is no login. Raises OptionError for an invalid file."""
    if options.users:
        return Users(options.users)
    return SingleUser(options.auth) if options.auth else None


def guard_of(options: ServeOptions) -> Guard:
    """Returns the guard for the names of the server."""

    def guard(app: ASGIApp, allowed: Allowed, share_address: ShareAddress) -> ASGIApp:
        hosts = HostNames(options.host, options.public_host, share_address)
        return RequestGuard(app, hosts, allowed, MAX_UPLOAD_BYTES + MAX_BODY_BYTES)

    return guard
