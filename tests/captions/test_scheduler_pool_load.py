"""The load of live captions, for which files that are transcribed in the background wait."""

from qal.captions.scheduled import ScheduledSession
from qal.captions.scheduler_pool import SchedulerPool
from tests.captions.test_scheduler import GatedEngine, new_session, random_samples
from tests.waiting import wait_until


def test_pool_has_pending_requests_until_they_are_transcribed():
    pool, engine = SchedulerPool(4), GatedEngine()
    assert not pool.has_sessions()
    with pool.scheduler_of(engine) as scheduler:  # type: ignore[arg-type]
        session: ScheduledSession = scheduler.add(new_session(), lambda captions: None)
    assert pool.has_sessions()
    assert not pool.has_pending()
    scheduler.feed(session, random_samples(0))
    assert pool.has_pending()
    engine.released.set()
    assert wait_until(lambda: not pool.has_pending()) is None
    scheduler.remove(session)
    assert not pool.has_sessions()
    pool.close_idle()
