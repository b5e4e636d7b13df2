"""The viewers of audience links, and the captions that they read.

Sessions are captioned in threads; the logs of the viewers (qal.captions.audience) belong to the event loop. A caption
costs its thread one call of the loop, however many viewers there are, and nothing where a link has no viewers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from qal.api.audience.links import AudienceLinks
from qal.captions.audience import AudienceLog
from qal.captions.audience_link import AudienceLink
from qal.captions.final_captions import Caption
from qal.captions.record import SessionRecord
from qal.captions.resumable_session import SessionUpdate, UpdateCallback
from qal.captions.scheduler import BusyError
from qal.errors import OptionError

MAX_VIEWERS, MAX_VIEWERS_OF_A_LINK = 500, 300  # each has a connection; many systems allow 1024 open files
CHECK_INTERVAL_S = 3.0  # between two checks whether links were deleted on disk
FULL = "too many viewers; try again in a minute"
REVOKED = "this link is no longer valid"
LOG = logging.getLogger("qal")


class Channel:
    """The log of a link, the number of its viewers, and the signal that the log has changed."""

    def __init__(self, log: AudienceLog):
        self.log = log
        self.viewers = 0
        self.is_ready = asyncio.Event()  # set when the captions on disk are in the log
        self.changed = asyncio.Event()  # a new one after each change

    def signal(self) -> None:
        """Wakes all viewers."""
        self.changed.set()
        self.changed = asyncio.Event()


class AudienceHub:
    """The links and the viewers of a server. Methods that say so belong to the event loop of the server.

    Args:
        live: folder of the session records."""

    def __init__(self, live: Path):
        self._live = live
        self._loop: asyncio.AbstractEventLoop | None = None  # None until the first viewer comes
        self._channels: dict[str, Channel] = {}  # by token; changed in the event loop only
        self._check_task: asyncio.Task[None] | None = None
        self._load_tasks: set[asyncio.Task[None]] = set()
        self.links = AudienceLinks(live, lambda token: self._call(self._update_channel, token))

    def tee(self, session: str, on_update: UpdateCallback) -> UpdateCallback:
        """Returns a callback that passes updates on to the session's client, then its captions to the viewers."""

        def send(update: SessionUpdate) -> None:
            try:
                on_update(update)
            finally:
                if update.captions and self.links.token_of(session) in self._channels:
                    self._call(self._add_captions, session, update.captions)

        return send

    def session_opened(self, session: str) -> None:
        """Shows the viewers that the session is captioned."""
        self.links.set_open(session, True)
        self.links.set_ended(session, False)

    def session_closed(self, session: str) -> None:
        """Shows the viewers that the session is no longer in memory; its client may resume it."""
        self.links.set_open(session, False)

    def session_finished(self, session: str) -> None:
        """Shows the viewers that the speaker has ended the session."""
        self.links.set_ended(session, True)

    def viewers(self, link: AudienceLink) -> int:
        """Returns the number of viewers."""
        channel = self._channels.get(link.token)
        return channel.viewers if channel else 0

    @contextmanager
    def viewer(self, token: str) -> Iterator[None]:
        """Counts a viewer, in the event loop. Raises BusyError for too many viewers, OptionError for a revoked link."""
        channel = self._channel(token)
        total = sum(c.viewers for c in self._channels.values())
        if channel.viewers >= MAX_VIEWERS_OF_A_LINK or total >= MAX_VIEWERS:
            raise BusyError(FULL)
        channel.viewers += 1
        try:
            yield
        finally:
            channel.viewers -= 1

    async def events(self, token: str, cursor: str | None) -> AsyncIterator[bytes]:
        """Yields server-sent events for a counted viewer, in the event loop, until the link is revoked.

        Nothing is collected for a viewer whose connection takes no data: it reads on later in the common log."""
        channel = self._channel(token)
        await channel.is_ready.wait()
        reader = channel.log.reader(cursor)
        while True:
            changed = channel.changed
            if events := channel.log.read(reader):
                yield events
            if channel.log.is_revoked:
                return
            await changed.wait()

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Calls a function in the event loop, in the order of these calls."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the event loop is closed
            LOG.debug("the viewers were gone before this update")

    # --- The methods below belong to the event loop.

    def _channel(self, token: str) -> Channel:
        """Returns the channel of a link, a new one for the first viewer. Raises OptionError for a revoked link."""
        if channel := self._channels.get(token):
            return channel
        link = self.links.of_token(token)
        if not link:
            raise OptionError(REVOKED)
        self._use_running_loop()
        channel = self._channels[token] = Channel(AudienceLog(self.links.state(link)))
        self._update_channel(token)
        return channel

    def _use_running_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._channels.clear()
            self._check_task = None
        if self._check_task is None or self._check_task.done():
            self._check_task = loop.create_task(self._check_channels())

    def _update_channel(self, token: str) -> None:
        """Brings the log of a link up to date with the link: its state, its sessions, its end."""
        channel, link = self._channels.get(token), self.links.of_token(token)
        if channel and link:
            state = self.links.state(link)
            if state != channel.log.state:
                channel.log.set_state(state)
                channel.signal()
            self._add_sessions(channel, link)
        elif channel:
            channel.log.revoke()
            channel.is_ready.set()
            channel.signal()
            del self._channels[token]

    def _add_sessions(self, channel: Channel, link: AudienceLink) -> None:
        """Adds the sessions of the link that are not in the log yet."""
        new = []
        for pane_number, pane in enumerate(link.panes):
            for item in pane.sessions:
                if item.session not in channel.log.sessions:
                    channel.log.add_session(item.session, pane_number, item.number)
                    new.append(item.session)
        if new:
            task = asyncio.get_running_loop().create_task(self._load(channel, new))
            self._load_tasks.add(task)  # the event loop itself keeps no reference
            task.add_done_callback(self._load_tasks.discard)

    async def _load(self, channel: Channel, sessions: Sequence[str]) -> None:
        """Adds what the sessions have on disk to the log."""
        for session in sessions:
            channel.log.load(session, await run_in_threadpool(self._stored_captions, session))
        channel.is_ready.set()
        channel.signal()

    def _stored_captions(self, session: str) -> list[Caption]:
        """Returns the captions of a session; one that was deleted or cannot be read has none."""
        try:
            return [stored.caption() for stored in SessionRecord(self._live, session).stored_captions()]
        except FileNotFoundError:
            return []
        except OSError:
            LOG.exception("captions for the audience could not be read")
            return []

    def _add_captions(self, session: str, captions: Sequence[Caption]) -> None:
        if channel := self._channels.get(self.links.token_of(session) or ""):
            channel.log.add(session, captions)
            channel.signal()

    async def _check_channels(self) -> None:
        """Applies deletions on disk, of links and sessions, and drops logs that have neither viewers nor a speaker."""
        while self._channels:
            await asyncio.sleep(CHECK_INTERVAL_S)
            await run_in_threadpool(self.links.drop_deleted)
            for token, channel in list(self._channels.items()):
                for session in await run_in_threadpool(self._deleted, channel.log.sessions):
                    channel.log.forget(session)
                if not channel.viewers and not channel.log.state.live:
                    self._channels.pop(token, None)

    def _deleted(self, sessions: Collection[str]) -> list[str]:
        return [session for session in sessions if not (self._live / session).is_dir()]
