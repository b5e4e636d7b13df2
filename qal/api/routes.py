"""The routes that are served beside the pages. A new route is added to `live_routes` or `studio_routes`."""

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from qal.api.access import Allowed, UserOf, no_user
from qal.api.audience.control import audience_control_route
from qal.api.audience.routes import audience_routes
from qal.api.corrections import correction_route
from qal.api.live_events import LiveEvents
from qal.api.live_hub import LiveHub
from qal.api.live_sessions import session_routes
from qal.api.live_socket import live_route
from qal.api.origin import ShareAddress
from qal.api.studio.model_zip import FindModel, model_zip_route
from qal.api.studio.recordings import recording_routes
from qal.api.studio.run_changes import run_changes_route
from qal.api.studio.tensorboard_proxy import TensorBoard, tensorboard_routes
from qal.api.studio.transcript_sound import FindSound, transcript_sound_route


def live_routes(
    hub: LiveHub,
    live: Path,
    data: Path,
    bound: str,
    allowed: Allowed,
    user_of: UserOf = no_user,
    share_address: ShareAddress = lambda: None,
) -> list[BaseRoute]:
    """The routes of the Live page.

    Args:
        hub: the live sessions of the server.
        live: folder of the live sessions.
        data: folder of the datasets, to which corrections are added.
        bound: the name or address on which the server listens.
        allowed: whether a connection may use the server.
        user_of: returns the name of a connection's user.
        share_address: returns the address of the share link.
    """
    return [
        live_route(hub, allowed, user_of),
        *LiveEvents(hub, allowed, user_of).routes(),
        correction_route(live, data, allowed, user_of),
        *session_routes(hub, live, allowed, user_of),
        audience_control_route(hub.audience, bound, share_address, allowed, user_of),
        *audience_routes(hub.audience),
    ]


def studio_routes(
    runs: Path,
    data: Path,
    find_download: FindModel,
    find_sound: FindSound,
    tensorboard: TensorBoard,
    allowed: Allowed,
    user_of: UserOf = no_user,
) -> Sequence[BaseRoute]:
    """The routes of the studio besides those of its Live tab.

    Args:
        runs: folder of the training runs.
        data: folder of the datasets, into which speakers record.
        find_download: finds the folder and the file name of a model's zip file.
        find_sound: finds the sound of a transcribed file.
        tensorboard: the TensorBoard process of the server.
        allowed: whether a connection may use the server.
        user_of: returns the name of a connection's user.
    """
    return [
        run_changes_route(runs, allowed),
        model_zip_route(find_download, allowed),
        transcript_sound_route(find_sound, allowed, user_of),
        *tensorboard_routes(tensorboard, allowed),
        *recording_routes(data, allowed, user_of),
    ]
