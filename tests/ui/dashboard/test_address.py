"""The address says what the page shows, and shows it again."""

import asyncio

import pytest

from ui.dashboard.address import address_of, open_address, watch_address
from ui.dashboard.session import Session, User


@pytest.fixture
def another(services) -> Session:
    return Session(services, User(name="somebody else"))


def test_a_new_page_has_a_bare_address(session):
    assert address_of(session) == ""


def test_query_step_and_job_come_back_from_the_address(session, another):
    session.query.update(nights=["2021-11-22"], where="candidate.magpsf < 19")
    session.param.update(step=3, job="ftransfer_ztf_2021-11-22_1")
    open_address(another, address_of(session))
    assert another.query.values() == session.query.values()
    assert (another.step, another.job, another.notice) == (3, "ftransfer_ztf_2021-11-22_1", None)


def test_a_source_that_is_not_the_first_is_in_the_address(session, another):
    session.query.source = "rubin"
    open_address(another, address_of(session))
    assert another.query.source == "rubin"


@pytest.mark.parametrize(
    ("search", "is_told"),
    [
        ("?q=abc&step=filter", True),
        ("?q=<script>alert(1)</script>&step=filter", True),
        ("?step=filter&q=", False),
        ("?step=filter&other=1&step=filter", False),
        (f"?step=filter&job={'x' * 300}", False),
    ],
)
def test_what_an_address_has_wrong_is_told_and_the_rest_counts(session, search, is_told):
    open_address(session, search)
    assert (session.step, session.job) == (1, None)
    assert (session.notice is not None and session.notice.is_error) is is_told


def test_a_step_that_is_none_is_the_first(session):
    session.step = 2
    open_address(session, "?step=nonsense")
    assert session.step == 0


def test_typing_replaces_the_address_and_a_step_is_one_more(session):
    shown: list[tuple[str, bool]] = []

    async def run() -> None:
        went = watch_address(session, lambda address, *, is_place: shown.append((address, is_place)))
        for length in (1, 2, 3):
            session.query.where = "abc"[:length]
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        session.step = 1
        await asyncio.sleep(0.01)
        session.job = "ftransfer_x"
        await asyncio.sleep(0.01)
        went("?step=content")
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert shown.pop(0) == ("", False)
    assert [is_place for _, is_place in shown[:3]] == [False, True, True]
    assert shown[1][0].endswith("&step=filter")
    assert shown[2][0].endswith("&step=filter&job=ftransfer_x")
    assert session.step == 2
